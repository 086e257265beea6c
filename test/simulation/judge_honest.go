package simulation

import (
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// honesty knows which objects were ours once and are there as somebody else's.
type honesty struct {
	lost map[objectAt]loss
	// troubled is until when something may keep replicas from telling.
	troubled time.Time
}

// loss is whose an object was, and when it ceased to be.
type loss struct {
	uid string
	at  time.Time
}

// untroubling are acts that keep nobody from telling what is so.
var untroubling = []string{"wait", "declare", "remove", "revert", "move", "touch", "delete", "copy"}

// lose takes in whose an object is.
func (h *honesty) lose(c *cluster, change apiserver.Change) {
	at := objectAt{c.name, change.Key}
	was, is := marksOf(change.Key, change.Was), marksOf(change.Key, change.Is)
	switch {
	case change.Is == nil || is.owned:
		delete(h.lost, at)
	case was.owned:
		h.lost[at] = loss{was.uid, time.Now()}
	}
}

// honest: nobody looks after a tenant that is said to be well. So it is not said that all
// of it is applied while one of its objects is somebody else's: what of an object is ours
// stands in managedFields, and labels and annotations are copied easily.
func (j *judge) honest(a Act) {
	h, now := &j.honesty, time.Now()
	if !slices.Contains(untroubling, a.Do) {
		if until := now.Add(a.pause("for", 0) + 15*time.Minute); until.After(h.troubled) {
			h.troubled = until
		}
	}
	if now.Before(h.troubled) || now.Sub(j.unrest.of["replicas"]) < 15*time.Minute {
		return
	}
	files, err := j.w.git.Files(j.w.git.Tip(statusBranch))
	if err != nil {
		return
	}
	for at, lost := range h.lost {
		t := j.tenantOf(lost.uid)
		if t == nil || t.Lifecycle != ledger.Living || now.Sub(lost.at) < j.window() || !j.wanted(lost.uid, idOf(at.key)) {
			continue
		}
		var st core.TenantStatus
		if yaml.Unmarshal(files["status/"+t.Placement.Shard+"/"+ledger.Dir(t.Name)+"/"+t.Name+".yaml"], &st) != nil || st.UID != t.UID {
			continue
		}
		for _, c := range st.Conditions {
			if c.Type == "Applied" && c.Status == "True" {
				j.violate("Honest", "tenant %s is said to be applied, but %s on %s is somebody else's since %v", t.Name, nameOf(at.key), at.cluster, lost.at)
			}
		}
	}
}
