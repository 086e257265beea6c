package core

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// What one commit declares is decided at once: a class, a datastore and a tenant that
// needs both are one commit of the ledger.
func TestOneCommitIsOneDecision(t *testing.T) {
	w := begun(t)
	if n := len(w.ledgers) - 1; n != 1 {
		t.Errorf("the first fleet took %d commits of the ledger, want 1", n)
	}
	before := len(w.ledgers)
	w.commit(map[string]string{
		"classes/large/class.yaml":       "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: large}\nspec: {provider: native, version: v1.36.3}\n",
		"datastores/one-b.yaml":          "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: one-b}\nspec: {driver: etcd, shards: [one], managed: {replicas: 1}}\n",
		"tenants/web/globex/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: globex}\nspec: {class: large, dataStore: one-b}\n",
	})
	w.settle()
	w.wantPhase("globex", Ready)
	if n := len(w.ledgers) - before; n != 1 {
		t.Errorf("a class, a datastore and a tenant took %d commits of the ledger, want 1", n)
	}
	before = len(w.ledgers)
	w.commit(map[string]string{
		"classes/huge/class.yaml":       "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: huge}\nspec: {provider: native, version: v1.36.3}\n",
		"tenants/web/hooli/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: hooli}\nspec: {class: huge, shard: one}\n",
	})
	w.settle()
	w.wantPhase("hooli", Ready)
	if n := len(w.ledgers) - before; n != 1 {
		t.Errorf("a class and a tenant took %d commits of the ledger, want 1", n)
	}
}

// A declaration that no commit has is looked for once, not with each decision.
func TestWhatIsNotFoundIsNotLookedForAgain(t *testing.T) {
	w := withTenants(t, 3)
	w.commit(map[string]string{"tenants/web/t1/tenant.yaml": ""})
	w.head.parent = nil // the history before is gone
	w.restart()
	searches := 0
	w.watched = func(e Effect) {
		if _, ok := e.(FindLast); ok {
			searches++
		}
	}
	w.pass(time.Hour)
	if st := w.tenant("t1"); st == nil || st.Phase == Removed || w.ledger().Tenants["t1"].Lifecycle != ledger.Living {
		t.Errorf("a tenant was removed whose last declaration is not known: %+v", st)
	}
	if searches != 1 {
		t.Errorf("it was looked for %d times, want once", searches)
	}
}

// A purge does not wait for the next look at Git: it asks for one when it is due.
func TestPurgeIsOnTime(t *testing.T) {
	w := withTenants(t, 3)
	w.core.cfg.FetchInterval = 24 * time.Hour
	remove(w, "t1")
	w.pass(w.ledger().Tenants["t1"].Tombstone.PurgeAfter.Sub(w.now))
	if e := w.ledger().Tenants["t1"]; e.Lifecycle == ledger.Tombstoned {
		t.Error("its retention is over, and it is not purged")
	}
}

// What is said of tenants otherwise than before is news, what is said again is none.
func TestNotesThatChangeAreTold(t *testing.T) {
	c := &Core{news: map[string]bool{}, notes: map[string]note{"same": {"A", "a"}, "other": {"A", "a"}, "reworded": {"A", "b"}, "new": {"A", "a"}}}
	c.tellNotes(map[string]note{"same": {"A", "a"}, "other": {"B", "a"}, "reworded": {"A", "a"}, "gone": {"A", "a"}})
	if diff := cmp.Diff([]string{"gone", "new", "other", "reworded"}, slices.Sorted(maps.Keys(c.news))); diff != "" {
		t.Errorf("news: want (-) got (+):\n%s", diff)
	}
}

// A replica that holds no Lease goes by nothing of its own while another holds one.
func TestWhatAReplicaGoesBy(t *testing.T) {
	held, free := Lease{Held: true, Identity: "x", Holder: "me"}, Lease{Identity: "x"}
	others := Lease{Identity: "x", Holder: "another"}
	for _, tt := range []struct {
		name     string
		one, two Lease
		broken   Problem
		want     string
	}{
		{"it holds both", held, held, "", "new"},
		{"it holds one", held, others, "", "new"},
		{"it holds one, and Git is not to be gone by", held, others, Missing, "old"},
		{"nobody holds any", free, free, "", "old"},
		{"another holds one", free, others, "", ""},
		{"another holds both", others, others, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &Core{introduced: true, shards: map[string]*shardState{
				"one": {configured: true, heard: true, lease: tt.one}, "two": {configured: true, heard: true, lease: tt.two},
			}}
			c.git.declared, c.git.problem, c.git.own = &Declared{Commit: "new"}, tt.broken, "old"
			c.acceptOwn()
			if c.git.own != tt.want {
				t.Errorf("it goes by %q, want %q", c.git.own, tt.want)
			}
		})
	}
}

