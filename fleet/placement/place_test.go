package placement_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

func shard(name string, change func(*fleet.Shard)) *fleet.Shard {
	s := &fleet.Shard{Metadata: fleet.Metadata{Name: name}, Spec: fleet.ShardSpec{Domain: name + ".example.com"}}
	if change != nil {
		change(s)
	}
	return s
}

func store(name string, capacity int, shards ...string) *fleet.DataStore {
	return &fleet.DataStore{
		Metadata: fleet.Metadata{Name: name},
		Spec:     fleet.DataStoreSpec{Provider: "native", Driver: "etcd", Shards: shards, Capacity: fleet.Capacity{Tenants: capacity}},
	}
}

func storeOf(provider, name string, shards ...string) *fleet.DataStore {
	s := store(name, 0, shards...)
	s.Spec.Provider = provider
	return s
}

func tenant(name string) *fleet.Tenant { return &fleet.Tenant{Metadata: fleet.Metadata{Name: name}} }

// ask asks for the place of a tenant whose class is of provider native.
func ask(name string, spec fleet.TenantSpec) placement.Request {
	return placement.Request{Tenant: tenant(name), Spec: spec, Provider: "native"}
}

func fleetOf(things ...any) *fleet.Fleet {
	f := &fleet.Fleet{Shards: map[string]*fleet.Shard{}, DataStores: map[string]*fleet.DataStore{}, Broken: map[fleet.Ref]fleet.Broken{}}
	for _, thing := range things {
		switch thing := thing.(type) {
		case *fleet.Shard:
			f.Shards[thing.Metadata.Name] = thing
		case *fleet.DataStore:
			f.DataStores[thing.Metadata.Name] = thing
		}
	}
	return f
}

// living is a ledger entry on a shard; an address makes it one of a pool.
func living(name, shard, store, address string) *ledger.Tenant {
	t := &ledger.Tenant{Name: name, Lifecycle: ledger.Living, Placement: ledger.Placement{Shard: shard, DataStore: store, Address: address}}
	if address == "" {
		t.Placement.Host = name + ".example.com"
	}
	return t
}

func ledgerOf(tenants ...*ledger.Tenant) *ledger.Ledger {
	var c ledger.Changes
	for _, t := range tenants {
		c.SetTenant(t)
	}
	return ledger.Empty().With(c)
}

