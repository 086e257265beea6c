package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// Every change of one entry has a sentence of its own.
func TestMessageOfOneChange(t *testing.T) {
	const other = "1b2c3d4e5f60718293a4b5c6d7e8f90123456701"
	tenant := func(change func(*ledger.Tenant)) *ledger.Tenant {
		e := acme()
		change(e)
		return e
	}
	held := func(commit string) *ledger.Tenant {
		return tenant(func(e *ledger.Tenant) { e.Held = &ledger.Held{Commit: commit, Tree: tree, Reason: "Invalid"} })
	}
	store := func(change func(*ledger.DataStore)) *ledger.DataStore {
		e := dataStore()
		e.Held = nil
		change(e)
		return e
	}
	asItWas := store(func(*ledger.DataStore) {})
	heldStore := func(commit string) *ledger.DataStore {
		return store(func(e *ledger.DataStore) { e.Held = &ledger.Held{Commit: commit, Tree: tree, Reason: "Removed"} })
	}
	ofClass := func(change func(*ledger.Class)) *ledger.Class {
		e := class()
		change(e)
		return e
	}
	ofShard := func(change func(*ledger.Shard)) *ledger.Shard {
		e := shard()
		change(e)
		return e
	}
	tenants := func(e *ledger.Tenant) ledger.Changes {
		return ledger.Changes{Tenants: map[string]*ledger.Tenant{"acme": e}}
	}
	stores := func(e *ledger.DataStore) ledger.Changes {
		return ledger.Changes{DataStores: map[string]*ledger.DataStore{"eu-1-a": e}}
	}
	classes := func(e *ledger.Class) ledger.Changes {
		return ledger.Changes{Classes: map[string]*ledger.Class{"standard": e}}
	}
	shards := func(e *ledger.Shard) ledger.Changes {
		return ledger.Changes{Shards: map[string]*ledger.Shard{"eu-1": e}}
	}

	for _, tt := range []struct {
		was, is ledger.Changes
		want    string
	}{
		{ledger.Changes{}, ledger.Changes{}, "Change nothing"},

		{tenants(acme()), tenants(nil), "Forget acme"},
		{tenants(acme()), tenants(tenant(func(e *ledger.Tenant) { e.UID = "another" })), "Place acme on eu-1 (datastore eu-1-a, address 10.0.0.11)"},
		{tenants(acme()), tenants(held(commit)), "Hold acme as of commit " + commit + " (Invalid)"},
		{tenants(held(commit)), tenants(held(other)), "Hold acme as of commit " + other + " (Invalid)"},
		{
			tenants(held(commit)), tenants(tenant(func(e *ledger.Tenant) { *e = *held(commit); e.Source = "tenants/db/acme" })),
			"Follow acme from tenants/web/acme to tenants/db/acme",
		},
		{tenants(held(commit)), tenants(acme()), "Follow acme again"},
		{tenants(acme()), tenants(tenant(func(e *ledger.Tenant) { e.Source = "tenants/db/acme" })), "Follow acme from tenants/web/acme to tenants/db/acme"},
		{tenants(acme()), tenants(tenant(func(e *ledger.Tenant) { e.Epoch = 2 })), "Update acme"},
		{tenants(acme()), tenants(tenant(func(e *ledger.Tenant) { e.Placement.DataStore = "eu-1-b" })), "Migrate acme from datastore eu-1-a to eu-1-b"},
		{tenants(acme()), tenants(tenant(func(e *ledger.Tenant) { e.Placement.Shard, e.Placement.DataStore = "eu-2", "eu-2-a" })), "Move acme from eu-1 (datastore eu-1-a, address 10.0.0.11) to eu-2 (datastore eu-2-a, address 10.0.0.11)"},

		{tenants(nil), tenants(adopting()), "Adopt acme as it is on eu-1 (datastore eu-1-a, address 10.0.0.11)"},
		{tenants(adopting()), tenants(tenant(func(e *ledger.Tenant) { e.Adopted = adopting().Adopted.Done() })), "Own acme: it is taken over"},
		{stores(nil), stores(adoptingDataStore()), "Adopt datastore eu-1-a as it is on shard eu-1 (provider kamaji, base 1)"},
		{stores(adoptingDataStore()), stores(store(func(e *ledger.DataStore) { e.Adopted = adoptingDataStore().Adopted.Done() })), "Own datastore eu-1-a: it is taken over"},

		{stores(nil), stores(asItWas), "Begin datastore eu-1-a on shard eu-1 (provider native, base 1)"},
		{stores(asItWas), stores(nil), "Forget datastore eu-1-a"},
		{stores(asItWas), stores(store(func(e *ledger.DataStore) { e.UID = "another" })), "Begin datastore eu-1-a on shard eu-1 (provider native, base 1)"},
		{stores(asItWas), stores(heldStore(commit)), "Hold datastore eu-1-a as of commit " + commit + " (Removed)"},
		{stores(heldStore(commit)), stores(heldStore(other)), "Hold datastore eu-1-a as of commit " + other + " (Removed)"},
		{stores(heldStore(commit)), stores(asItWas), "Follow datastore eu-1-a again"},
		{stores(asItWas), stores(store(func(e *ledger.DataStore) { e.BaseVersion = "2" })), "Upgrade datastore eu-1-a from base 1 to 2"},
		{stores(asItWas), stores(store(func(e *ledger.DataStore) { e.Epoch = 2 })), "Update datastore eu-1-a"},
		{
			stores(heldStore(commit)), stores(store(func(e *ledger.DataStore) { *e = *heldStore(commit); e.Epoch = 2 })),
			"Update datastore eu-1-a",
		},

		{classes(nil), classes(class()), "Accept class standard (provider native, base 1)"},
		{classes(class()), classes(nil), "Forget class standard"},
		{classes(class()), classes(ofClass(func(e *ledger.Class) { e.BaseVersion = "2" })), "Upgrade class standard from base 1 to 2"},
		{classes(class()), classes(ofClass(func(e *ledger.Class) { e.Commit = other })), "Accept class standard as of commit " + other},

		{shards(nil), shards(shard()), "Pin shard eu-1 to cluster " + shard().Identity},
		{shards(shard()), shards(nil), "Forget shard eu-1"},
		{shards(shard()), shards(ofShard(func(e *ledger.Shard) { e.Identity = "another" })), "Pin shard eu-1 to cluster another"},
		{shards(shard()), shards(ofShard(func(e *ledger.Shard) { e.Kinds = e.Kinds[:1] })), "Update shard eu-1"},
		{
			shards(shard()), shards(ofShard(func(e *ledger.Shard) { e.Kinds = append(e.Kinds, "v1/Pod", "v1/Service") })),
			"Watch shard eu-1 for v1/Pod, v1/Service",
		},
	} {
		t.Run(tt.want, func(t *testing.T) {
			if diff := cmp.Diff(tt.want+"\n", ledger.Empty().With(tt.was).Message(tt.is)); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
		})
	}
}
