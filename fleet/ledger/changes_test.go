package ledger_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
)

func TestDraftMountsTreesWhileTheyAreNamed(t *testing.T) {
	first := ledger.Changes{}
	first.SetTenant(heldTenant()) // names tree
	first.SetDataStore(dataStore())
	first.SetClass(class()) // names tree2
	l := ledger.Empty()
	parts, err := l.Draft(first)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{ledger.SourcePath(tree): tree, ledger.SourcePath(tree2): tree2}
	if diff := cmp.Diff(want, parts.Mounts); diff != "" {
		t.Errorf("begin: want (-) got (+):\n%s", diff)
	}
	l = l.With(first)

	second := ledger.Changes{}
	second.SetTenant(acme()) // no longer held; the datastore still names the tree
	if parts, err = l.Draft(second); err != nil {
		t.Fatal(err)
	}
	if len(parts.Mounts) > 0 {
		t.Errorf("a tree that is still named is touched: %v", parts.Mounts)
	}
	l = l.With(second)

	third := ledger.Changes{}
	healed := dataStore()
	healed.Held = nil
	third.SetDataStore(healed)
	if parts, err = l.Draft(third); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{ledger.SourcePath(tree): ""}, parts.Mounts); diff != "" {
		t.Errorf("the last name is gone: want (-) got (+):\n%s", diff)
	}
	if got := slices.Sorted(maps.Keys(parts.Files)); !slices.Equal(got, []string{"datastores/eu-1-a.yaml"}) {
		t.Errorf("files %v, want only the datastore's", got)
	}
}

// What a held tenant is healed from is kept, even if nothing else names it.
func TestHeldTenantsKeepTheirTree(t *testing.T) {
	c := ledger.Changes{}
	c.SetTenant(heldTenant())
	parts, err := ledger.Empty().Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{ledger.SourcePath(tree): tree}, parts.Mounts); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
}

// A purged tenant's declaration stands in its tombstone: its tree may go.
func TestPurgedTenantsNeedNoTree(t *testing.T) {
	e := purged()
	e.Tombstone.Tree = tree
	before, after := ledger.Changes{}, ledger.Changes{}
	before.SetTenant(tombstoned())
	after.SetTenant(e)
	parts, err := ledger.Empty().With(before).Draft(after)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{ledger.SourcePath(tree): ""}, parts.Mounts); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
}

func TestDraftLeavesOutWhatDoesNotChange(t *testing.T) {
	c := everything()
	l := ledger.Empty().With(c)
	parts, err := l.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	if !parts.Empty() {
		t.Errorf("drafting what is there already gives %v %v", parts.Files, parts.Mounts)
	}
}

