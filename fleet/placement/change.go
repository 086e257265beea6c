package placement

import "github.com/tenantry/tenantry/fleet/ledger"

// ChangeStore is the placement of a tenant that is to keep its state in another datastore,
// r.Spec.DataStore, and stays where it is: on its shard, with its address. The rejection
// says why that does not take it. Nothing is counted before Move.
func (s *State) ChangeStore(r Request, from ledger.Placement) (ledger.Placement, *Rejection) {
	r.Spec.Adopt = nil // what was found has its place; this is another one
	sh := s.byName[from.Shard]
	if sh == nil {
		return from, rejection(from.Shard, ShardUnknown, "the fleet declares no such shard")
	}
	store, rejected := s.chooseStore(sh, r)
	if rejected != nil {
		return from, rejected
	}
	switch was, is := s.fleet.DataStores[from.DataStore], s.fleet.DataStores[store]; {
	case was == nil:
		return from, rejection(sh.name, NoDataStore, "datastore %s, which holds its state, is not declared, so nobody knows whether that can be brought to %s: declare it until the tenant has left", from.DataStore, store)
	case was.Spec.Driver != is.Spec.Driver:
		return from, rejection(sh.name, NoDataStore, "datastore %s is %s and %s is %s: state does not come from one to the other", from.DataStore, was.Spec.Driver, store, is.Spec.Driver)
	}
	from.DataStore = store
	return from, nil
}

// Move counts a tenant that lived in one place for another one.
func (s *State) Move(from, to ledger.Placement) {
	s.take(from, -1)
	s.take(to, 1)
}
