package adoption_test

import (
	"maps"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tenantInput is what a tenant is rendered from when it was just decided.
func tenantInput(r *render.Renderer, f *fleet.Fleet, t *fleet.Tenant) render.TenantInput {
	in := render.InputOf(t, f.Classes[t.Spec.Class])
	a := t.Spec.Adopt
	in.UID, in.Lifecycle, in.BaseVersion = ledger.UID("anybody"), ledger.Living, r.BaseFor(in.Class)
	in.Placement = ledger.Placement{Shard: t.Spec.Shard, DataStore: t.Spec.DataStore, Address: a.Address, Host: a.Host}
	in.Adopted = ledger.AdoptedAs(a)
	if d := f.DataStores[t.Spec.DataStore]; d != nil {
		in.DataStore = storeInput(r, d)
	}
	return in
}

func storeInput(r *render.Renderer, d *fleet.DataStore) render.DataStoreInput {
	return render.DataStoreInput{
		Name: d.Metadata.Name, UID: ledger.UID("any"), Spec: d.Spec, BaseVersion: r.LatestBase(d.Spec.Provider),
		Adopted: ledger.AdoptedDataStoreAs(d.Spec.Adopt),
	}
}
