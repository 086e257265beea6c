package placement

import (
	"cmp"
	"fmt"
	"strings"
)

// chooseStore is the emptiest of the datastores that take the tenant on a shard, or the
// one that it pins; nil when there is none, or the provider takes none.
func (s *State) chooseStore(sh *shard, a *asked) *store {
	if a.KeepsState {
		return nil
	}
	var best *store
	var bestFill int64
	for _, ds := range sh.stores {
		if !ds.serves(a) || ds.full() && a.Spec.Adopt == nil {
			continue
		}
		fill := ds.fill()
		if best == nil || fill < bestFill || fill == bestFill && rank(a.hash, ds.hash) > rank(a.hash, best.hash) {
			best, bestFill = ds, fill
		}
	}
	return best
}

// serves tells whether a datastore is for the tenant, whatever room it has.
func (ds *store) serves(a *asked) bool {
	return (a.Spec.DataStore == "" || a.Spec.DataStore == ds.name) && ds.spec.Provider == a.Provider && among(a.team, ds.spec.Teams)
}

func (ds *store) full() bool {
	most := ds.spec.Capacity.Tenants
	return most > 0 && ds.tenants >= most
}

// fill is how full a datastore is with one tenant more, in millionths.
func (ds *store) fill() int64 {
	return share(int64(ds.tenants+1), capacityOr(ds.spec.Capacity.Tenants))
}

// noStore tells whether no datastore of a shard is for the tenant.
func (s *State) noStore(sh *shard, a *asked) bool {
	if a.KeepsState {
		return false
	}
	for _, ds := range sh.stores {
		if ds.serves(a) {
			return false
		}
	}
	return true
}

// whyNoStore says of each datastore of a shard why it is not for the tenant.
func (s *State) whyNoStore(sh *shard, a *asked) (message, fix string) {
	pinned, suffix := a.Spec.DataStore, ""
	var others []string
	for _, ds := range sh.stores {
		switch {
		case pinned != "" && pinned != ds.name:
		case ds.spec.Provider != a.Provider:
			others = append(others, fmt.Sprintf("datastore %s is for provider %s", ds.name, ds.spec.Provider))
			suffix = fmt.Sprintf(", the tenant's class %s is of provider %s (spec.provider in datastores/ and classes/)", a.Spec.Class, a.Provider)
			fix = cmp.Or(fix, fmt.Sprintf("declare a datastore of provider %s that serves shard %s", a.Provider, sh.name))
		default:
			others = append(others, fmt.Sprintf("datastore %s is for %s, and the tenant is of team %s", ds.name, teams(ds.spec.Teams), a.team))
			fix = fmt.Sprintf("add team %s to spec.teams in datastores/%s.yaml", a.team, ds.name)
		}
	}
	switch {
	case len(others) > 0:
		return strings.Join(others, ", ") + suffix, fix
	case pinned != "" && s.storeBroken(pinned):
		return fmt.Sprintf("the declaration of datastore %s is invalid", pinned), "mend datastores/" + pinned + ".yaml"
	case pinned != "":
		return fmt.Sprintf("datastore %s, which the tenant asks for, does not serve it", pinned),
			fmt.Sprintf("leave spec.dataStore out, or name one that serves shard %s", sh.name)
	}
	return "no valid datastore names it in spec.shards", "declare a datastore that serves shard " + sh.name
}

// storesFull tells whether those that are for the tenant have no room.
func (s *State) storesFull(sh *shard, a *asked) bool {
	return !a.KeepsState && s.chooseStore(sh, a) == nil
}

func (s *State) whyStoresFull(sh *shard, a *asked) (message, fix string) {
	var full []string
	for _, ds := range sh.stores {
		if ds.serves(a) {
			full = append(full, fmt.Sprintf("datastore %s has %d of %d tenants", ds.name, ds.tenants, ds.spec.Capacity.Tenants))
		}
	}
	return strings.Join(full, ", ") + " (spec.capacity.tenants in datastores/)",
		fmt.Sprintf("raise spec.capacity.tenants of a datastore that serves shard %s, or declare another one", sh.name)
}