func TestDraftRemoves(t *testing.T) {
	l := ledger.Empty().With(everything())
	parts, err := l.Draft(ledger.Changes{Tenants: map[string]*ledger.Tenant{"acme": nil, "never": nil}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte{ledger.TenantPath("acme"): nil}, parts.Files); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
}

func TestWithLeavesTheOldLedger(t *testing.T) {
	old := ledger.Empty().With(everything())
	next := old.With(ledger.Changes{Tenants: map[string]*ledger.Tenant{"acme": nil}})
	if old.Tenants["acme"] == nil || next.Tenants["acme"] != nil {
		t.Error("the removal shows in the old ledger, or not in the new one")
	}
	var none *ledger.Ledger
	if got := none.With(ledger.Changes{}); got.Tenants == nil || got.Shards == nil {
		t.Error("a ledger that begins has no maps")
	}
	bare := &ledger.Ledger{}
	if got := bare.With(ledger.Changes{}); got.Tenants == nil || got.Shards == nil {
		t.Error("a ledger made without maps gets none")
	}
	if got := bare.With(everything()); got.Tenants["acme"] == nil {
		t.Error("a ledger made without maps takes no changes")
	}
}

// A change of any kind is one, beside changes of other kinds, too.
func TestEmptyLooksAtEveryKind(t *testing.T) {
	set := []func(*ledger.Changes){
		func(c *ledger.Changes) { c.SetTenant(acme()) },
		func(c *ledger.Changes) { c.SetDataStore(dataStore()) },
		func(c *ledger.Changes) { c.SetClass(class()) },
		func(c *ledger.Changes) { c.SetShard(shard()) },
	}
	var none ledger.Changes
	if !none.Empty() {
		t.Error("no changes are some")
	}
	another := ledger.Changes{}
	another.SetTenant(heldTenant())
	for _, one := range set {
		for _, two := range set {
			var c ledger.Changes
			one(&c)
			two(&c)
			if c.Empty() {
				t.Errorf("%+v is empty", c)
			}
			parts, err := ledger.Empty().With(c).Draft(another)
			if err != nil {
				t.Fatal(err)
			}
			if parts.Empty() || parts.Files["README.md"] != nil {
				t.Errorf("a change of a ledger with %+v is none, or begins the ledger", c)
			}
		}
	}
	parts := ledger.Parts{Files: map[string][]byte{"a": nil}, Mounts: map[string]string{"b": ""}}
	if parts.Empty() {
		t.Error("a file and a mount are nothing")
	}
}

func TestDraftRefusesABadEntryOfAnyKind(t *testing.T) {
	for kind, c := range map[string]ledger.Changes{
		"tenant":    {Tenants: map[string]*ledger.Tenant{"x": {}}},
		"datastore": {DataStores: map[string]*ledger.DataStore{"x": {}}},
		"class":     {Classes: map[string]*ledger.Class{"x": {}}},
		"shard":     {Shards: map[string]*ledger.Shard{"x": {}}},
	} {
		if parts, err := ledger.Empty().Draft(c); err == nil || !parts.Empty() {
			t.Errorf("%s: got %v, error %v", kind, parts, err)
		}
	}
}

func TestDraftBeginsALedger(t *testing.T) {
	var none *ledger.Ledger
	parts, err := none.Draft(everything())
	if err != nil {
		t.Fatal(err)
	}
	if len(parts.Files["README.md"]) == 0 || parts.Files[ledger.TenantPath("acme")] == nil {
		t.Errorf("got %v, want README.md and the entries", slices.Sorted(maps.Keys(parts.Files)))
	}
}

func TestMessage(t *testing.T) {
	with := func(changes ...func(*ledger.Changes)) (c ledger.Changes) {
		for _, change := range changes {
			change(&c)
		}
		return c
	}
	tenant := func(e *ledger.Tenant) func(*ledger.Changes) { return func(c *ledger.Changes) { c.SetTenant(e) } }
	named := func(name string) *ledger.Tenant {
		e := acme()
		e.Name = name
		return e
	}
	purging := tombstoned()
	purging.Lifecycle = ledger.Purging
	moreKinds := shard()
	moreKinds.Kinds = append(moreKinds.Kinds, "v1/Service")
	ofShard := func(e *ledger.Shard) func(*ledger.Changes) { return func(c *ledger.Changes) { c.SetShard(e) } }
	second := func(e *ledger.Shard) *ledger.Shard {
		other := *e
		other.Name = "eu-2"
		return &other
	}
	l := ledger.Empty().With(with(tenant(acme())))
	removed := ledger.Empty().With(with(tenant(tombstoned())))
	held := ledger.Empty().With(with(tenant(heldTenant())))
	moved := heldTenant()
	moved.Held = nil

	tests := []struct {
		name   string
		ledger *ledger.Ledger
		change ledger.Changes
		want   string
	}{
		{"place", nil, with(tenant(acme())), "Place acme on eu-1 (datastore eu-1-a, address 10.0.0.11)\n"},
		{
			"place and watch", ledger.Empty().With(with(func(c *ledger.Changes) { c.SetShard(shard()) })),
			with(tenant(acme()), func(c *ledger.Changes) { c.SetShard(moreKinds) }),
			"Place acme on eu-1 (datastore eu-1-a, address 10.0.0.11)\n\nWatch shard eu-1 for v1/Service\n",
		},
		{"remove", l, with(tenant(tombstoned())), "Remove acme and keep its data until 2026-03-04T12:00:00Z\n"},
		{"revive", removed, with(tenant(acme())), "Revive acme on eu-1 (datastore eu-1-a, address 10.0.0.11)\n"},
		{"purge", removed, with(tenant(purging)), "Purge acme from shard eu-1\n"},
		{"bury", removed, with(tenant(purged())), "Bury acme: nothing is left of it\n"},
		{"follow", held, with(tenant(moved)), "Follow acme again\n"},
		{"shard", ledger.Empty().With(with(func(c *ledger.Changes) { c.SetShard(shard()) })), with(func(c *ledger.Changes) { c.SetShard(moreKinds) }), "Watch shard eu-1 for v1/Service\n"},
		{
			"watch only", ledger.Empty().With(with(ofShard(shard()), ofShard(second(shard())))), with(ofShard(moreKinds), ofShard(second(moreKinds))),
			"Watch 2 shards\n\nWatch shard eu-1 for v1/Service\nWatch shard eu-2 for v1/Service\n",
		},
		{
			"several and watch", ledger.Empty().With(with(ofShard(shard()))), with(tenant(acme()), tenant(named("beta")), ofShard(moreKinds)),
			"Place 2 tenants\n\nPlace acme on eu-1 (datastore eu-1-a, address 10.0.0.11)\n" +
				"Place beta on eu-1 (datastore eu-1-a, address 10.0.0.11)\nWatch shard eu-1 for v1/Service\n",
		},
		{
			"classes", nil, ledger.Changes{Classes: map[string]*ledger.Class{"a": class(), "b": class()}},
			"Accept 2 classes\n\nAccept class a (provider native, base 1)\nAccept class b (provider native, base 1)\n",
		},
		{
			"several", l, with(tenant(named("zeta")), tenant(tombstoned()), tenant(named("beta")), func(c *ledger.Changes) {
				c.SetClass(class())
				c.SetShard(shard())
			}),
			`Remove 1 tenant, place 2 tenants, accept 1 class, pin 1 shard

Remove acme and keep its data until 2026-03-04T12:00:00Z
Place beta on eu-1 (datastore eu-1-a, address 10.0.0.11)
Place zeta on eu-1 (datastore eu-1-a, address 10.0.0.11)
Accept class standard (provider native, base 1)
Pin shard eu-1 to cluster 6a1f0e52-7c1d-4d3e-9a51-0d9c7b3f2e10
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.ledger.Message(tt.change)); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
		})
	}
	got := l.Message(with(tenant(heldTenant())), ledger.Trailer{Key: "Source-Commit", Value: commit}, ledger.Trailer{Key: "Cause", Value: "one\nSigned-off-by: nobody"})
	want := "Move acme from eu-1 (datastore eu-1-a, address 10.0.0.11) to eu-2 (datastore eu-2-a, host acme.tenants.example.com)\n\n" +
		"Source-Commit: " + commit + "\nCause: one Signed-off-by: nobody\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trailers: want (-) got (+):\n%s", diff)
	}
}
