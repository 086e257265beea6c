package simulation

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// place is where an owner has objects.
type place struct{ cluster, uid string }

// presence are the objects that are ours, and whose, by cluster.
type presence map[string]map[apiserver.Key]string

// move takes in a change.
func (p presence) move(cluster string, change apiserver.Change) {
	all := p[cluster]
	if all == nil {
		all = map[apiserver.Key]string{}
		p[cluster] = all
	}
	if m := marksOf(change.Key, change.Is); m.owned {
		all[change.Key] = m.uid
	} else {
		delete(all, change.Key)
	}
}

// marks are what an object says of whose it is.
type marks struct {
	uid   string
	epoch int64
	// entry is what of it is ours by server-side apply; owned: all three proofs are there.
	entry map[string]any
	owned bool
}

func marksOf(key apiserver.Key, o apiserver.Object) marks {
	meta := mapping(o, "metadata")
	labels, annotations := mapping(meta, "labels"), mapping(meta, "annotations")
	var m marks
	if m.uid, _ = labels[render.LabelUID].(string); m.uid == "" {
		return m
	}
	self, _ := annotations[render.AnnotationObject].(string)
	epoch, _ := annotations[render.AnnotationEpoch].(string)
	m.epoch, _ = strconv.ParseInt(epoch, 10, 64)
	m.entry = entryOf(o)
	m.owned = m.entry != nil && self == nameOf(key)
	return m
}

// entryOf are the fields that are ours by server-side apply; nil when there are none.
func entryOf(o apiserver.Object) map[string]any {
	entries, _ := mapping(o, "metadata")["managedFields"].([]any)
	for _, e := range entries {
		e, _ := e.(map[string]any)
		if e["manager"] == render.FieldManager && e["operation"] == "Apply" && e["subresource"] == nil {
			return mapping(e, "fieldsV1")
		}
	}
	return nil
}

func mapping(o map[string]any, name string) map[string]any {
	inner, _ := o[name].(map[string]any)
	return inner
}

// idOf is what we call an object that the API server names by key.
func idOf(key apiserver.Key) render.ObjectID {
	return render.ObjectID{Group: key.Group, Version: key.Version, Kind: key.Kind, Namespace: key.Namespace, Name: key.Name}
}

func nameOf(key apiserver.Key) string { return idOf(key).String() }

func isLease(key apiserver.Key) bool { return key.Kind == "Lease" && key.Namespace == lease.Namespace }

func isSystem(key apiserver.Key) bool {
	return key.Kind == "Namespace" && key.Name == lease.Namespace
}

func isAnchor(key apiserver.Key) bool {
	return key.Kind == "ConfigMap" && key.Namespace == lease.Namespace && strings.HasPrefix(key.Name, "anchor-")
}

// judgeWrite judges what a replica has written.
func (j *judge) judgeWrite(c *cluster, change apiserver.Change, x *exchange) {
	deleting := change.Verb == "delete"
	was, is := marksOf(change.Key, change.Was), marksOf(change.Key, change.Is)
	switch {
	case isAnchor(change.Key):
		j.anchored(c, change)
		return
	case change.Was != nil && !was.owned && !deleting && j.adopts(c, change, is):
		if !is.owned {
			return // it is about to be
		}
	case change.Was != nil && !was.owned && !released(change):
		// It may be anybody's; a label is copied easily.
		j.violate("Foreign", "%s %ss %s on %s, which is not ours", x.life.id, change.Verb, nameOf(change.Key), c.name)
		return
	case deleting:
		j.deleted(c, change, was, x)
		return
	case change.Is == nil || !is.owned:
		j.violate("Foreign", "%s makes %s on %s without saying whose it is", x.life.id, nameOf(change.Key), c.name)
		return
	case change.Was != nil && was.owned && was.uid != is.uid:
		j.violate("Identity", "%s on %s was of %s, and is of %s now", nameOf(change.Key), c.name, was.uid, is.uid)
	}
	j.inPlace(c, change, is)
	j.decidedFirst(c, change, is)
	j.newer(c, change, was, is)
	j.alien(c, change, was, is)
	j.tearsDown(c, change, is)
}

// released tells whether a write gives back what was taken of a foreign object: between
// the look and the write it had appeared.
func released(change apiserver.Change) bool {
	return change.Is != nil && entryOf(change.Is) == nil && entryOf(change.Was) != nil
}

// decidedFirst: what is written nowhere cannot be taken back, and somebody else may
// decide otherwise. So nothing is made for an owner that no ledger ever had here, with
// that epoch.
func (j *judge) decidedFirst(c *cluster, change apiserver.Change, is marks) {
	for d := range j.given {
		if d.uid == is.uid && d.epoch == is.epoch && j.clusterOf(d.shard) == c.name {
			return
		}
	}
	j.violate("DecideFirst", "%s on %s is written for %s with epoch %d, which no ledger says", nameOf(change.Key), c.name, is.uid, is.epoch)
}

// newer: a process that slept must not undo what was decided since. It is the anchor that
// stops it, also where nothing is left to compare with.
func (j *judge) newer(c *cluster, change apiserver.Change, was, is marks) {
	if is.epoch < was.epoch {
		j.violate("OlderOverNewer", "%s on %s had epoch %d, and has %d now", nameOf(change.Key), c.name, was.epoch, is.epoch)
	}
	switch a := j.anchors[place{c.name, is.uid}]; {
	case is.epoch < a.epoch:
		j.violate("OlderOverNewer", "%s on %s is written with epoch %d, its anchor says %d", nameOf(change.Key), c.name, is.epoch, a.epoch)
	case is.epoch > a.epoch && !a.theirs: // who wakes up now would not be stopped
		j.violate("OlderOverNewer", "%s on %s is written with epoch %d before its anchor, which says %d", nameOf(change.Key), c.name, is.epoch, a.epoch)
	}
}

