package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// The fleet of the figures: shards of three sizes in four regions, one in ten for a team
// alone and one in ten tainted, each with two datastores of two providers; tenants of
// three classes, some with a selector, some in groups that are spread.
const (
	placeShards  = 50
	placeTenants = 10_000
	placeMore    = 10
)

var placeTaint = fleet.Taint{Key: "pool", Value: "gold"}

var placeCosts = placement.Known{Footprint: func(class string) placement.Footprint {
	size := int64(len(class) - 4) // small 1, medium 2, enormous 4
	return placement.Footprint{MilliCPU: size * 250, Memory: size << 29}
}}

func placeFleet() *fleet.Fleet {
	f := &fleet.Fleet{Shards: map[string]*fleet.Shard{}, DataStores: map[string]*fleet.DataStore{}, Tenants: map[string]*fleet.Tenant{}}
	for i := range placeShards {
		name := fmt.Sprintf("shard-%02d", i)
		size := i%3 + 1
		s := &fleet.Shard{
			Metadata: fleet.Metadata{Name: name, Labels: map[string]string{"region": fmt.Sprint("r", i%4)}},
			Spec: fleet.ShardSpec{
				AddressPool: []string{fmt.Sprintf("10.%d.0.0/16", i)},
				Capacity:    fleet.ShardCapacity{Tenants: 200 * size, CPU: fmt.Sprint(120 * size), Memory: fmt.Sprintf("%dGi", 240*size)},
			},
		}
		switch i % 10 {
		case 8:
			s.Spec.Teams = []string{"team-0"}
		case 9:
			s.Spec.Taints = []fleet.Taint{placeTaint}
		}
		f.Shards[name] = s
		for j := range 4 {
			f.DataStores[fmt.Sprint(name, "-", j)] = &fleet.DataStore{Spec: fleet.DataStoreSpec{
				Provider: []string{"native", "kamaji"}[j%2], Shards: []string{name}, Capacity: fleet.Capacity{Tenants: 400},
			}}
		}
	}
	return f
}

func placeRequests(f *fleet.Fleet, from, to int) []placement.Request {
	var out []placement.Request
	f.Tenants = map[string]*fleet.Tenant{}
	for i := range to {
		spec := fleet.TenantSpec{Class: []string{"small", "medium", "enormous"}[i*7%3]}
		if i%4 == 0 {
			spec.ShardSelector = map[string]string{"region": fmt.Sprint("r", i/4%4)}
		}
		if i%10 == 0 {
			spec.Spread.Group = fmt.Sprint("group-", i%1000)
		}
		name := fmt.Sprintf("t%05d", i)
		t := &fleet.Tenant{Metadata: fleet.Metadata{Name: name}, Spec: spec, Source: fleet.Source{Path: fmt.Sprintf("tenants/team-%d/%s/tenant.yaml", i%100, name)}}
		f.Tenants[t.Metadata.Name] = t
		r := placement.Request{Tenant: t, Spec: spec, Provider: []string{"native", "kamaji"}[i/2%2]}
		if i%20 == 0 {
			r.Tolerations = []fleet.Taint{placeTaint}
		}
		if i >= from {
			out = append(out, r)
		}
	}
	return out
}

func middle(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}

// BenchmarkPlacement prints the figures of docs/benchmarks.md, on one core.
func BenchmarkPlacement(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f := placeFleet()
	requests := placeRequests(f, 0, placeTenants)
	more := placeRequests(f, placeTenants, placeTenants+placeMore)
	for b.Loop() {
		var cold, ten []time.Duration
		var outcomes []placement.Outcome
		for range 5 {
			start := time.Now()
			outcomes = placeCosts.New(f, nil).PlaceAll(requests)
			cold = append(cold, time.Since(start))
		}
		var changes ledger.Changes
		for _, o := range outcomes {
			if o.Unplaced != nil {
				b.Fatal(o.Unplaced)
			}
			changes.SetTenant(&ledger.Tenant{Name: o.Name, Placement: o.Placement, Lifecycle: ledger.Living})
		}
		l := ledger.Empty().With(changes)
		const rounds = 21
		busy := processorTime()
		for range rounds {
			start := time.Now()
			outcomes := placeCosts.New(f, l).PlaceAll(more)
			ten = append(ten, time.Since(start))
			if len(outcomes) != placeMore || outcomes[0].Unplaced != nil {
				b.Fatalf("%+v", outcomes)
			}
		}
		busy = processorTime() - busy
		fmt.Fprintf(os.Stdout, "figure: place_10k_on_50_shards_seconds %.3f s\n", middle(cold).Seconds())
		fmt.Fprintf(os.Stdout, "figure: place_ten_more_ms %.1f ms\n", middle(ten).Seconds()*1000)
		fmt.Fprintf(os.Stdout, "figure: place_ten_more_cpu_ms %.1f ms\n", busy.Seconds()*1000/rounds)
		fmt.Fprintf(os.Stdout, "figure: place_load_spread_percent %.1f %%\n", loadSpread(f, l))
	}
}

// loadSpread is how far the load of any shard that everybody may use is from their mean,
// in percent of it. Load is the share of the capacity of which most is taken.
func loadSpread(f *fleet.Fleet, l *ledger.Ledger) float64 {
	loads := map[string]*[3]float64{} // tenants, CPU, memory
	for name := range f.Shards {
		loads[name] = &[3]float64{}
	}
	for name, e := range l.Tenants {
		load, cost := loads[e.Placement.Shard], placeCosts.Footprint(f.Tenants[name].Spec.Class)
		load[0]++
		load[1] += float64(cost.MilliCPU)
		load[2] += float64(cost.Memory)
	}
	var shares []float64
	sum := 0.0
	for name, s := range f.Shards {
		if len(s.Spec.Teams)+len(s.Spec.Taints) > 0 {
			continue
		}
		c, load := s.Spec.Capacity, loads[name]
		share := max(load[0]/float64(c.Tenants), load[1]/float64(c.MilliCPU()), load[2]/float64(c.Bytes()))
		shares, sum = append(shares, share), sum+share
	}
	mean, far := sum/float64(len(shares)), 0.0
	for _, share := range shares {
		far = max(far, share-mean, mean-share)
	}
	return far / mean * 100
}