// What a commit was compared with says something of the next one only if that is known
// to come after it.
func TestWhatIsVetted(t *testing.T) {
	for _, tt := range []struct {
		name     string
		accepted []string
		want     bool
	}{
		{"the next one was compared with it", []string{"old"}, true},
		{"it was compared with another", []string{"older"}, false},
		{"it was compared with nothing", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(Config{}, nil)
			f := &fleet.Fleet{}
			c.git.declared, c.git.vetted["leased"], c.git.accepted = &Declared{Commit: "old", Fleet: f}, true, tt.accepted
			c.takeDeclared(Declared{Commit: "new", Fleet: f})
			if got := c.vetted("leased"); got != tt.want {
				t.Errorf("vetted is %v, want %v", got, tt.want)
			}
		})
	}
}

// Whose Lease says nothing more is whose decisions may be taken here.
func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Core, *shardState, *draft)
		want   string
	}{
		{"held", func(*Core, *shardState, *draft) {}, ""},
		{"not held", func(_ *Core, s *shardState, _ *draft) { s.lease.Held = false }, "ShardUnavailable"},
		{"not held, but looked at only", func(c *Core, s *shardState, _ *draft) { s.lease.Held, c.cfg.ReadOnly = false, true }, ""},
		{"looked at only, and not reached", func(c *Core, s *shardState, _ *draft) {
			s.lease.Held, s.lease.Err, c.cfg.ReadOnly = false, errors.New("refused"), true
		}, "ShardUnavailable"},
		{"looked at only, and never reached", func(c *Core, s *shardState, _ *draft) {
			s.lease.Held, s.lease.Identity, c.cfg.ReadOnly = false, "", true
		}, "ShardUnavailable"},
		{"not configured", func(c *Core, _ *shardState, _ *draft) { delete(c.shards, "one") }, "ShardUnavailable"},
		{"not compared", func(_ *Core, s *shardState, _ *draft) { s.lease.Tip = "later" }, "NotCompared"},
		{"rewound", func(c *Core, s *shardState, _ *draft) { s.lease.Tip, c.ledger.contains["later"] = "later", false }, "LedgerRewound"},
		{"earlier", func(c *Core, s *shardState, _ *draft) { s.lease.Tip, c.ledger.contains["earlier"] = "earlier", true }, ""},
		{"the same", func(c *Core, s *shardState, _ *draft) { s.lease.Tip = c.ledger.tip }, ""},
		{"not pinned", func(_ *Core, _ *shardState, d *draft) {
			d.entries = d.entries.With(ledger.Changes{Shards: map[string]*ledger.Shard{"one": nil}})
		}, "ShardNotPinned"},
		{"another cluster", func(_ *Core, s *shardState, _ *draft) { s.lease.Identity = "another" }, "IdentityChanged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &shardState{configured: true, heard: true, lease: Lease{Held: true, Identity: "x", Holder: "me"}}
			c := &Core{shards: map[string]*shardState{"one": s}}
			c.ledger.tip, c.ledger.contains = "tip", map[string]bool{}
			d := &draft{entries: ledger.Empty()}
			d.entries.Shards["one"] = &ledger.Shard{Name: "one", Identity: "x"}
			tt.change(c, s, d)
			if got := c.usable(d, "one").reason; got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

// Tenants of a shard that another replica holds are that one's to decide about, however
// they change.
func TestAnothersTenantsAreLeftToIt(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"moved": {
			"tenants/web/t1/tenant.yaml": "",
			"tenants/db/t1/tenant.yaml":  tenantFile("t1", "shard: one, movedFrom: tenants/web/t1"),
		},
		"broken":  {"tenants/web/t1/tenant.yaml": "nothing: of the kind\n"},
		"removed": {"tenants/web/t1/tenant.yaml": ""},
		"new":     {"tenants/web/t9/tenant.yaml": tenantFile("t9", "shard: one")},
	} {
		t.Run(name, func(t *testing.T) {
			w := withTenants(t, 3)
			before := len(w.ledgers)
			w.queue = append(w.queue, Lease{Shard: "one", Identity: "cluster-one", Holder: "another"})
			w.commit(files)
			w.pass(time.Hour)
			if len(w.ledgers) != before {
				t.Errorf("decided: %s", w.ledgers[before-1].Message(ledger.Changes{Tenants: w.ledger().Tenants}))
			}
			if why := w.core.notes["t9"]; name == "new" && why.reason != "ShardUnavailable" {
				t.Errorf("it is not said why it has no place: %+v", why)
			}
			w.queue = append(w.queue, Lease{Shard: "one", Identity: "cluster-one", Held: true})
			w.settle()
			if len(w.ledgers) == before {
				t.Error("nothing is decided once the Lease is held")
			}
		})
	}
}

// A datastore that its provider cannot have is not decided, and said to be so; the others
// go on.
func TestDataStoreThatIsNotRendered(t *testing.T) {
	w := begun(t)
	store := "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: NAME}\nspec: {provider: PROVIDER, driver: etcd, shards: [one], managed: {replicas: 1}}\n"
	w.commit(map[string]string{
		"datastores/one-b.yaml": strings.NewReplacer("NAME", "one-b", "PROVIDER", "kamaji").Replace(store),
		"datastores/one-c.yaml": strings.NewReplacer("NAME", "one-c", "PROVIDER", "native").Replace(store),
	})
	w.settle()
	if l := w.ledger(); l.DataStores["one-b"] != nil || l.DataStores["one-c"] == nil {
		t.Errorf("decided: %v", slices.Sorted(maps.Keys(l.DataStores)))
	}
	if why := w.core.notes["datastore/one-b"]; why.reason != "NotRendered" {
		t.Errorf("note: %+v", why)
	}
}

// A datastore of a shard whose Lease another holds is that one's to decide about.
func TestAnothersDataStoresAreLeftToIt(t *testing.T) {
	w := begun(t)
	w.queue = append(w.queue, Lease{Shard: "two", Identity: "cluster-two", Holder: "another"})
	w.settle()
	store := "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: NAME}\nspec: {driver: etcd, shards: [SHARD], managed: {replicas: 1}}\n"
	w.commit(map[string]string{
		"datastores/one-b.yaml": strings.NewReplacer("NAME", "one-b", "SHARD", "one").Replace(store),
		"datastores/two-b.yaml": strings.NewReplacer("NAME", "two-b", "SHARD", "two").Replace(store),
	})
	w.pass(time.Hour)
	if l := w.ledger(); l.DataStores["one-b"] == nil || l.DataStores["two-b"] != nil {
		t.Errorf("decided: %v", slices.Sorted(maps.Keys(l.DataStores)))
	}
}

// The provider of a living tenant cannot change, whatever its class says.
func TestFrozenProvider(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{
		"classes/other/class.yaml":     "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: other}\nspec: {provider: kamaji, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: other, shard: one}\n",
	})
	w.settle()
	if st := w.wantPhase("acme", Held); reasonOf(st, "Held") != "Frozen" {
		t.Errorf("held because of %s, want Frozen", reasonOf(st, "Held"))
	}
	if e := w.ledger().Tenants["acme"]; e.Provider != "native" || e.Held == nil || e.Held.Reason != "Frozen" {
		t.Errorf("entry: %+v", e)
	}
}

