package placement

import (
	"slices"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// ChangeStore is the placement of a tenant that is to keep its state in another datastore,
// r.Spec.DataStore, and stays where it is: on its shard, with its address. The rejection
// says why that does not take it. Nothing is counted before Move.
func (s *State) ChangeStore(r Request, e *ledger.Tenant) (ledger.Placement, *Rejection) {
	r.Spec.Adopt = nil // what was found has its place; this is another one
	from := e.Placement
	sh := s.byName[from.Shard]
	if sh == nil {
		return from, rejection(from.Shard, ShardUnknown, "the fleet declares no such shard")
	}
	store, rejected := s.chooseStore(sh, r)
	if rejected != nil {
		return from, rejected
	}
	was, is := s.fleet.DataStores[from.DataStore], s.fleet.DataStores[store]
	switch {
	case was == nil:
		return from, rejection(sh.name, NoDataStore, "datastore %s, which holds its state, is not declared, so nobody knows whether that can be brought to %s: declare it until the tenant has left", from.DataStore, store)
	case was.Spec.Driver != is.Spec.Driver:
		return from, rejection(sh.name, NoDataStore, "datastore %s is %s and %s is %s: state does not come from one to the other", from.DataStore, was.Spec.Driver, store, is.Spec.Driver)
	}
	// Whoever makes room for a copy would remove what is to be copied.
	for _, at := range was.Spec.Endpoints {
		if slices.Contains(is.Spec.Endpoints, at) {
			return from, rejection(sh.name, NoDataStore, "datastores %s and %s are both at %s: its state is there already", from.DataStore, store, at)
		}
	}
	for _, name := range namesWithin(store, e.Adopted) {
		for _, other := range s.within[name] {
			if other != e.Name {
				return from, rejection(sh.name, NoDataStore, "%s %s of datastore %s is tenant %s's, and is what this one's is called, too: both would be one", name.kind, name.name, store, other)
			}
		}
	}
	from.DataStore = store
	return from, nil
}

// Move counts a tenant that lived in one place for another one.
func (s *State) Move(e *ledger.Tenant, to ledger.Placement) {
	s.take(e.Placement, -1)
	s.take(to, 1)
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
