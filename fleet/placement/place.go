package placement

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// State is who lives where, indexed for placing. It is not safe for use by
// several goroutines at once.
type State struct {
	fleet  *fleet.Fleet
	shards []*shard // by name
	byName map[string]*shard
	// broken are the shards whose declarations are.
	broken map[string]fleet.Broken
	// stores, used and hosts count the tenants of datastores, of addresses and of DNS names.
	stores map[string]int
	used   map[netip.Addr]int
	hosts  map[string]int
	// within are the tenants whose names something in a datastore has.
	within map[name][]string
}

type shard struct {
	name    string
	spec    fleet.ShardSpec
	labels  map[string]string
	tenants int
	pool    pool
	stores  []*fleet.DataStore
}

// New indexes a fleet and its ledger; a nil ledger is an empty one.
func New(f *fleet.Fleet, l *ledger.Ledger) *State {
	s := &State{
		fleet: f, byName: map[string]*shard{}, broken: map[string]fleet.Broken{},
		stores: map[string]int{}, used: map[netip.Addr]int{}, hosts: map[string]int{}, within: map[name][]string{},
	}
	for ref, broken := range f.Broken {
		if ref.Kind == fleet.KindShard {
			s.broken[ref.Name] = broken
		}
	}
	for name, declared := range f.Shards {
		sh := &shard{name: name, spec: declared.Spec, labels: declared.Metadata.Labels}
		sh.pool.ranges = declared.Spec.Addresses()
		sh.pool.rewind()
		s.byName[name] = sh
		s.shards = append(s.shards, sh)
	}
	slices.SortFunc(s.shards, func(a, b *shard) int { return cmp.Compare(a.name, b.name) })
	for _, store := range f.DataStores {
		for _, on := range store.Spec.Shards {
			if sh := s.byName[on]; sh != nil {
				sh.stores = append(sh.stores, store)
			}
		}
	}
	for _, sh := range s.shards {
		slices.SortFunc(sh.stores, func(a, b *fleet.DataStore) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	}
	for name, t := range f.Tenants { // what is to be taken over has its endpoint already
		if t.Spec.Adopt != nil && !decided(l, name) {
			s.take(ledger.Placement{Address: t.Spec.Adopt.Address, Host: t.Spec.Adopt.Host}, 1)
		}
	}
	if l != nil {
		for _, t := range l.Tenants {
			if t.Lifecycle != ledger.Purged {
				s.take(t.Placement, 1)
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

// take counts a placement in (1) or out (-1).
func (s *State) take(p ledger.Placement, n int) {
	if p.DataStore != "" {
		s.stores[p.DataStore] += n
	}
	if sh := s.byName[p.Shard]; sh != nil {
		sh.tenants += n
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

// Release takes a placement back that Place gave, or whose tenant is gone.
func (s *State) Release(p ledger.Placement) {
	s.take(p, -1)
	if a, err := netip.ParseAddr(p.Address); err == nil && s.used[a] == 0 {
		for _, sh := range s.shards {
			sh.pool.release(a)
		}
	}
}

// Place chooses where a tenant lives that has no place yet, and counts it. The
// error is an *Unplaced.
func (s *State) Place(r Request) (ledger.Placement, error) {
	where, unplaced := s.place(r)
	if unplaced != nil {
		return ledger.Placement{}, unplaced
	}
	return where, nil
}

func (s *State) place(r Request) (ledger.Placement, *Unplaced) {
	unplaced := &Unplaced{Tenant: r.Tenant.Metadata.Name}
	var best *candidate
	for _, sh := range s.candidates(r.Spec, unplaced) {
		c, rejection := s.judge(sh, r)
		if rejection != nil {
			unplaced.Rejections = append(unplaced.Rejections, *rejection)
			continue
		}
		// Shards come by name, so that the first of the emptiest stays.
		if best == nil || c.shard.tenants < best.shard.tenants {
			best = c
		}
	}
	if best == nil {
		unplaced.sort()
		return ledger.Placement{}, unplaced
	}
	s.take(best.placement, 1)
	return best.placement, nil
}

// candidate is a shard that can take the tenant, and what it would get there.
type candidate struct {
	shard     *shard
	placement ledger.Placement
}

// candidates are the shards that the tenant may go to at all; the others are
// rejected without a look at them.
func (s *State) candidates(spec fleet.TenantSpec, unplaced *Unplaced) []*shard {
	for name, broken := range s.broken {
		if spec.Shard == "" || spec.Shard == name {
			unplaced.reject(name, ShardInvalid, "its declaration %s is invalid: %s", broken.Path, broken.Message)
		}
	}
	var out []*shard
	for _, sh := range s.shards {
		if spec.Shard != "" && spec.Shard != sh.name {
			continue
		}
		if missing := unmatched(spec.ShardSelector, sh.labels); missing != "" && spec.Shard == "" {
			unplaced.reject(sh.name, NotSelected, "it lacks the label %s that spec.shardSelector asks for", missing)
			continue
		}
		out = append(out, sh)
	}
	if spec.Shard != "" && len(out) == 0 && len(unplaced.Rejections) == 0 {
		unplaced.reject(spec.Shard, ShardUnknown, "the fleet declares no such shard")
	}
	return out
}

// unmatched gives the first label, by key, that a selector misses.
func unmatched(selector, labels map[string]string) string {
	missing := ""
	for key, value := range selector {
		if got, ok := labels[key]; ok && got == value {
			continue
		}
		if text := key + "=" + value; missing == "" || text < missing {
			missing = text
		}
	}
	return missing
}

// judge says what the tenant would get on a shard, or why nothing.
func (s *State) judge(sh *shard, r Request) (*candidate, *Rejection) {
	file := "shards/" + sh.name + ".yaml"
	if r.Spec.Adopt != nil {
		return s.found(sh, r)
	}
	if sh.spec.Cordon {
		return nil, rejection(sh.name, Cordoned, "it is cordoned (spec.cordon in %s)", file)
	}
	if most := sh.spec.Capacity.Tenants; most > 0 && sh.tenants >= most {
		return nil, rejection(sh.name, Full, "it has %d tenants, removed ones that may come back included, of %d (spec.capacity.tenants in %s)", sh.tenants, most, file)
	}
	store, rejected := s.chooseStore(sh, r)
	if rejected != nil {
		return nil, rejected
	}
	p := ledger.Placement{Shard: sh.name, DataStore: store}
	if sh.spec.Domain != "" {
		p.Host = r.Tenant.Metadata.Name + "." + sh.spec.Domain
		if s.hosts[p.Host] > 0 { // by whoever was taken over
			return nil, rejection(sh.name, HostTaken, "its host would be %s, which is that of another tenant", p.Host)
		}
		return &candidate{sh, p}, nil
	}
	address, ok := sh.pool.lowest(s.used)
	if !ok {
		return nil, rejection(sh.name, NoAddress, "every address of its pool is taken (spec.addressPool in %s)", file)
	}
	p.Address = address.String()
	return &candidate{sh, p}, nil
}

// found is the place of a tenant that runs already: it is where it is, whatever room there
// is.
func (s *State) found(sh *shard, r Request) (*candidate, *Rejection) {
	if !r.KeepsState && r.Spec.DataStore == "" {
		return nil, rejection(sh.name, NoDataStore, "what the tenant takes over has its state in a datastore: spec.dataStore has to name it")
	}
	store, rejected := s.chooseStore(sh, r)
	if rejected != nil {
		return nil, rejected
	}
	return &candidate{sh, ledger.Placement{Shard: sh.name, DataStore: store, Address: r.Spec.Adopt.Address, Host: r.Spec.Adopt.Host}}, nil
}

// chooseStore names the datastore that the tenant pins, or the one with the
// fewest tenants, among those that serve the shard and the provider and have room.
// The name is empty when the provider takes none.
func (s *State) chooseStore(sh *shard, r Request) (string, *Rejection) {
	switch {
	case r.KeepsState && r.Spec.DataStore != "":
		return "", rejection(sh.name, DataStoreRefused, "the tenant asks for datastore %s, but provider %s of its class %s keeps the state of its tenants itself (spec.dataStore)",
			r.Spec.DataStore, r.Provider, r.Spec.Class)
	case r.KeepsState:
		return "", nil
	}
	var best *fleet.DataStore
	var full, others []string
	for _, store := range sh.stores {
		name, pinned := store.Metadata.Name, r.Spec.DataStore
		switch most := store.Spec.Capacity.Tenants; {
		case pinned != "" && pinned != name:
		case store.Spec.Provider != r.Provider:
			others = append(others, fmt.Sprintf("datastore %s is for provider %s", name, store.Spec.Provider))
		case most > 0 && s.stores[name] >= most && r.Spec.Adopt == nil:
			full = append(full, fmt.Sprintf("datastore %s has %d of %d tenants", name, s.stores[name], most))
		case best == nil || s.stores[name] < s.stores[best.Metadata.Name]:
			best = store
		}
	}
	if best != nil {
		return best.Metadata.Name, nil
	}
	return "", s.noStore(sh, r, full, others)
}

// noStore says why no datastore of a shard takes the tenant.
func (s *State) noStore(sh *shard, r Request, full, others []string) *Rejection {
	pinned := r.Spec.DataStore
	switch {
	case len(full) > 0:
		return rejection(sh.name, DataStoreFull, "%s (spec.capacity.tenants in datastores/)", strings.Join(full, ", "))
	case len(others) > 0:
		return rejection(sh.name, NoDataStore, "%s, the tenant's class %s is of provider %s (spec.provider in datastores/ and classes/)",
			strings.Join(others, ", "), r.Spec.Class, r.Provider)
	case pinned != "" && s.storeBroken(pinned):
		return rejection(sh.name, NoDataStore, "the declaration of datastore %s is invalid", pinned)
	case pinned != "":
		return rejection(sh.name, NoDataStore, "datastore %s, which the tenant asks for, does not serve it", pinned)
	}
	return rejection(sh.name, NoDataStore, "no valid datastore names it in spec.shards")
}

func (s *State) storeBroken(store string) bool {
	_, broken := s.fleet.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: store}]
	return broken
}

// Request asks for one tenant's place.
type Request struct {
	Tenant *fleet.Tenant
	// Spec is the tenant's spec as resolved with its class.
	Spec fleet.TenantSpec
	// Provider is the class's: the tenant's state is kept in a datastore of the same.
	Provider string
	// KeepsState is true when the provider keeps that state itself, and so takes no
	// datastore. Whoever knows the provider's description says so; a fleet does not.
	KeepsState bool
}

// Ask is the Request of a tenant of a class.
func Ask(t *fleet.Tenant, class *fleet.Class) Request {
	return Request{Tenant: t, Spec: fleet.Resolve(t, class), Provider: class.Spec.Provider}
}

// Outcome answers a Request: a place, or why there is none.
type Outcome struct {
	Name      string
	Placement ledger.Placement
	Unplaced  *Unplaced
}

// PlaceAll places many tenants, by name, each counting for the next. The order
// of requests does not matter; outcomes come by name.
func (s *State) PlaceAll(requests []Request) []Outcome {
	sorted := slices.Clone(requests)
	slices.SortFunc(sorted, func(a, b Request) int { return cmp.Compare(a.Tenant.Metadata.Name, b.Tenant.Metadata.Name) })
	out := make([]Outcome, len(sorted))
	for i, r := range sorted {
		out[i].Name = r.Tenant.Metadata.Name
		out[i].Placement, out[i].Unplaced = s.place(r)
	}
	return out
}
