package placement

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

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
	a := s.asked(r)
	var best *candidate
	for _, sh := range s.shards {
		if !a.mayGo(sh) {
			continue
		}
		if c := s.judge(sh, a); c.reason == "" && (best == nil || c.before(best, a)) {
			best = &c
		}
	}
	if best == nil {
		return ledger.Placement{}, s.unplaced(a)
	}
	s.take(best.placement, a.load, 1)
	return best.placement, nil
}

// mayGo tells whether a shard comes into question at all.
func (a *asked) mayGo(sh *shard) bool { return a.Spec.Shard == "" || a.Spec.Shard == sh.name }

// candidate is a shard, and what the tenant would get there or why nothing.
type candidate struct {
	shard     *shard
	reason    string // empty when the shard takes it
	placement ledger.Placement
	score     Score
}

// judge says what the tenant would get on a shard, or the first rule against it.
func (s *State) judge(sh *shard, a *asked) candidate {
	c := candidate{shard: sh}
	adopt := a.Spec.Adopt // it is where it is, whatever room there is
	for i := range rules {
		if (adopt == nil || rules[i].always) && rules[i].broken(s, sh, a) {
			c.reason = rules[i].reason
			return c
		}
	}
	ds := s.chooseStore(sh, a)
	c.placement.Shard = sh.name
	if ds != nil {
		c.placement.DataStore = ds.name
	}
	c.score = scoreOf(sh, ds, a)
	switch {
	case adopt != nil:
		c.placement.Address, c.placement.Host = adopt.Address, adopt.Host
	case sh.spec.Domain != "":
		c.placement.Host = sh.host(a)
	default:
		address, _ := sh.pool.lowest(s.used) // a rule found one
		c.placement.Address = address.String()
	}
	return c
}

// unplaced says for every shard why it does not take the tenant.
func (s *State) unplaced(a *asked) *Unplaced {
	u := &Unplaced{Tenant: a.Tenant.Metadata.Name}
	for _, c := range s.explain(a) {
		u.Rejections = append(u.Rejections, Rejection{c.Shard, c.Reason, c.Message, c.fix})
	}
	return u
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

func (s *State) storeBroken(store string) bool {
	_, broken := s.fleet.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: store}]
	return broken
}
