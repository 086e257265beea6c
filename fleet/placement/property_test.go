package placement_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

var gold = fleet.Taint{Key: "pool", Value: "gold"}

// drawFleet makes a small fleet in which everything runs out.
func drawFleet(t *rapid.T) *fleet.Fleet {
	f := fleetOf()
	for i := range rapid.IntRange(1, 4).Draw(t, "shards") {
		name := fmt.Sprint("s", i)
		f.Shards[name] = shard(name, func(s *fleet.Shard) {
			s.Spec.Capacity.Tenants = rapid.IntRange(0, 5).Draw(t, name+" capacity")
			s.Spec.Capacity.CPU = rapid.SampledFrom([]string{"", "", "1", "2500m"}).Draw(t, name+" CPU")
			if rapid.IntRange(0, 3).Draw(t, name+" pool of a team") == 0 {
				s.Spec.Teams = []string{"web"}
			}
			if rapid.IntRange(0, 3).Draw(t, name+" taint") == 0 {
				s.Spec.Taints = []fleet.Taint{gold}
			}
			s.Spec.Cordon = rapid.IntRange(0, 4).Draw(t, name+" cordon") == 0
			s.Metadata.Labels = map[string]string{"region": rapid.SampledFrom([]string{"eu", "us"}).Draw(t, name+" region")}
			if rapid.Bool().Draw(t, name+" pool") {
				size := rapid.IntRange(1, 6).Draw(t, name+" addresses")
				s.Spec.Domain = ""
				s.Spec.AddressPool = []string{fmt.Sprintf("10.0.%d.1-10.0.%d.%d", i, i, size), fmt.Sprintf("10.1.%d.7", i)}
			}
		})
		for j := range rapid.IntRange(0, 2).Draw(t, name+" stores") {
			ds := store(fmt.Sprint(name, "-", j), rapid.IntRange(0, 3).Draw(t, "capacity"), name)
			if rapid.IntRange(0, 3).Draw(t, "provider") == 0 {
				ds.Spec.Provider = "kamaji"
			}
			f.DataStores[ds.Metadata.Name] = ds
		}
	}
	return f
}

func drawRequests(t *rapid.T, f *fleet.Fleet, prefix string) []placement.Request {
	if f.Tenants == nil {
		f.Tenants = map[string]*fleet.Tenant{}
	}
	var out []placement.Request
	for i := range rapid.IntRange(1, 20).Draw(t, "tenants") {
		spec := fleet.TenantSpec{Class: rapid.SampledFrom([]string{"small", "free"}).Draw(t, "class")}
		switch rapid.IntRange(0, 8).Draw(t, "wish") {
		case 2:
			spec.Prefer = []map[string]string{{"region": "us"}}
		case 3, 4:
			spec.Spread = fleet.Spread{Group: "front", MaxPerShard: rapid.IntRange(0, 2).Draw(t, "most")}
		case 0:
			spec.Shard = rapid.SampledFrom(slices.Sorted(maps.Keys(f.Shards))).Draw(t, "pin")
		case 1:
			spec.ShardSelector = map[string]string{"region": "eu"}
		}
		declared := of(rapid.SampledFrom([]string{"web", "art"}).Draw(t, "team"), fmt.Sprintf("%s%02d", prefix, i), spec)
		f.Tenants[declared.Metadata.Name] = declared
		request := placement.Request{Tenant: declared, Spec: spec, Provider: rapid.SampledFrom([]string{"native", "kamaji"}).Draw(t, "provider")}
		if rapid.Bool().Draw(t, "tolerates") {
			request.Tolerations = []fleet.Taint{gold}
		}
		out = append(out, request)
	}
	return out
}

// record gives the ledger after outcomes.
func record(l *ledger.Ledger, outcomes []placement.Outcome) *ledger.Ledger {
	var c ledger.Changes
	for _, o := range outcomes {
		if o.Unplaced == nil {
			c.SetTenant(&ledger.Tenant{Name: o.Name, Placement: o.Placement, Lifecycle: ledger.Living})
		}
	}
	return l.With(c)
}

func TestEveryPlaceKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f, "t")
		outcomes := costly.New(f, nil).PlaceAll(requests)
		onShard, onStore, addresses := map[string]int{}, map[string]int{}, map[string]string{}
		requested, groups := map[string]int64{}, map[string]int{}
		for i, o := range outcomes {
			if o.Unplaced != nil {
				if len(o.Unplaced.Rejections) != len(f.Shards) && requests[i].Spec.Shard == "" {
					t.Fatalf("%s has reasons for %d of %d shards", o.Name, len(o.Unplaced.Rejections), len(f.Shards))
				}
				continue
			}
			p, sh, r := o.Placement, f.Shards[o.Placement.Shard], requests[i]
			if !slices.Contains(sh.Spec.Teams, r.Tenant.Team()) && len(sh.Spec.Teams) > 0 || len(sh.Spec.Taints) > 0 && len(r.Tolerations) == 0 {
				t.Fatalf("%s of team %s, tolerating %v, is on %+v", o.Name, r.Tenant.Team(), r.Tolerations, sh.Spec)
			}
			if r.Spec.Class == "small" {
				requested[p.Shard] += 500
			}
			if group := r.Spec.Spread.Group; group != "" {
				key := p.Shard + "/" + r.Tenant.Team() + "/" + group
				if groups[key]++; groups[key] > max(r.Spec.Spread.MaxPerShard, 1) {
					t.Fatalf("%s is the %d. of %s, and wants %d", o.Name, groups[key], key, r.Spec.Spread.MaxPerShard)
				}
			}
			onShard[p.Shard]++
			onStore[p.DataStore]++
			if f.DataStores[p.DataStore].Spec.Provider != requests[i].Provider {
				t.Fatalf("%s of provider %s is on %s", o.Name, requests[i].Provider, p.DataStore)
			}
			if sh.Spec.Cordon || !slices.Contains(f.DataStores[p.DataStore].Spec.Shards, p.Shard) {
				t.Fatalf("%s is on %+v against the rules", o.Name, p)
			}
			if (p.Address == "") == (p.Host == "") {
				t.Fatalf("%s has not exactly one of address and host: %+v", o.Name, p)
			}
			if other, taken := addresses[p.Address]; taken && p.Address != "" {
				t.Fatalf("%s and %s share %s", other, o.Name, p.Address)
			}
			addresses[p.Address] = o.Name
		}
		for name, n := range requested {
			if most := f.Shards[name].Spec.Capacity.MilliCPU(); most > 0 && n > most {
				t.Fatalf("of shard %s are requested %dm of %dm", name, n, most)
			}
		}
		for name, n := range onShard {
			if most := f.Shards[name].Spec.Capacity.Tenants; most > 0 && n > most {
				t.Fatalf("shard %s has %d of %d tenants", name, n, most)
			}
		}
		for name, n := range onStore {
			if most := f.DataStores[name].Spec.Capacity.Tenants; most > 0 && n > most {
				t.Fatalf("datastore %s has %d of %d tenants", name, n, most)
			}
		}
	})
}

func TestTheOrderOfAskingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f, "t")
		want := costly.New(f, nil).PlaceAll(requests)
		got := costly.New(f, nil).PlaceAll(rapid.Permutation(requests).Draw(t, "order"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	})
}

// Placing in two rounds, with the ledger between them, is placing in one: what
// a restart forgets, the ledger knows. So a tenant that joins moves no other.
func TestTheLedgerRemembersEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f, "t")
		cut := rapid.IntRange(0, len(requests)).Draw(t, "cut")
		want := costly.New(f, nil).PlaceAll(requests)
		first := costly.New(f, nil).PlaceAll(requests[:cut])
		second := costly.New(f, record(ledger.Empty(), first)).PlaceAll(requests[cut:])
		if diff := cmp.Diff(want, append(first, second...)); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	})
}

// What one more tenant is declared as, placed or asked for afterwards changes no answer
// for those before it: a tenant that joins moves no other.
func TestWhoJoinsMovesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f, "t")
		want := costly.New(f, nil).PlaceAll(requests)
		all := slices.Concat(requests, drawRequests(t, f, "u")) // by name they come after
		got := costly.New(f, nil).PlaceAll(all)
		if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	})
}

// Explain says what Place does.
func TestExplainForetells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		state := costly.New(f, nil)
		for _, r := range drawRequests(t, f, "t") {
			said := state.Explain(r)
			p, err := state.Place(r)
			if chosen := len(said) > 0 && said[0].Chosen; chosen != (err == nil) || chosen && (said[0].Shard != p.Shard || said[0].DataStore != p.DataStore) {
				t.Fatalf("said was %+v, and it is on %+v: %v", said, p, err)
			}
		}
	})
}

// A place that is released leaves no trace: the state is as if made anew.
func TestReleaseLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f, "t")
		state := costly.New(f, nil)
		var kept []placement.Outcome
		for _, o := range state.PlaceAll(requests) {
			if o.Unplaced == nil && rapid.Bool().Draw(t, "release "+o.Name) {
				state.Release(f.Tenants[o.Name], o.Placement)
				continue
			}
			kept = append(kept, o)
		}
		late := drawRequests(t, f, "u")
		want := costly.New(f, record(ledger.Empty(), kept)).PlaceAll(late)
		if diff := cmp.Diff(want, state.PlaceAll(late)); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	})
}

// Spread: shards that are alike differ by one tenant at most.
func TestManySpreadEvenly(t *testing.T) {
	f := fleetOf()
	for i := range 7 {
		name := fmt.Sprint("s", i)
		f.Shards[name] = shard(name, nil)
		for j := range 3 {
			ds := store(fmt.Sprint(name, "-", j), 0, name)
			f.DataStores[ds.Metadata.Name] = ds
		}
	}
	shards, stores := map[string]int{}, map[string]int{}
	for _, o := range placement.New(f, nil).PlaceAll(many(1000)) {
		shards[o.Placement.Shard]++
		stores[o.Placement.DataStore]++
	}
	for what, counts := range map[string]map[string]int{"shard": shards, "datastore": stores} {
		values := slices.Sorted(maps.Values(counts))
		if values[len(values)-1]-values[0] > 1 {
			t.Errorf("tenants by %s: %v", what, counts)
		}
	}
}

func many(n int) []placement.Request {
	out := make([]placement.Request, n)
	for i := range out {
		out[i] = ask(fmt.Sprintf("t%05d", i), fleet.TenantSpec{})
	}
	return out
}

// The address is found by walking the pool once, not once a tenant: ten times
// the tenants take about ten times as long.
func BenchmarkPlace(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := fleetOf()
			for i := range 4 {
				name := fmt.Sprint("s", i)
				f.Shards[name] = shard(name, func(s *fleet.Shard) {
					s.Spec.Domain, s.Spec.AddressPool = "", []string{fmt.Sprintf("10.%d.0.0/16", i)}
				})
				f.DataStores[name] = store(name, 0, name)
			}
			requests := many(n)
			for b.Loop() {
				for _, o := range costly.New(f, nil).PlaceAll(requests) {
					if o.Unplaced != nil {
						b.Fatal(o.Unplaced)
					}
				}
			}
		})
	}
}