// height is the epoch that an anchor says; theirs: since people have had their hands in it.
type height struct {
	epoch  int64
	theirs bool
}

// anchored judges a write to an anchor, and remembers the highest one.
func (j *judge) anchored(c *cluster, change apiserver.Change) {
	if change.Is == nil {
		j.violate("OlderOverNewer", "the anchor %s on %s is deleted by us", change.Key.Name, c.name)
		return
	}
	uid := strings.TrimPrefix(change.Key.Name, "anchor-")
	was, is := epochOf(change.Was), epochOf(change.Is)
	if is < was {
		j.violate("OlderOverNewer", "the anchor of %s on %s falls from %d to %d", uid, c.name, was, is)
	}
	if !j.given[decision{uid, j.shardOf(c.name), is}] {
		j.violate("DecideFirst", "the anchor of %s on %s is set to %d, which no ledger says", uid, c.name, is)
	}
	j.anchors[place{c.name, uid}] = height{epoch: is}
}

func epochOf(anchor apiserver.Object) int64 {
	text, _ := mapping(anchor, "data")["epoch"].(string)
	epoch, _ := strconv.ParseInt(text, 10, 64)
	return epoch
}

// oneShard: two control planes with one identity would both write to the same data.
func (j *judge) oneShard(c *cluster, change apiserver.Change) {
	m := marksOf(change.Key, change.Is)
	if !m.owned {
		return
	}
	for _, other := range clusterNames {
		if other == c.name {
			continue
		}
		for key, uid := range j.present[other] {
			if uid == m.uid {
				j.violate("OneShard", "%s has %s on %s and %s on %s", m.uid, nameOf(change.Key), c.name, nameOf(key), other)
			}
		}
	}
	for _, t := range j.tip().Tenants {
		if t.UID == m.uid && j.clusterOf(t.Placement.Shard) != c.name {
			j.violate("OneShard", "tenant %s is on shard %s, and %s is written on %s", t.Name, t.Placement.Shard, nameOf(change.Key), c.name)
		}
	}
}

// alien: people and controllers add to our objects what we do not speak of. An apply of
// ours changes only what is ours.
func (j *judge) alien(c *cluster, change apiserver.Change, was, is marks) {
	if change.Was == nil || c.server.Admit != nil {
		return // admission changes what it likes
	}
	for _, field := range slices.Sorted(maps.Keys(change.Is)) {
		switch field {
		case "metadata":
			a, b := mapping(change.Was, field), mapping(change.Is, field)
			for _, name := range []string{"labels", "annotations", "finalizers", "ownerReferences"} {
				j.sameBut(change, a[name], b[name], within(within(was.entry, field), name), within(within(is.entry, field), name), field+"."+name)
			}
		case "apiVersion", "kind":
		default:
			j.sameBut(change, change.Was[field], change.Is[field], within(was.entry, field), within(is.entry, field), field)
		}
	}
}

// sameBut judges that two values are the same as far as they are not ours. Lists are
// looked at as a whole.
func (j *judge) sameBut(change apiserver.Change, was, is any, had, have map[string]any, path string) {
	a, aMap := was.(map[string]any)
	b, bMap := is.(map[string]any)
	if (aMap || was == nil) && (bMap || is == nil) && (aMap || bMap) {
		for name := range union(a, b) {
			j.sameBut(change, a[name], b[name], within(had, name), within(have, name), path+"."+name)
		}
		return
	}
	if had == nil && have == nil && !reflect.DeepEqual(was, is) {
		j.violate("Foreign", "%s of %s was %v and is %v, though it is not ours", path, nameOf(change.Key), was, is)
	}
}

// within is the part of an entry below a field; nil when nothing there is ours.
func within(entry map[string]any, field string) map[string]any {
	if len(entry) == 0 {
		return entry // not ours, or ours as a whole
	}
	below, ours := entry["f:"+field]
	if !ours {
		return nil
	}
	if m, ok := below.(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// tearsDown: whatever still runs of a tenant would write its data anew while it is being
// removed. So nothing is made for one that goes until all else of it is gone. What carries
// an older epoch was begun before that was decided, and is waited for.
func (j *judge) tearsDown(c *cluster, change apiserver.Change, is marks) {
	t := j.tenantOf(is.uid)
	if change.Was != nil || t == nil || t.Lifecycle != ledger.Purging || is.epoch < t.Epoch {
		return
	}
	for key, uid := range j.present[c.name] {
		if uid == is.uid && key != change.Key && key.Kind != "Job" {
			j.violate("TearDown", "%s is made for tenant %s while %s is there", nameOf(change.Key), t.Name, nameOf(key))
		}
	}
}

// tenantOf is the tenant of a uid in the ledger as it is.
func (j *judge) tenantOf(uid string) *ledger.Tenant {
	for _, t := range j.tip().Tenants {
		if t.UID == uid {
			return t
		}
	}
	return nil
}

// wrote counts what is written to an object, but for what answers a write of another life
// that may still write as well.
func (j *judge) wrote(c *cluster, change apiserver.Change, x *exchange) {
	if isLease(change.Key) {
		return
	}
	at, now, r := objectAt{c.name, change.Key}, time.Now(), j.guard(c)
	before := j.rates.writers[at]
	j.rates.writers[at] = x.life.id
	if before != x.life.id && r.lets(before, now) && r.lets(x.life.id, now) {
		j.rates.count(at)
		return
	}
	j.rates.wrote(j, at, now)
}
