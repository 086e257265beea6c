package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/tenantry/tenantry/fleet/placement"
)

// simulated is what would come of a change.
type simulated struct {
	// Added is how many tenants there are more.
	Added int `json:"added"`
	// Placed are those who would get a place now, Unplaced those who would find none.
	Placed   []placedTenant `json:"placed"`
	Unplaced []homeless     `json:"unplaced"`
	// FullFirst is the datastore that is full first on the way; nil when none is.
	FullFirst *fullStore      `json:"fullFirst,omitempty"`
	Before    []placement.Use `json:"before"`
	After     []placement.Use `json:"after"`
}

type placedTenant struct {
	Tenant    string `json:"tenant"`
	Shard     string `json:"shard"`
	DataStore string `json:"dataStore,omitempty"`
}

type homeless struct {
	Tenant  string `json:"tenant"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// fullStore is a datastore, and after how many tenants it is full.
type fullStore struct {
	Name  string `json:"name"`
	After int    `json:"after"`
}

// fills follows how full datastores get.
type fills struct {
	left  map[string]int
	first *fullStore
}

func newFills(uses []placement.Use) *fills {
	f := &fills{left: map[string]int{}}
	for _, u := range uses {
		for _, ds := range u.DataStores {
			if ds.Capacity > 0 {
				f.left[ds.Name] = ds.Capacity - ds.Tenants
			}
		}
	}
	return f
}

// add takes in that a tenant came to a datastore, the n-th that finds a place.
func (f *fills) add(store string, n int) {
	if _, bounded := f.left[store]; !bounded {
		return
	}
	if f.left[store]--; f.left[store] == 0 && f.first == nil {
		f.first = &fullStore{store, n}
	}
}

// table writes what is to be said for people.
func (s *simulated) table(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SHARD\tTENANTS\tOF\tCPU\tMEMORY\tDATASTORE\tTENANTS\tOF")
	before, stores := map[string]int{}, map[string]int{}
	for _, u := range s.Before {
		before[u.Shard] = u.Tenants
		for _, ds := range u.DataStores {
			stores[ds.Name] = ds.Tenants
		}
	}
	after := map[string]bool{}
	for _, u := range s.After {
		after[u.Shard] = true
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s", u.Shard, grown(before[u.Shard], u.Tenants), bound(u.Capacity),
			taken(u.MilliCPU, u.MilliCPUBound), taken(u.Memory, u.MemoryBound))
		if len(u.DataStores) == 0 {
			fmt.Fprintln(t, "\t-\t-\t-")
		}
		for i, ds := range u.DataStores {
			if i > 0 {
				fmt.Fprint(t, "\t\t\t\t")
			}
			fmt.Fprintf(t, "\t%s\t%s\t%s\n", ds.Name, grown(stores[ds.Name], ds.Tenants), bound(ds.Capacity))
		}
	}
	for _, u := range s.Before {
		if !after[u.Shard] {
			fmt.Fprintf(t, "%s\t%s\t-\t-\t-\t-\t-\t-\n", u.Shard, grown(u.Tenants, 0))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	s.sum(out)
	return nil
}

// sum says who finds a place and who does not.
func (s *simulated) sum(out io.Writer) {
	fmt.Fprintf(out, "\n%s without a place: %d would find one\n", plural(len(s.Placed)+len(s.Unplaced), "tenant"), len(s.Placed))
	if s.FullFirst != nil {
		fmt.Fprintf(out, "datastore %s is full first, after %s\n", s.FullFirst.Name, plural(s.FullFirst.After, "tenant"))
	}
	fixes := map[string][]string{}
	for _, h := range s.Unplaced {
		fixes[h.Fix] = append(fixes[h.Fix], h.Tenant)
	}
	for _, fix := range slices.Sorted(maps.Keys(fixes)) {
		who := fixes[fix][0]
		if n := len(fixes[fix]); n > 1 {
			who += fmt.Sprintf(" and %d more", n-1)
		}
		fmt.Fprintf(out, "%s would find none; the nearest fix: %s\n", who, fix)
	}
}

func grown(before, after int) string {
	if before == after {
		return fmt.Sprint(after)
	}
	return fmt.Sprintf("%d → %d", before, after)
}

func bound(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// taken is a part of a whole in percent.
func taken(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", 100*part/whole)
}
