package simulation

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
)

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
	for _, name := range sortedKeys(j.tip().DataStores) { // a revert may have taken away what tenants came to
		if ref := (fleet.Ref{Kind: fleet.KindDataStore, Name: name}); f.DataStores[name] == nil && (f.Absent(ref) || f.Broken[ref].Path != "") {
			mended[storeFile(name)] = storeDeclared(name)
		}
	}
	// Who was stopped by the brake may go now.
	mended["fleet.yaml"] = []byte(strings.Replace(string(w.fleetFile()), "limit: ", "allowLast: true, limit: 10", 1))
	l, files := j.tip(), w.files()
	w.mendBrought(mended, f, l)
	w.giveUp(mended, files, f, l)
	for _, name := range slices.Sorted(maps.Keys(tenantsIn(files))) {
		w.mendTenant(mended, files, name, f.Tenants[name], l)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tenants)) {
		if e := l.Tenants[name]; f.Tenants[name] == nil && len(tenantsIn(files)[name]) == 0 && w.forgotten(e) {
			mended[e.Source+"/tenant.yaml"] = tenantDeclared(name, classThat(e.Provider), "")
		}
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

// forgotten tells whether a tenant is kept, and says so, because nothing declares it and
// nothing in the branch's history ever did: people have accepted another end. They are
// told to declare it again, and look themselves whether that is so.
func (w *world) forgotten(e *ledger.Tenant) bool {
	tip := w.git.Tip(statusBranch)
	if tip == "" {
		return false
	}
	var st core.TenantStatus
	said := w.filesOn(tip)[path.Join("status", e.Placement.Shard, ledger.Dir(e.Name), e.Name+".yaml")]
	if yaml.Unmarshal(said, &st) != nil || !slices.ContainsFunc(st.Conditions, func(c core.Condition) bool { return c.Reason == "LastDeclarationUnknown" }) {
		return false
	}
	for _, commit := range w.git.Log(declaredBranch) {
		if f, err := w.judge.fleetAt(commit); err == nil && f.Tenants[e.Name] != nil {
			return false
		}
	}
	return true
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
	switch { // as it is, or is about to be decided
	case e != nil:
		class = classThat(e.Provider)
	case t != nil && t.Spec.Class == broughtClass:
		class = broughtClass
	case t != nil && t.Spec.Class != class:
		class = "native"
	}
	paths := slices.Sorted(slices.Values(tenantsIn(files)[name]))
	if _, gone := mended[paths[0]]; gone || asAdopted(t, e) && len(paths) == 1 {
		return // it was given up, or is as it was taken over
	}
	if t != nil && len(paths) == 1 && len(t.Files) == 0 {
		wrong := t.Spec.Class != class && e != nil || t.Spec.Shard != "" && e != nil && t.Spec.Shard != e.Placement.Shard || t.Spec.DataStore != "" && (e == nil || t.Spec.DataStore != e.Placement.DataStore)
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
