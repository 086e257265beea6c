package placement

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// State is who lives where, indexed for placing. It is not safe for use by
// several goroutines at once.
type State struct {
	fleet  *fleet.Fleet
	known  Known
	shards []*shard // by name
	byName map[string]*shard
	// broken are the shards whose declarations are.
	broken map[string]fleet.Broken
	stores map[string]*store
	// used and hosts count the tenants of addresses and of DNS names.
	used  map[netip.Addr]int
	hosts map[string]int
	// within are the tenants whose names something in a datastore has.
	within map[name][]string
	// bounded is true when a shard bounds what tenants request; else nobody asks.
	bounded bool
	costs   map[string]Footprint // by class
}

type shard struct {
	name    string
	hash    uint64
	spec    fleet.ShardSpec
	labels  map[string]string
	stores  []*store // by name
	pool    pool
	tenants int
	groups  map[string]int
	// requested of bounds, where a bound of 0 is none.
	requested, bounds Footprint
}

type store struct {
	name    string
	hash    uint64
	spec    fleet.DataStoreSpec
	tenants int
}

// New indexes a fleet and its ledger, of which nothing more is known; a nil ledger is
// an empty one.
func New(f *fleet.Fleet, l *ledger.Ledger) *State { return Known{}.New(f, l) }

// New indexes a fleet and its ledger; a nil ledger is an empty one.
func (k Known) New(f *fleet.Fleet, l *ledger.Ledger) *State {
	if k.InForce == nil {
		k.InForce = func(e *ledger.Tenant) *fleet.Tenant { return f.Tenants[e.Name] }
	}
	s := &State{
		fleet: f, known: k, byName: map[string]*shard{}, broken: map[string]fleet.Broken{},
		stores: map[string]*store{}, hosts: map[string]int{}, within: map[name][]string{}, costs: map[string]Footprint{},
	}
	room := 0
	if l != nil {
		room = len(l.Tenants)
	}
	s.used = make(map[netip.Addr]int, room)
	for ref, broken := range f.Broken {
		if ref.Kind == fleet.KindShard {
			s.broken[ref.Name] = broken
		}
	}
	for name, declared := range f.Shards {
		s.addShard(name, declared)
	}
	slices.SortFunc(s.shards, func(a, b *shard) int { return cmp.Compare(a.name, b.name) })
	for name, declared := range f.DataStores {
		ds := &store{name: name, hash: hash(name), spec: declared.Spec}
		s.stores[name] = ds
		for _, on := range ds.spec.Shards {
			if sh := s.byName[on]; sh != nil {
				sh.stores = append(sh.stores, ds)
			}
		}
	}
	for _, sh := range s.shards {
		slices.SortFunc(sh.stores, func(a, b *store) int { return cmp.Compare(a.name, b.name) })
	}
	for name, t := range f.Tenants { // what is to be taken over has its endpoint already
		if t.Spec.Adopt != nil && !decided(l, name) {
			s.take(ledger.Placement{Address: t.Spec.Adopt.Address, Host: t.Spec.Adopt.Host}, load{}, 1)
		}
	}
	if l != nil {
		for _, t := range l.Tenants {
			if t.Lifecycle != ledger.Purged {
				s.take(t.Placement, s.loadOf(k.InForce(t)), 1)
				s.name(t.Name, t.Placement, t.Adopted)
			}
		}
	}
	return s
}

// decided tells whether the ledger says where a tenant is: then nothing else does.
func decided(l *ledger.Ledger, name string) bool {
	return l != nil && l.Tenants[name] != nil && l.Tenants[name].Lifecycle != ledger.Purged
}

func (s *State) addShard(name string, declared *fleet.Shard) {
	sh := &shard{
		name: name, hash: hash(name), spec: declared.Spec, labels: declared.Metadata.Labels, groups: map[string]int{},
		bounds: Footprint{declared.Spec.Capacity.MilliCPU(), declared.Spec.Capacity.Bytes()},
	}
	sh.pool.ranges = declared.Spec.Addresses()
	sh.pool.rewind()
	s.byName[name] = sh
	s.shards = append(s.shards, sh)
	s.bounded = s.bounded || sh.bounds != Footprint{}
}

// take counts a placement in (1) or out (-1).
func (s *State) take(p ledger.Placement, l load, n int) {
	if ds := s.stores[p.DataStore]; ds != nil {
		ds.tenants += n
	}
	if sh := s.byName[p.Shard]; sh != nil {
		sh.tenants += n
		sh.requested.MilliCPU += int64(n) * l.MilliCPU
		sh.requested.Memory += int64(n) * l.Memory
		if l.group != "" {
			sh.groups[l.group] += n
		}
	}
	if p.Host != "" {
		s.hosts[p.Host] += n
	}
	if a, err := netip.ParseAddr(p.Address); err == nil {
		if s.used[a] += n; s.used[a] <= 0 {
			delete(s.used, a)
		}
	}
}

// Release takes back a placement that Place gave a tenant.
func (s *State) Release(t *fleet.Tenant, p ledger.Placement) {
	s.take(p, s.loadOf(t), -1)
	if a, err := netip.ParseAddr(p.Address); err == nil && s.used[a] == 0 {
		for _, sh := range s.shards {
			sh.pool.release(a)
		}
	}
}
