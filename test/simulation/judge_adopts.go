package simulation

import (
	"maps"
	"reflect"
	"strings"
	"time"

	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// adopts tells whether a write takes over what is not ours because an entry names its uid,
// whose tenant lives. Then it changes nothing of it but marks.
func (j *judge) adopts(c *cluster, change apiserver.Change, is marks) bool {
	uid, _ := mapping(change.Was, "metadata")["uid"].(string)
	if change.Is == nil || !j.imported(c, change.Key, uid, is) {
		return false
	}
	if was, now := unmarked(change.Was), unmarked(change.Is); c.server.Admit == nil && !reflect.DeepEqual(was, now) {
		j.violate("Adopted", "%s on %s was\n%v\nand is taken over as\n%v", nameOf(change.Key), c.name, was, now)
	}
	return true
}

// imported tells whether an entry that may just be in force names an object as one to be taken
// over: that of its new owner, once it has one.
func (j *judge) imported(c *cluster, key apiserver.Key, uid string, is marks) bool {
	for _, at := range j.ledgerTips.lately(time.Now().Add(-j.window() - 2*j.w.settings.Interval)) {
		l, err := j.ledgerAt(at)
		if err != nil {
			continue
		}
		for _, e := range l.Tenants {
			if e.Adopting() && e.Lifecycle == ledger.Living && e.Adopted.Objects[nameOf(key)] == uid && j.clusterOf(e.Placement.Shard) == c.name && (!is.owned || is.uid == e.UID) {
				return true
			}
		}
	}
	return false
}

// inPlace: what was to be taken over and is not there is somebody's loss, not ours to make.
func (j *judge) inPlace(c *cluster, change apiserver.Change, is marks) {
	if e := j.tenantOf(is.uid); change.Was == nil && e != nil && e.Adopting() && e.Adopted.Objects[nameOf(change.Key)] != "" {
		j.violate("Adopted", "%s on %s is made in the place of what tenant %s takes over", nameOf(change.Key), c.name, e.Name)
	}
}

// unmarked is an object without what says whose it is.
func unmarked(o apiserver.Object) map[string]any {
	out, meta := maps.Clone(o), maps.Clone(mapping(o, "metadata"))
	for _, field := range []string{"managedFields", "resourceVersion"} {
		delete(meta, field)
	}
	for _, field := range []string{"labels", "annotations"} {
		left := maps.Clone(mapping(meta, field))
		maps.DeleteFunc(left, func(key string, _ any) bool {
			return strings.HasPrefix(key, "tenantry.io/") || key == render.LabelManagedBy
		})
		if delete(meta, field); len(left) > 0 {
			meta[field] = left
		}
	}
	out["metadata"] = meta
	return out
}

// adoptable tells whether all that is to be taken over is there, and as it is rendered.
func (j *judge) adoptable(u *render.Unit, e *ledger.Tenant) bool {
	c := j.w.clusters[j.clusterOf(e.Placement.Shard)]
	for _, o := range u.Objects {
		if o.Adopts == "" || c == nil {
			continue
		}
		have := c.server.Get(keyOf(o.ID))
		uid, _ := mapping(have, "metadata")["uid"].(string)
		var body map[string]any
		if err := kjson.Unmarshal(o.JSON, &body); err != nil || uid != o.Adopts || lacks(unmarked(body), have, "") != "" {
			return false
		}
	}
	return c != nil
}
