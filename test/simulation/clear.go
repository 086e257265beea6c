package simulation

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
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

// restore puts branches back to where all that Leases remember is in them. It tells
// whether there is such a place for what is declared: two Leases may remember two ends.
func (w *world) restore() (whole bool) {
	j := w.judge
	j.look()
	back := func(b *branch, remembered func(*guard) string) bool {
		for _, s := range slices.Backward(b.stands) {
			contains := s.commit != ""
			for _, r := range j.guards {
				contains = contains && j.descends(s.commit, remembered(r))
			}
			if !contains {
				continue
			}
			if s.commit != b.tip() {
				w.say("%s is restored to %s", b.name, s.commit)
				if err := w.git.Move(b.name, s.commit); err != nil {
					w.t.Fatal(err)
				}
			}
			return true
		}
		return false
	}
	if !back(&j.ledgerTips, func(r *guard) string { return r.tip }) {
		for _, name := range clusterNames {
			if r := j.guards[name]; r != nil && !j.descends(j.ledgerTips.tip(), r.tip) {
				w.merge(&j.ledgerTips, r.tip)
			}
		}
	}
	w.unscribble()
	whole = back(&j.declaredTips, func(r *guard) string { return r.accepted })
	j.look()
	return whole
}

// merge has people bring two ends of a branch together: of each file what was changed in
// one of them since they parted; of what was changed in both, the one of the later epoch.
func (w *world) merge(b *branch, other string) {
	tip, base := b.tip(), other
	read := func(commit string) map[string][]byte {
		if commit == "" {
			return nil
		}
		files, err := w.git.Files(commit)
		if err != nil {
			w.t.Fatal(err)
		}
		return files
	}
	for base != "" && !w.judge.descends(tip, base) {
		parents, err := w.git.Parents(base)
		if err != nil {
			w.t.Fatal(err)
		}
		base = ""
		if len(parents) > 0 {
			base = parents[0]
		}
	}
	was, ours, theirs := read(base), read(tip), read(other)
	files := map[string][]byte{}
	for file := range union(was, theirs) {
		switch changed := !bytes.Equal(was[file], ours[file]); {
		case bytes.Equal(was[file], theirs[file]), changed && epochIn(ours[file]) >= epochIn(theirs[file]):
		default:
			files[file] = theirs[file]
		}
	}
	w.say("the end %s of %s is merged", other, b.name)
	if _, err := w.git.Merge(b.name, other, files, "merge what has parted"); err != nil {
		w.t.Fatal(err)
	}
	w.judge.look()
}

// epochIn is the epoch of a ledger's entry; 0 for what has none.
func epochIn(entry []byte) int64 {
	var e struct {
		Epoch int64 `json:"epoch"`
	}
	if yaml.Unmarshal(entry, &e) != nil {
		return 0
	}
	return e.Epoch
}

// unscribble takes out of the ledger what people have left there.
func (w *world) unscribble() {
	tip := w.git.Tip(ledgerBranch)
	if tip == "" {
		return
	}
	files, err := w.git.Files(tip)
	if err != nil {
		w.t.Fatal(err)
	}
	theirs := map[string][]byte{}
	for file := range files {
		if !ledgersOwn(file) {
			theirs[file] = nil
		}
	}
	if len(theirs) > 0 {
		if _, err := w.git.Commit(ledgerBranch, theirs, "clean up"); err != nil {
			w.t.Fatal(err)
		}
	}
}

// mend has declarations be such that each tenant can be what it is decided to be.
func (w *world) mend() {
	j := w.judge
	f, err := j.fleetAt(j.declaredTips.tip())
	if err != nil {
		w.t.Fatal(err)
	}
	mended := map[string][]byte{}
	for file, content := range w.fleetFiles() {
		ref := fleet.Ref{Kind: map[string]string{
			"classes": fleet.KindClass, "shards": fleet.KindShard, "datastores": fleet.KindDataStore,
		}[strings.Split(file, "/")[0]], Name: strings.TrimSuffix(path.Base(file), ".yaml")}
		if ref.Kind == fleet.KindClass {
			ref.Name = path.Base(path.Dir(file))
		}
		if _, broken := f.Broken[ref]; broken || f.Absent(ref) {
			mended[file] = content
		}
	}
	// Who was stopped by the brake may go now.
	mended["fleet.yaml"] = []byte(strings.Replace(string(w.fleetFile()), "limit: ", "allowLast: true, limit: 10", 1))
	l, files := j.tip(), w.files()
	for _, name := range slices.Sorted(maps.Keys(tenantsIn(files))) {
		w.mendTenant(mended, files, name, f.Tenants[name], l)
	}
	for file, content := range mended {
		if was, there := files[file]; there == (content != nil) && bytes.Equal(was, content) {
			delete(mended, file)
		}
	}
	if len(mended) > 0 {
		w.commit("mend", mended)
	}
}

// tenantsIn are the names that files declare, well or not.
func tenantsIn(files map[string][]byte) map[string][]string {
	all := map[string][]string{}
	for file := range files {
		if parts := strings.Split(file, "/"); len(parts) == 4 && parts[0] == "tenants" && parts[3] == "tenant.yaml" {
			all[parts[2]] = append(all[parts[2]], file)
		}
	}
	return all
}

// mendTenant writes one tenant anew, unless it is well.
func (w *world) mendTenant(mended, files map[string][]byte, name string, t *fleet.Tenant, l *ledger.Ledger) {
	class, more, e := "hosted", "", l.Tenants[name]
	if e != nil && e.Lifecycle == ledger.Purged {
		e = nil
	}
	if e != nil && e.Provider == "native" || e == nil && t != nil && t.Spec.Class != class {
		class = "native" // as it is, or is about to be decided
	}
	paths := slices.Sorted(slices.Values(tenantsIn(files)[name]))
	if t != nil && len(paths) == 1 && len(t.Files) == 0 {
		wrong := t.Spec.Class != class && e != nil || t.Spec.Shard != "" && e != nil && t.Spec.Shard != e.Placement.Shard || t.Spec.DataStore != ""
		if !wrong && (e == nil || t.Dir() == e.Source || t.Spec.MovedFrom == e.Source) {
			return
		}
	}
	keep := paths[0]
	if e != nil && slices.Contains(paths, e.Source+"/tenant.yaml") {
		keep = e.Source + "/tenant.yaml"
	}
	for file := range files {
		if dir := path.Dir(file); slices.ContainsFunc(paths, func(p string) bool { return path.Dir(p) == dir }) {
			mended[file] = nil
		}
	}
	if e != nil && path.Dir(keep) != e.Source {
		more = ", movedFrom: " + e.Source
	}
	mended[keep] = tenantDeclared(name, class, more)
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
		ids = append(ids, o.ID)
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