// A shard that remembers a ledger which is not ours is not pinned to it.
func TestShardThatRemembersMoreIsNotPinned(t *testing.T) {
	w := newWorld(t, "one", "two", "three")
	w.commit(fleetFiles())
	w.settle()
	w.queue = append(w.queue, Lease{Shard: "three", Held: true, Identity: "cluster-three", Tip: "l99"})
	w.commit(map[string]string{
		"shards/three.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: three}\nspec: {addressPool: [10.3.0.1-10.3.0.99]}\n",
	})
	w.settle()
	if e := w.ledger().Shards["three"]; e != nil {
		t.Errorf("pinned: %+v", e)
	}
	w.queue = append(w.queue, Lease{Shard: "three", Held: true, Identity: "cluster-three", Tip: w.tip()})
	w.settle()
	if w.ledger().Shards["three"] == nil {
		t.Error("not pinned, although it remembers our ledger")
	}
}

// Of what a ledger lacks nothing can be rendered, and nothing breaks.
func TestWhatTheLedgerLacksIsNotRendered(t *testing.T) {
	full := ledger.Empty()
	full.Classes["small"] = &ledger.Class{Name: "small", Tree: "tree"}
	full.DataStores["one-a"] = &ledger.DataStore{Name: "one-a"}
	without := func(c ledger.Changes) *ledger.Ledger { return full.With(c) }
	tenant := &fleet.Tenant{Spec: fleet.TenantSpec{Class: "small"}}
	for name, entries := range map[string]*ledger.Ledger{
		"class":     without(ledger.Changes{Classes: map[string]*ledger.Class{"small": nil}}),
		"datastore": without(ledger.Changes{DataStores: map[string]*ledger.DataStore{"one-a": nil}}),
		"owner":     full,
	} {
		c := &Core{owners: map[string]*ownerState{"uid": {}}}
		if name == "owner" {
			clear(c.owners)
		}
		d := &draft{entries: entries, classes: map[string]*fleet.Class{"tree": {}}}
		why, known := c.unrenderable(d, tenant, &ledger.Tenant{UID: "uid", Placement: ledger.Placement{DataStore: "one-a"}})
		if why.reason != "" || !known || len(d.unproven) > 0 {
			t.Errorf("without its %s: %+v, known %t", name, why, known)
		}
	}
}