func TestPlace(t *testing.T) {
	tombstoned := living("old", "a", "a-1", "10.0.0.1")
	tombstoned.Lifecycle = ledger.Tombstoned
	purged := living("gone", "a", "a-1", "10.0.0.1")
	purged.Lifecycle = ledger.Purged
	pool := func(entries ...string) func(*fleet.Shard) {
		return func(s *fleet.Shard) { s.Spec.Domain, s.Spec.AddressPool = "", entries }
	}
	two := fleetOf(shard("a", nil), shard("b", nil), store("a-1", 0, "a"), store("b-1", 0, "b"))

	tests := []struct {
		name   string
		reason string
		fleet  *fleet.Fleet
		ledger *ledger.Ledger
		spec   fleet.TenantSpec
		want   ledger.Placement
	}{
		{
			name: "ties go by the hash of both names", reason: "every replica must choose the same, in every year",
			fleet: two, want: ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "fewest tenants", reason: "load spreads",
			fleet: two, ledger: ledgerOf(living("x", "a", "a-1", "")),
			want: ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "pinned beats fewest", reason: "the person decides",
			fleet: two, ledger: ledgerOf(living("x", "a", "a-1", "")), spec: fleet.TenantSpec{Shard: "a"},
			want: ledger.Placement{Shard: "a", DataStore: "a-1", Host: "acme.a.example.com"},
		}, {
			name: "selector", reason: "labels choose among shards",
			fleet: fleetOf(shard("a", nil), shard("b", func(s *fleet.Shard) { s.Metadata.Labels = map[string]string{"region": "eu"} }),
				store("a-1", 0, "a"), store("b-1", 0, "b")),
			spec: fleet.TenantSpec{ShardSelector: map[string]string{"region": "eu"}},
			want: ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "pinned datastore", reason: "its shard is the only one that serves it",
			fleet: two, spec: fleet.TenantSpec{DataStore: "b-1"},
			want: ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "emptiest datastore", reason: "datastores of one shard share its tenants",
			fleet:  fleetOf(shard("a", nil), store("a-1", 0, "a"), store("a-2", 0, "a")),
			ledger: ledgerOf(living("x", "a", "a-1", "")),
			want:   ledger.Placement{Shard: "a", DataStore: "a-2", Host: "acme.a.example.com"},
		}, {
			name: "ties among datastores go likewise", reason: "every replica must choose the same",
			fleet: fleetOf(shard("a", nil), store("a-2", 0, "a"), store("a-1", 0, "a")),
			want:  ledger.Placement{Shard: "a", DataStore: "a-2", Host: "acme.a.example.com"},
		}, {
			name: "selector by value", reason: "having the label is not enough",
			fleet: fleetOf(shard("a", func(s *fleet.Shard) { s.Metadata.Labels = map[string]string{"region": "us"} }),
				shard("b", func(s *fleet.Shard) { s.Metadata.Labels = map[string]string{"region": "eu"} }),
				store("a-1", 0, "a"), store("b-1", 0, "b")),
			spec: fleet.TenantSpec{ShardSelector: map[string]string{"region": "eu"}},
			want: ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "its provider's datastore", reason: "another provider's control planes cannot use it",
			fleet: fleetOf(shard("a", nil), storeOf("kamaji", "a-1", "a"), store("a-2", 0, "a")),
			want:  ledger.Placement{Shard: "a", DataStore: "a-2", Host: "acme.a.example.com"},
		}, {
			name: "a shard that has one", reason: "the emptier shard has no datastore for it",
			fleet:  fleetOf(shard("a", nil), shard("b", nil), storeOf("kamaji", "a-1", "a"), store("b-1", 0, "b")),
			ledger: ledgerOf(living("x", "b", "b-1", "")),
			want:   ledger.Placement{Shard: "b", DataStore: "b-1", Host: "acme.b.example.com"},
		}, {
			name: "lowest free address", reason: "gaps are filled, across entries out of order",
			fleet:  fleetOf(shard("a", pool("10.0.1.0/30", "10.0.0.1-10.0.0.2")), store("a-1", 0, "a")),
			ledger: ledgerOf(living("x", "a", "a-1", "10.0.0.1"), living("y", "a", "a-1", "10.0.0.2")),
			want:   ledger.Placement{Shard: "a", DataStore: "a-1", Address: "10.0.1.1"},
		}, {
			name: "a tombstone keeps its address", reason: "the tenant may come back",
			fleet: fleetOf(shard("a", pool("10.0.0.1-10.0.0.9")), store("a-1", 0, "a")), ledger: ledgerOf(tombstoned),
			want: ledger.Placement{Shard: "a", DataStore: "a-1", Address: "10.0.0.2"},
		}, {
			name: "a purged tenant does not", reason: "nothing is left that answers there",
			fleet: fleetOf(shard("a", pool("10.0.0.1-10.0.0.9")), store("a-1", 0, "a")), ledger: ledgerOf(purged),
			want: ledger.Placement{Shard: "a", DataStore: "a-1", Address: "10.0.0.1"},
		}, {
			name: "an address is taken wherever it is", reason: "a pool may have moved from one shard to another",
			fleet: fleetOf(shard("a", pool("10.0.0.1-10.0.0.9")), store("a-1", 0, "a")), ledger: ledgerOf(living("x", "former", "f", "10.0.0.1")),
			want: ledger.Placement{Shard: "a", DataStore: "a-1", Address: "10.0.0.2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := placement.New(tt.fleet, tt.ledger).Place(ask("acme", tt.spec))
			if err != nil {
				t.Fatalf("%v (%s)", err, tt.reason)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: want (-) got (+):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestUnplaced(t *testing.T) {
	f := fleetOf(
		shard("cordoned", func(s *fleet.Shard) { s.Spec.Cordon = true }), store("s1", 0, "cordoned"),
		shard("full", func(s *fleet.Shard) { s.Spec.Capacity.Tenants = 1 }), store("s2", 0, "full"),
		shard("lonely", nil),
		shard("packed", nil), store("s3", 1, "packed"),
		shard("foreign", nil), storeOf("kamaji", "s5", "foreign"),
		shard("pooled", func(s *fleet.Shard) { s.Spec.Domain, s.Spec.AddressPool = "", []string{"10.0.0.1"} }), store("s4", 0, "pooled"),
	)
	f.Broken[fleet.Ref{Kind: fleet.KindShard, Name: "torn"}] = fleet.Broken{Path: "shards/torn.yaml", Message: "is empty"}
	f.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: "s9"}] = fleet.Broken{Path: "datastores/s9.yaml", Message: "is empty"}
	l := ledgerOf(living("one", "full", "s2", ""), living("two", "packed", "s3", ""), living("three", "pooled", "s4", "10.0.0.1"))
	tests := []struct {
		name string
		spec fleet.TenantSpec
		want []string // shard=reason
	}{
		{"anywhere", fleet.TenantSpec{}, []string{"cordoned=Cordoned", "foreign=NoDataStore", "full=Full", "lonely=NoDataStore", "packed=DataStoreFull", "pooled=NoAddress", "torn=ShardInvalid"}},
		{"pinned to an invalid shard", fleet.TenantSpec{Shard: "torn"}, []string{"torn=ShardInvalid"}},
		{"pinned to an unknown shard", fleet.TenantSpec{Shard: "nowhere"}, []string{"nowhere=ShardUnknown"}},
		{"pinned", fleet.TenantSpec{Shard: "full"}, []string{"full=Full"}},
		{"pinned to an invalid datastore", fleet.TenantSpec{Shard: "lonely", DataStore: "s9"}, []string{"lonely=NoDataStore"}},
		{"pinned to a datastore elsewhere", fleet.TenantSpec{Shard: "lonely", DataStore: "s1"}, []string{"lonely=NoDataStore"}},
		{"pinned to another provider's datastore", fleet.TenantSpec{Shard: "foreign", DataStore: "s5"}, []string{"foreign=NoDataStore"}},
		{"selecting nothing", fleet.TenantSpec{ShardSelector: map[string]string{"a": "b"}, Shard: ""},
			[]string{"cordoned=NotSelected", "foreign=NotSelected", "full=NotSelected", "lonely=NotSelected", "packed=NotSelected", "pooled=NotSelected", "torn=ShardInvalid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := placement.New(f, l).Place(ask("acme", tt.spec))
			var unplaced *placement.Unplaced
			if !errors.As(err, &unplaced) {
				t.Fatalf("error is %T %v, want *Unplaced", err, err)
			}
			var got []string
			for _, r := range unplaced.Rejections {
				got = append(got, r.Shard+"="+r.Reason)
				if !strings.Contains(err.Error(), r.Message) {
					t.Errorf("the sentence %q lacks %q", err, r.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
		})
	}
}

func TestUnplacedReads(t *testing.T) {
	f := fleetOf(shard("eu-1", func(s *fleet.Shard) { s.Spec.Cordon = true }), shard("eu-2", nil), store("eu-2-a", 1, "eu-2"))
	_, err := placement.New(f, ledgerOf(living("x", "eu-2", "eu-2-a", ""))).Place(ask("acme", fleet.TenantSpec{}))
	want := "place acme: no shard takes it: shard eu-1: it is cordoned (spec.cordon in shards/eu-1.yaml); " +
		"shard eu-2: datastore eu-2-a has 1 of 1 tenants (spec.capacity.tenants in datastores/); " +
		"the nearest fix: remove spec.cordon from shards/eu-1.yaml, if it may take tenants again"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	request := ask("acme", fleet.TenantSpec{Class: "small"})
	_, err = placement.New(fleetOf(shard("eu-1", nil), storeOf("kamaji", "eu-1-a", "eu-1")), nil).Place(request)
	want = "place acme: no shard takes it: shard eu-1: datastore eu-1-a is for provider kamaji, the tenant's class small is of provider native " +
		"(spec.provider in datastores/ and classes/); the nearest fix: declare a datastore of provider native that serves shard eu-1"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	elsewhere := fleetOf(shard("eu-1", nil), store("eu-2-a", 0, "eu-2"))
	elsewhere.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: "torn"}] = fleet.Broken{}
	for asked, want := range map[string]string{
		"eu-2-a": "datastore eu-2-a, which the tenant asks for, does not serve it; the nearest fix: leave spec.dataStore out, or name one that serves shard eu-1",
		"torn":   "the declaration of datastore torn is invalid; the nearest fix: mend datastores/torn.yaml",
		"":       "no valid datastore names it in spec.shards; the nearest fix: declare a datastore that serves shard eu-1",
	} {
		_, err = placement.New(elsewhere, nil).Place(ask("acme", fleet.TenantSpec{DataStore: asked}))
		if want = "place acme: no shard takes it: shard eu-1: " + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	for range 16 { // maps have no order
		_, err = placement.New(elsewhere, nil).Place(ask("acme", fleet.TenantSpec{ShardSelector: map[string]string{"a": "1", "b": "1", "c": "1"}}))
		if want := "place acme: no shard takes it: shard eu-1: it lacks the label a=1 that spec.shardSelector asks for; " +
			"the nearest fix: give shard eu-1 the labels that spec.shardSelector asks for, or ask for others"; err == nil || err.Error() != want {
			t.Fatalf("got  %v\nwant %s", err, want)
		}
	}
	_, err = placement.New(fleetOf(), nil).Place(ask("acme", fleet.TenantSpec{}))
	if want := "place acme: the fleet has no shards; the nearest fix: declare a shard in shards/"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReleaseMakesRoom(t *testing.T) {
	f := fleetOf(shard("a", func(s *fleet.Shard) {
		s.Spec.Domain, s.Spec.AddressPool, s.Spec.Capacity.Tenants = "", []string{"10.0.0.1-10.0.0.2", "10.0.1.1"}, 3
	}), store("a-1", 3, "a"))
	s := placement.New(f, nil)
	var all []ledger.Placement
	for i := range 3 {
		p, err := s.Place(ask(fmt.Sprint("t", i), fleet.TenantSpec{}))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if _, err := s.Place(ask("late", fleet.TenantSpec{})); err == nil {
		t.Fatal("a fourth tenant found a place among three")
	}
	s.Release(tenant("t1"), all[1])
	got, err := s.Place(ask("late", fleet.TenantSpec{}))
	if err != nil || got != all[1] {
		t.Errorf("got %v, %v, want the released %v", got, err, all[1])
	}
}

// A provider that keeps the state of its tenants takes no datastore, and counts in none.
func TestPlaceWithoutADataStore(t *testing.T) {
	f := fleetOf(shard("eu-1", nil), store("eu-1-a", 1, "eu-1"), shard("eu-2", nil))
	s := placement.New(f, nil)
	for i, want := range []string{"eu-2", "eu-1", "eu-1"} {
		name := fmt.Sprint("t", i)
		request := placement.Request{Tenant: tenant(name), Provider: "keeping", KeepsState: true}
		got, err := s.Place(request)
		if p := (ledger.Placement{Shard: want, Host: name + "." + want + ".example.com"}); err != nil || got != p {
			t.Errorf("got %+v, %v, want %+v", got, err, p)
		}
	}
	if p, err := s.Place(ask("acme", fleet.TenantSpec{Shard: "eu-1"})); err != nil || p.DataStore != "eu-1-a" {
		t.Errorf("the datastore has no room: %+v, %v", p, err)
	}
	request := placement.Request{
		Tenant: tenant("late"), Spec: fleet.TenantSpec{Class: "small", Shard: "eu-1", DataStore: "eu-1-a"}, Provider: "keeping", KeepsState: true,
	}
	_, err := s.Place(request)
	want := "place late: no shard takes it: shard eu-1: the tenant asks for datastore eu-1-a, " +
		"but provider keeping of its class small keeps the state of its tenants itself (spec.dataStore); " +
		"the nearest fix: remove spec.dataStore, and shard eu-1 may take it"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// What runs already is where it is, and its address is nobody else's, whoever is placed
// first.
func TestPlaceOfWhatIsAdopted(t *testing.T) {
	f := fleetOf(shard("eu-1", func(s *fleet.Shard) {
		s.Spec.Domain, s.Spec.AddressPool, s.Spec.Cordon, s.Spec.Capacity.Tenants = "", []string{"10.0.0.1-10.0.0.2"}, true, 1
	}), store("eu-1-a", 1, "eu-1"), shard("eu-2", func(s *fleet.Shard) {
		s.Spec.Domain, s.Spec.AddressPool = "", []string{"10.0.0.1-10.0.0.3"}
	}), store("eu-2-a", 0, "eu-2"))
	adopting := tenant("zeta")
	adopting.Spec.Adopt = &fleet.Adopt{Address: "10.0.0.1"}
	f.Tenants = map[string]*fleet.Tenant{"zeta": adopting}
	s := placement.New(f, ledgerOf(living("there", "eu-1", "eu-1-a", "10.0.0.2")))
	if got, err := s.Place(ask("acme", fleet.TenantSpec{})); err != nil || got.Address != "10.0.0.3" {
		t.Errorf("the first new tenant is at %+v, %v", got, err)
	}
	adopt := fleet.TenantSpec{Shard: "eu-1", DataStore: "eu-1-a", Adopt: adopting.Spec.Adopt}
	want := ledger.Placement{Shard: "eu-1", DataStore: "eu-1-a", Address: "10.0.0.1"}
	got, err := s.Place(ask("zeta", adopt))
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	s.Release(adopting, got)
	if got, err := s.Place(ask("beta", fleet.TenantSpec{Shard: "eu-2"})); err == nil {
		t.Errorf("its address was given to another one: %+v", got)
	}
	adopt.DataStore, adopt.Adopt = "", &fleet.Adopt{Host: "zeta.example.com"}
	_, err = s.Place(ask("zeta", adopt))
	if want := "shard eu-1: what the tenant takes over has its state in a datastore: spec.dataStore has to name it; the nearest fix: name the datastore in spec.dataStore"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	request := ask("zeta", adopt)
	request.KeepsState = true
	if got, err := s.Place(request); err != nil || got != (ledger.Placement{Shard: "eu-1", Host: "zeta.example.com"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	adopt.Shard = "nowhere"
	if got, err := s.Place(ask("zeta", adopt)); err == nil {
		t.Errorf("a shard that is not declared: %+v", got)
	}
}

// The host of what runs already is nobody else's either, before it is taken over and after.
func TestHostOfWhatIsAdopted(t *testing.T) {
	adopting := tenant("team-b-acme")
	adopting.Spec.Adopt = &fleet.Adopt{Host: "acme.tenants.example.com"}
	there := living("team-b-acme", "eu-1", "eu-1-a", "")
	there.Placement.Host = adopting.Spec.Adopt.Host
	for name, s := range map[string]struct {
		tenants map[string]*fleet.Tenant
		ledger  *ledger.Ledger
	}{
		"declared": {map[string]*fleet.Tenant{"team-b-acme": adopting}, nil},
		"there":    {nil, ledgerOf(there)},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleetOf(shard("eu-1", func(s *fleet.Shard) { s.Spec.Domain = "tenants.example.com" }), store("eu-1-a", 0, "eu-1"))
			f.Tenants = s.tenants
			places := placement.New(f, s.ledger)
			got, err := places.Place(ask("acme", fleet.TenantSpec{}))
			if want := "shard eu-1: its host would be acme.tenants.example.com, which is that of another tenant; the nearest fix: give shard eu-1 another spec.domain, or the tenant another name"; err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got %+v, %v, want %s", got, err, want)
			}
			if got, err := places.Place(ask("beta", fleet.TenantSpec{})); err != nil || got.Host != "beta.tenants.example.com" {
				t.Errorf("another one is at %+v, %v", got, err)
			}
			if s.ledger == nil {
				return
			}
			places.Release(adopting, there.Placement)
			if got, err := places.Place(ask("acme", fleet.TenantSpec{})); err != nil || got.Host != there.Placement.Host {
				t.Errorf("once it is gone, acme is at %+v, %v", got, err)
			}
		})
	}
}
