package shard

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// view is what was reported of a shard, as little of it as tells news from
// echoes. It outlives terms: what vanishes between two of them is found gone by
// the first list of the next.
type view struct {
	out *outbox

	mu    sync.Mutex
	term  int
	kinds map[string]*kindView
	// anchors by owner's uid.
	anchors map[string]core.Anchor
}

type kindView struct {
	objects map[types.NamespacedName]sighting
	// at is the newest resourceVersion that the kind's watch has brought.
	at string
}

// sighting is one object as reported last.
type sighting struct {
	owner, version string
	// full tells that content or data was reported, too.
	full bool
	// gone tells that our own delete removed it; watch events that were under way
	// do not bring it back.
	gone bool
}

func newView(out *outbox) *view {
	return &view{out: out, kinds: map[string]*kindView{}, anchors: map[string]core.Anchor{}}
}

// begin starts a term. Versions of the last one say nothing any more: another
// cluster may stand there, or the same one restored from a backup.
func (v *view) begin(term int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.term = term
	for _, k := range v.kinds {
		k.at = ""
		for name, s := range k.objects {
			if s.gone {
				delete(k.objects, name)
				continue
			}
			s.version = ""
			k.objects[name] = s
		}
	}
	for uid, a := range v.anchors {
		a.ResourceVersion = ""
		v.anchors[uid] = a
	}
}

// put takes in an object as the kind's watch shows it.
func (v *view) put(term int, o *core.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term == v.term {
		k := v.kind(o.ID)
		v.putLocked(k, o)
		k.at = o.ResourceVersion
	}
}

// answered takes in an object as the answer to a request shows it. The watch may
// have come further in the meantime: what it has left behind and does not know is
// gone by now.
func (v *view) answered(term int, o *core.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	k := v.kind(o.ID)
	_, known := k.objects[types.NamespacedName{Namespace: o.ID.Namespace, Name: o.ID.Name}]
	if known || !k.passed(o.ResourceVersion) {
		v.putLocked(k, o)
	}
}

// passed tells whether the kind's watch has come as far as a resourceVersion.
func (k *kindView) passed(version string) bool {
	return k.at != "" && compare(version, k.at) <= 0
}

func (v *view) putLocked(k *kindView, o *core.Object) {
	name := types.NamespacedName{Namespace: o.ID.Namespace, Name: o.ID.Name}
	full := o.Content != nil || o.Data != ""
	old, known := k.objects[name]
	if known {
		switch c := compare(o.ResourceVersion, old.version); {
		case c < 0, c == 0 && (!full || old.full):
			return
		}
		if old.owner != o.OwnerUID && !old.gone {
			v.out.gone(old.owner, o.ID)
		}
	}
	if o.OwnerUID == "" { // not labelled any more
		delete(k.objects, name)
		return
	}
	k.objects[name] = sighting{owner: o.OwnerUID, version: o.ResourceVersion, full: full}
	v.out.object(o)
}

// remove takes in that the kind's watch shows an object gone, as of a
// resourceVersion.
func (v *view) remove(term int, id render.ObjectID, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	k, name := v.kind(id), types.NamespacedName{Namespace: id.Namespace, Name: id.Name}
	k.at = version
	old, known := k.objects[name]
	if !known || compare(version, old.version) < 0 {
		return
	}
	delete(k.objects, name)
	if !old.gone {
		v.out.gone(old.owner, id)
	}
}

// deleted takes in that our own delete removed the object that had this version.
func (v *view) deleted(term int, owner string, id render.ObjectID, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	k, name := v.kind(id), types.NamespacedName{Namespace: id.Namespace, Name: id.Name}
	switch old, known := k.objects[name]; {
	case known && compare(version, old.version) < 0:
		return // there is a newer one already
	case !known && k.passed(version):
		return // the watch has told
	case known && !old.gone:
		v.out.gone(old.owner, id)
	}
	k.objects[name] = sighting{owner: owner, version: version, gone: true}
	v.out.gone(owner, id)
}

// replace takes in all objects of a kind, as of a resourceVersion.
func (v *view) replace(term int, kind render.ObjectID, objects []*core.Object, at string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	k := v.kind(kind)
	if compare(at, k.at) < 0 { // restored from a backup: time went backwards
		for name, s := range k.objects {
			s.version = ""
			k.objects[name] = s
		}
	}
	k.at = at
	there := make(map[types.NamespacedName]bool, len(objects))
	for _, o := range objects {
		there[types.NamespacedName{Namespace: o.ID.Namespace, Name: o.ID.Name}] = true
		v.putLocked(k, o)
	}
	for name, s := range k.objects {
		if there[name] || s.version != "" && compare(s.version, at) > 0 { // written since the list was made
			continue
		}
		delete(k.objects, name)
		if !s.gone {
			id := kind
			id.Namespace, id.Name = name.Namespace, name.Name
			v.out.gone(s.owner, id)
		}
	}
}

func (v *view) kind(id render.ObjectID) *kindView {
	name := id.KindName()
	k := v.kinds[name]
	if k == nil {
		k = &kindView{objects: map[types.NamespacedName]sighting{}}
		v.kinds[name] = k
	}
	return k
}

// putAnchor takes in an anchor; one without a resourceVersion is gone.
func (v *view) putAnchor(term int, a core.Anchor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term == v.term {
		v.putAnchorLocked(a)
	}
}

func (v *view) putAnchorLocked(a core.Anchor) {
	if old, known := v.anchors[a.OwnerUID]; known && compare(a.ResourceVersion, old.ResourceVersion) <= 0 {
		return
	}
	v.anchors[a.OwnerUID] = a
	v.out.anchor(a)
}

// removeAnchor takes in that an anchor is gone, as of a resourceVersion.
func (v *view) removeAnchor(term int, uid, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	if old, known := v.anchors[uid]; known && compare(version, old.ResourceVersion) >= 0 {
		delete(v.anchors, uid)
		v.out.anchor(core.Anchor{OwnerUID: uid})
	}
}

// forgetAnchor takes in that an anchor was looked for and is not there.
func (v *view) forgetAnchor(term int, uid string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term == v.term {
		delete(v.anchors, uid)
		v.out.anchor(core.Anchor{OwnerUID: uid})
	}
}

// replaceAnchors takes in all anchors, as of a resourceVersion.
func (v *view) replaceAnchors(term int, anchors []core.Anchor, at string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if term != v.term {
		return
	}
	there := map[string]bool{}
	for _, a := range anchors {
		there[a.OwnerUID] = true
		v.putAnchorLocked(a)
	}
	for uid, a := range v.anchors {
		if !there[uid] && (a.ResourceVersion == "" || compare(a.ResourceVersion, at) <= 0) {
			delete(v.anchors, uid)
			v.out.anchor(core.Anchor{OwnerUID: uid})
		}
	}
}

// epoch is the highest epoch known of an owner; 0 when there is none.
func (v *view) epoch(owner string) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.anchors[owner].Epoch
}

// compare compares resourceVersions; one that cannot be compared is newer than
// the old one, so that nothing is missed.
func compare(a, old string) int {
	if old == "" {
		return 1
	}
	c, err := resourceversion.CompareResourceVersion(a, old)
	if err != nil {
		if a == old {
			return 0
		}
		return 1
	}
	return c
}