// A new tenant that gets no place is told why, and takes nobody else's.
func TestNewTenantsThatWaitAreTold(t *testing.T) {
	w := begun(t)
	own := func(name, class, shard string) string {
		return "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: {class: " + class + ", " + shard + "}\n"
	}
	w.commit(map[string]string{
		"classes/open/class.yaml":             openClass,
		"classes/bad/class.yaml":              "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: bad}\nspec: {provider: native, version: v1.36.3}\n",
		"classes/other/class.yaml":            "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: other}\nspec: {provider: kamaji, version: v1.36.3}\n",
		"classes/bad/kustomization.yaml":      "resources: [https://example.com/base]\n",
		"tenants/web/alas/tenant.yaml":        own("alas", "open", "shard: one"),
		"tenants/web/alas/kustomization.yaml": patchOf("replicas: 7"),
		"tenants/web/bare/tenant.yaml":        own("bare", "bad", "shard: one"),
		"tenants/web/cast/tenant.yaml":        own("cast", "other", "shard: one"),
		"tenants/web/done/tenant.yaml":        own("done", "small", "shard: one"),
	})
	w.settle()
	for name, want := range map[string]note{
		"alas": {"NotRendered", "replicas"},
		"bare": {"ClassUnusable", "https://example.com/base"},
		"cast": {"Unplaceable", "the tenant's class other is of provider kamaji"},
	} {
		st := w.wantPhase(name, Pending)
		got := st.Conditions[0]
		if got.Reason != want.reason || !strings.Contains(got.Message, want.message) || strings.HasSuffix(got.Message, "; ") {
			t.Errorf("%s: got %s: %s, want %s with %q", name, got.Reason, got.Message, want.reason, want.message)
		}
	}
	w.wantPhase("done", Ready)
	if got := w.ledger().Tenants["done"].Placement.Address; got != "10.1.0.2" {
		t.Errorf("done has the address %s, want the one that alas gave back", got)
	}
}

// Before the declared branch has been read, nobody is rendered from it.
func TestNothingIsInForceBeforeItIsRead(t *testing.T) {
	c := &Core{}
	living := &ledger.Tenant{Name: "acme", Lifecycle: ledger.Living}
	if got := c.declarationInForce(living); got != nil {
		t.Errorf("a declaration comes from nowhere: %+v", got)
	}
	held := *living
	held.Held = &ledger.Held{Tree: "tree"}
	if got := c.declarationInForce(&held); got != nil {
		t.Errorf("a declaration comes from a tree that is not known: %+v", got)
	}
	want := &fleet.Tenant{}
	c.ledger.fleets = map[string]*fleet.Fleet{"tree": {Tenants: map[string]*fleet.Tenant{"acme": want}}}
	if got := c.declarationInForce(&held); got != want {
		t.Errorf("a held tenant is not rendered from its tree: %+v", got)
	}
}

// A shard whose kubeconfig is taken away is told, and not waited for.
func TestKubeconfigThatIsTakenAway(t *testing.T) {
	w := begun(t)
	w.queue = append(w.queue, Kubeconfigs{[]string{"one"}})
	w.settle()
	if got, want := w.core.whyNotHeld("two"), "there is no kubeconfig for shard two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if w.core.shard("two").heard = false; !w.core.heardAll() {
		t.Error("a shard is waited for that nobody can reach")
	}
}

// Who is not in the ledger any more owns nothing.
func TestOwnersAreThoseOfTheLedger(t *testing.T) {
	w := begun(t)
	c, before := w.core, w.ledger().Tenants["acme"]
	after := *before
	after.UID = "another"
	c.ledger.entries = c.ledger.entries.With(ledger.Changes{Tenants: map[string]*ledger.Tenant{"acme": &after}})
	c.index()
	if c.owners[before.UID] != nil || c.owners["another"] == nil {
		t.Errorf("owners: %v", slices.Sorted(maps.Keys(c.owners)))
	}
}
