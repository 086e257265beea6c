package simulation

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/controllers"
)

// clear has all faults end, and people mend what they have broken: what then is not as it
// is declared, nobody can be blamed for but us.
func (w *world) clear() {
	w.say("all faults end")
	for _, end := range slices.Backward(w.lasting) {
		end()
	}
	w.trap, w.spell, w.gitDown, w.git.Refuse = nil, nil, false, nil
	for _, at := range w.routes {
		*at = weather{}
	}
	for _, name := range clusterNames {
		c := w.clusters[name]
		c.server.Admit, c.server.Stale = nil, nil
		c.controllers.Stop(false)
		c.controllers.Fail(apiserver.Key{}, controllers.Well)
	}
	w.pausing.Lock()
	for i, shard := range shardNames {
		w.kubeconfigs[shard] = clusterNames[i]
	}
	clear(w.lacks)
	w.pausing.Unlock()
	moved := func(s stand) bool { return s.moved }
	again := slices.ContainsFunc(w.judge.declaredTips.stands, moved) || slices.ContainsFunc(w.judge.ledgerTips.stands, moved)
	for _, r := range w.replicas {
		w.setSkew(r, 0)
		if w.rolling && !r.newer { // what the newer daemon has put in force, this one does not know
			r.newer = true
			w.kill(r)
		}
		w.resume(r)
		if again {
			w.kill(r) // it may remember what nobody else does: people start it anew
		}
	}
	w.pass(2 * late) // what is under way may still say what it remembers
	whole := w.restore()
	w.mend()
	for _, r := range w.replicas {
		if again || !whole {
			w.kill(r) // one that was about to start has read what was not restored yet
		}
		if !whole { // people say which one is right
			r.accept = w.git.Tip(declaredBranch)
		}
		w.start(r)
	}
	w.makeRoom()
	w.letGo()
}

// makeRoom has people take away what stands where objects of ours belong.
func (w *world) makeRoom() {
	j := w.judge
	l, at, declared := j.tip(), j.ledgerTips.tip(), j.declaredTips.tip()
	for _, name := range slices.Sorted(maps.Keys(l.Tenants)) {
		if e := l.Tenants[name]; e.Lifecycle != ledger.Purged {
			u, err := j.tenantUnit(at, declared, e)
			w.makeRoomFor(u, err, e.Placement.Shard)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.DataStores)) {
		u, err := j.dataStoreUnit(at, declared, l.DataStores[name])
		w.makeRoomFor(u, err, l.DataStores[name].Shard)
	}
}

func (w *world) makeRoomFor(u *render.Unit, err error, shard string) {
	c := w.clusters[w.judge.clusterOf(shard)]
	if err != nil || c == nil {
		return
	}
	var ids []render.ObjectID
	for _, o := range u.Objects {
		if o.Adopts == "" {
			ids = append(ids, o.ID)
		}
	}
	for _, d := range u.Derived {
		ids = append(ids, d.ID)
	}
	for _, id := range ids {
		if have := c.server.Get(keyOf(id)); have != nil && !marksOf(keyOf(id), have).owned {
			w.say("%s on %s is taken away", id, c.name)
			if err := c.server.Delete(keyOf(id)); err != nil {
				w.say("%v", err)
			}
		}
	}
}

// letGo has datastores go that people have deleted. Who uses one keeps it from that, and
// it never comes back.
func (w *world) letGo() {
	for _, name := range clusterNames {
		c := w.clusters[name]
		for _, o := range c.server.List(apiserver.Key{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "DataStore"}) {
			u := unstructured.Unstructured{Object: runtime.DeepCopyJSON(o)}
			if u.GetDeletionTimestamp() == nil {
				continue
			}
			u.SetFinalizers(nil)
			_, err := c.server.Write("kubectl", "", u.Object)
			w.did(&u, err)
		}
	}
}
