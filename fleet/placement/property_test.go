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

// drawFleet makes a small fleet in which everything runs out.
func drawFleet(t *rapid.T) *fleet.Fleet {
	f := fleetOf()
	for i := range rapid.IntRange(1, 4).Draw(t, "shards") {
		name := fmt.Sprint("s", i)
		f.Shards[name] = shard(name, func(s *fleet.Shard) {
			s.Spec.Capacity.Tenants = rapid.IntRange(0, 5).Draw(t, name+" capacity")
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

func drawRequests(t *rapid.T, f *fleet.Fleet) []placement.Request {
	var out []placement.Request
	for i := range rapid.IntRange(1, 20).Draw(t, "tenants") {
		spec := fleet.TenantSpec{}
		switch rapid.IntRange(0, 5).Draw(t, "wish") {
		case 0:
			spec.Shard = rapid.SampledFrom(slices.Sorted(maps.Keys(f.Shards))).Draw(t, "pin")
		case 1:
			spec.ShardSelector = map[string]string{"region": "eu"}
		}
		request := ask(fmt.Sprintf("t%02d", i), spec)
		request.Provider = rapid.SampledFrom([]string{"native", "kamaji"}).Draw(t, "provider")
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
		requests := drawRequests(t, f)
		outcomes := placement.New(f, nil).PlaceAll(requests)
		onShard, onStore, addresses := map[string]int{}, map[string]int{}, map[string]string{}
		for i, o := range outcomes {
			if o.Unplaced != nil {
				if len(o.Unplaced.Rejections) != len(f.Shards) && requests[i].Spec.Shard == "" {
					t.Fatalf("%s has reasons for %d of %d shards", o.Name, len(o.Unplaced.Rejections), len(f.Shards))
				}
				continue
			}
			p, sh := o.Placement, f.Shards[o.Placement.Shard]
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
		requests := drawRequests(t, f)
		want := placement.New(f, nil).PlaceAll(requests)
		got := placement.New(f, nil).PlaceAll(rapid.Permutation(requests).Draw(t, "order"))
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
		requests := drawRequests(t, f)
		cut := rapid.IntRange(0, len(requests)).Draw(t, "cut")
		want := placement.New(f, nil).PlaceAll(requests)
		first := placement.New(f, nil).PlaceAll(requests[:cut])
		second := placement.New(f, record(ledger.Empty(), first)).PlaceAll(requests[cut:])
		if diff := cmp.Diff(want, append(first, second...)); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	})
}

// A place that is released leaves no trace: the state is as if made anew.
func TestReleaseLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFleet(t)
		requests := drawRequests(t, f)
		state := placement.New(f, nil)
		var kept []placement.Outcome
		for _, o := range state.PlaceAll(requests) {
			if o.Unplaced == nil && rapid.Bool().Draw(t, "release "+o.Name) {
				state.Release(o.Placement)
				continue
			}
			kept = append(kept, o)
		}
		late := drawRequests(t, f)
		want := placement.New(f, record(ledger.Empty(), kept)).PlaceAll(late)
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
				for _, o := range placement.New(f, nil).PlaceAll(requests) {
					if o.Unplaced != nil {
						b.Fatal(o.Unplaced)
					}
				}
			}
		})
	}
}
