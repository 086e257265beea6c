package simulation

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// bearsState tells of the kinds whose objects take data with them when they go.
func bearsState(key apiserver.Key) bool {
	return slices.Contains([]string{
		"Namespace", "PersistentVolumeClaim", "StatefulSet", "DataStore", "TenantControlPlane",
	}, key.Kind)
}

// deleted judges that a replica has deleted an object of ours.
func (j *judge) deleted(c *cluster, change apiserver.Change, was marks, x *exchange) {
	name := nameOf(change.Key)
	var options metav1.DeleteOptions
	if json.Unmarshal(x.body, &options) != nil || options.Preconditions == nil ||
		options.Preconditions.UID == nil || options.Preconditions.ResourceVersion == nil {
		// Another object of that name may have come, or this one may have changed.
		j.violate("Deletion", "%s is deleted on %s without naming uid and resourceVersion", name, c.name)
	}
	if heard := x.asked.Sub(j.reached[x.life.id]); heard > 2*time.Minute {
		// It may be wanted again by now: who deletes has just looked.
		j.violate("Fresh", "%s deletes %s on %s, and had not heard of Git for %v", x.life.id, name, c.name, heard)
	}
	known := false
	for _, commit := range j.ledgerTips.lately(time.Now().Add(-j.window())) {
		l, err := j.ledgerAt(commit)
		if err != nil {
			continue
		}
		for _, t := range l.Tenants {
			if t.UID != was.uid {
				continue
			}
			known = true
			if t.Lifecycle == ledger.Purging || t.Lifecycle == ledger.Purged {
				if t.Adopting() {
					// Controllers would take what was not taken over down with it.
					j.violate("Adopted", "tenant %s was removed before all of it was taken over, and %s is deleted on %s", t.Name, name, c.name)
				}
				if j.clusterOf(t.Placement.Shard) != c.name {
					j.violate("Deletion", "tenant %s is purged from shard %s, and %s is deleted on %s", t.Name, t.Placement.Shard, name, c.name)
				}
				return
			}
		}
		for _, d := range l.DataStores {
			known = known || d.UID == was.uid
		}
	}
	if !known {
		j.violate("Deletion", "%s is deleted on %s, and the ledger says nothing of its owner %s", name, c.name, was.uid)
		return
	}
	if bearsState(change.Key) {
		// Nobody has asked for the data to go.
		j.violate("State", "%s is deleted on %s, though its owner %s lives", name, c.name, was.uid)
		return
	}
	if j.wanted(was.uid, idOf(change.Key)) {
		j.violate("Deletion", "%s is deleted on %s, though its owner %s lives and wants it", name, c.name, was.uid)
	}
}
