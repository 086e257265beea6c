package adoption

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// dataStores declares the datastores that the shard knows, of some tenants those that they
// use. An object belongs to one provider: that of the most tenants on it.
func (x *run) dataStores(tenants []*found) {
	used := map[string]map[string]int{}
	all := map[string]int{}
	for _, t := range tenants {
		if used[t.says.DataStore] == nil {
			used[t.says.DataStore] = map[string]int{}
		}
		used[t.says.DataStore][t.how.Provider()]++
		all[t.how.Provider()]++
	}
	byKind := map[render.ObjectID][]*render.Import{}
	var kinds []render.ObjectID
	for _, how := range x.renderer.Imports() {
		if how.Owner() != render.OwnerDataStore {
			continue
		}
		k := how.Kinds()[0]
		if byKind[k] == nil {
			kinds = append(kinds, k)
		}
		byKind[k] = append(byKind[k], how)
	}
	for _, k := range kinds {
		for _, o := range x.shard.of(k) {
			if x.Wanted != nil && used[o.id.Name] == nil {
				continue
			}
			how := slices.MaxFunc(byKind[k], func(a, b *render.Import) int {
				use := used[o.id.Name]
				return cmp.Or(cmp.Compare(use[a.Provider()], use[b.Provider()]), cmp.Compare(all[a.Provider()], all[b.Provider()]), strings.Compare(a.Provider(), b.Provider()))
			})
			if why := x.dataStore(how, o); why != "" {
				x.lost[o.id.Name] = why
				x.leave(o, "", why)
			}
		}
	}
}

// dataStore declares one, or says why not. A datastore has no patches: what is rendered
// of its declaration is what is live, or it is not declared.
func (x *run) dataStore(how *render.Import, o *live) string {
	if ok, why := x.shard.judge(o); !ok {
		return why
	}
	if owner, ok := x.declared(o); ok {
		x.result.Declared = append(x.result.Declared, owner)
		return ""
	}
	if !x.sayable(how, o) {
		return "it cannot be declared as it is"
	}
	says, err := how.Read(o.content)
	if err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	called, why := x.name(render.OwnerDataStore, x.stores, o.id.Name, x.Shard)
	if called == "" {
		return why
	}
	warnings := tenders(o.content)
	if why != "" {
		warnings = append(warnings, why)
	}
	spec := says.DataStoreSpec
	spec.Shards = []string{x.Shard}
	spec.Adopt = &fleet.AdoptDataStore{Name: o.id.Name, Objects: map[string]string{o.id.String(): o.uid}}
	file := path.Join("datastores", called+".yaml")
	data, err := x.declaration(fleet.KindDataStore, called, "", spec)
	if err != nil {
		return err.Error()
	}
	if why := x.proveDataStore(how, o, called, file, data); why != "" {
		return why
	}
	x.result.Files[file] = data
	x.byObject[o.id.Name] = store{called, how.Provider()}
	x.result.Imported = append(x.result.Imported, Owner{
		Kind: render.OwnerDataStore, Name: called, Object: o.id.String(), Provider: how.Provider(), File: file, Warnings: warnings,
	})
	return ""
}

// proveDataStore loads and renders the file, and compares.
func (x *run) proveDataStore(how *render.Import, o *live, called, file string, data []byte) string {
	f, findings, err := x.Load(map[string][]byte{file: data})
	if err != nil {
		return err.Error()
	}
	if why := about(findings, file); why != "" {
		return why
	}
	d := f.DataStores[called]
	if d == nil {
		return "it is not valid: " + f.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: called}].Message
	}
	unit, err := x.renderer.DataStore(render.DataStoreInput{
		Name: called, UID: ledger.UID(called), Spec: d.Spec, BaseVersion: x.renderer.LatestBase(how.Provider()),
		Adopted: ledger.AdoptedDataStoreAs(d.Spec.Adopt),
	})
	if err != nil {
		return err.Error()
	}
	for _, r := range unit.Objects {
		c, err := decode(r.JSON)
		if err != nil {
			return err.Error()
		}
		rest, err := how.Forget(o.content)
		if err != nil {
			return err.Error()
		}
		have, want := wanted(c), wanted(rest)
		// Labels and annotations of others stay on it, and are theirs.
		delete(have, "metadata")
		delete(want, "metadata")
		if fields := leaves(nil, residue(have, want)); len(fields) > 0 {
			return "a datastore's declaration cannot say " + list(fields)
		}
	}
	return ""
}

// about is what findings say of a file or a folder, of what is below, or of a folder above.
func about(findings fleet.Findings, at string) string {
	var out []string
	for _, f := range findings {
		where := f.File + ": "
		switch {
		case f.File == at || strings.HasPrefix(f.File, at+"/"):
			where = ""
			if f.Field != "" {
				where = f.Field + ": "
			}
		case !strings.HasPrefix(at, f.File+"/"):
			continue
		}
		out = append(out, where+f.Message)
	}
	return strings.Join(out, "; ")
}

// list names fields for people, the first few of them.
func list(fields [][]string) string {
	var out []string
	for i, f := range fields {
		if i == 8 {
			out = append(out, fmt.Sprintf("and %d more", len(fields)-i))
			break
		}
		out = append(out, join(f))
	}
	return strings.Join(out, ", ")
}
