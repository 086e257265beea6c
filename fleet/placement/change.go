package placement

import (
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// ChangeStore is the placement of a tenant that is to keep its state in another datastore,
// r.Spec.DataStore, and stays where it is: on its shard, with its address. The rejection
// says why that does not take it. Nothing is counted before Move.
func (s *State) ChangeStore(r Request, e *ledger.Tenant) (ledger.Placement, *Rejection) {
	r.Spec.Adopt = nil // what was found has its place; this is another one
	from := e.Placement
	sh, a := s.byName[from.Shard], s.asked(r)
	if sh == nil {
		return from, &Rejection{Shard: from.Shard, Reason: ShardUnknown, Message: "the fleet declares no such shard"}
	}
	for _, rule := range rules {
		if rule.store && rule.broken(s, sh, a) {
			message, fix := rule.why(s, sh, a)
			return from, &Rejection{sh.name, rule.reason, message, fix}
		}
	}
	to := s.chooseStore(sh, a)
	if to == nil {
		from.DataStore = ""
		return from, nil
	}
	reject := func(format string, args ...any) (ledger.Placement, *Rejection) {
		return from, &Rejection{Shard: sh.name, Reason: NoDataStore, Message: fmt.Sprintf(format, args...)}
	}
	was := s.stores[from.DataStore]
	switch {
	case was == nil:
		return reject("datastore %s, which holds its state, is not declared, so nobody knows whether that can be brought to %s: declare it until the tenant has left", from.DataStore, to.name)
	case was.spec.Driver != to.spec.Driver:
		return reject("datastore %s is %s and %s is %s: state does not come from one to the other", from.DataStore, was.spec.Driver, to.name, to.spec.Driver)
	}
	// Whoever makes room for a copy would remove what is to be copied.
	for _, at := range was.spec.Endpoints {
		if slices.Contains(to.spec.Endpoints, at) {
			return reject("datastores %s and %s are both at %s: its state is there already", from.DataStore, to.name, at)
		}
	}
	for _, name := range namesWithin(to.name, e.Adopted) {
		for _, other := range s.within[name] {
			if other != e.Name {
				return reject("%s %s of datastore %s is tenant %s's, and is what this one's is called, too: both would be one", name.kind, name.name, to.name, other)
			}
		}
	}
	from.DataStore = to.name
	return from, nil
}

// Move counts a tenant for another datastore of its shard.
func (s *State) Move(e *ledger.Tenant, to ledger.Placement) {
	s.take(e.Placement, load{}, -1) // what it requests of the shard stays as it is
	s.take(to, load{}, 1)
	s.name(e.Name, to, e.Adopted)
}

// name is what something in a datastore is called that a tenant was taken over with. What
// Tenantry makes is called after uids and needs no look; this may be there twice.
type name struct{ store, kind, name string }

func namesWithin(store string, a *ledger.Adopted) []name {
	if a == nil || a.Schema == "" {
		return nil
	}
	return []name{{store, "schema", a.Schema}, {store, "user", a.Username}}
}

// name notes whose the names are that a tenant brings with it.
func (s *State) name(tenant string, p ledger.Placement, a *ledger.Adopted) {
	for _, n := range namesWithin(p.DataStore, a) {
		s.within[n] = append(s.within[n], tenant)
	}
}
