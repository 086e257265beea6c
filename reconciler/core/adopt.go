package core

import (
	"fmt"
	"maps"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// What runs on a shard before it is declared is taken over in two decisions:
//
//	declared ──► adopting ──all of it carries our marks──► like any other
//	                └──removed──► left alone for good
//
// While it is adopting, an object of whose uid the entry tells is written only if that
// changes nothing of it but marks (the shard's edge finds out), and nothing else is: what
// is not there, or another one, is never made anew. After that nothing without our marks
// is adopted again, whatever its uid.

// inTheirNamespace says whose namespace a tenant would live in: one that goes with another
// tenant takes everybody with it.
func (d *draft) inTheirNamespace(t *fleet.Tenant) note {
	if t.Spec.Adopt == nil {
		return note{}
	}
	name, ok := strings.CutPrefix(t.Spec.Adopt.Namespace, render.NamespacePrefix)
	if !ok || name == t.Metadata.Name {
		return note{}
	}
	e, other := d.entries.Tenants[name], d.fleet.Tenants[name]
	if e != nil && e.Lifecycle != ledger.Purged && e.Adopted == nil || (e == nil || e.Lifecycle == ledger.Purged) && other != nil && other.Spec.Adopt == nil {
		return note{"Invalid", fmt.Sprintf("spec.adopt.namespace: namespace %s is that of tenant %s, and goes with it: nothing else can live there", t.Spec.Adopt.Namespace, name)}
	}
	return note{}
}

// guestIn says who was taken over in the namespace that a tenant would get. They would go
// with it.
func (d *draft) guestIn(e *ledger.Tenant) note {
	if e.Adopted != nil {
		return note{}
	}
	if d.guests == nil {
		d.guests = map[[2]string]string{}
		for name, other := range d.entries.Tenants {
			if other.Adopted == nil || other.Lifecycle == ledger.Purged {
				continue
			}
			if at := [2]string{other.Placement.Shard, other.Adopted.Namespace}; d.guests[at] == "" || name < d.guests[at] {
				d.guests[at] = name
			}
		}
	}
	namespace := render.NamespacePrefix + e.Name
	if other := d.guests[[2]string{e.Placement.Shard, namespace}]; other != "" {
		return note{"Unplaceable", fmt.Sprintf("namespace %s is where tenant %s was taken over on shard %s: another name, or another shard", namespace, other, e.Placement.Shard)}
	}
	return note{}
}

// theirs says who has taken over already what a tenant would take over. Names tell, since
// uids are forgotten when all of it carries our marks.
func (d *draft) theirs(t *fleet.Tenant) note {
	a := t.Spec.Adopt
	if a == nil {
		return note{}
	}
	for _, entries := range []map[string]*ledger.Tenant{d.entries.Tenants, d.changes.Tenants} {
		for name, e := range entries {
			has := e != nil && e.Adopted != nil && e.Lifecycle != ledger.Purged && e.Placement.Shard == t.Spec.Shard
			gaveUp := has && e.Adopting() && e.Lifecycle != ledger.Living
			if has && !gaveUp && e.Adopted.Namespace == a.Namespace && e.Adopted.Name == a.Name {
				return note{"Invalid", fmt.Sprintf("spec.adopt: %s in namespace %s is what tenant %s has taken over, and belongs to it", a.Name, a.Namespace, name)}
			}
		}
	}
	return note{}
}

// theirObject is theirs of a datastore.
func (d *draft) theirObject(ds *fleet.DataStore) note {
	for _, e := range d.entries.DataStores {
		if ds.Spec.Adopt != nil && e.Adopted != nil && e.Shard == ds.Spec.Shards[0] && e.Adopted.Name == ds.Spec.Adopt.Name {
			return note{"Invalid", fmt.Sprintf("spec.adopt: %s is what datastore %s has taken over, and belongs to it", e.Adopted.Name, e.Name)}
		}
	}
	return note{}
}

// adoptsOtherwise tells of a declaration that wants something else taken over than what
// the entry says: that is decided once.
func adoptsOtherwise(t *fleet.Tenant, e *ledger.Tenant) note {
	a, was := t.Spec.Adopt, e.Adopted
	switch {
	case a == nil:
	case was == nil:
		return note{"Frozen", "it lives already, and takes nothing over: remove spec.adopt"}
	case a.Namespace != was.Namespace || a.Name != was.Name || a.Schema != was.Schema || a.Username != was.Username:
		return note{"Frozen", fmt.Sprintf("it was taken over as %s in namespace %s, which cannot change: revert spec.adopt, or remove it", was.Name, was.Namespace)}
	case e.Adopting() && (!maps.Equal(a.Objects, was.Objects) || a.Address != e.Placement.Address || a.Host != e.Placement.Host):
		return note{"Frozen", "what is taken over, and at which endpoint, was decided already: revert spec.adopt.objects, address and host, or remove it"}
	}
	return note{}
}

// taken is what an entry says of what is taken over, once all of it carries our marks.
func (c *Core) taken(e *ledger.Tenant) *ledger.Adopted {
	if e.Adopting() && c.ownedNow(e.UID) {
		return e.Adopted.Done()
	}
	return e.Adopted
}

// leftAlone tells of a tenant that was removed before all of it was taken over. Whatever of
// it carries our marks by then is not ours to stop or delete: a controller would take down
// with it what was not taken over.
func (c *Core) leftAlone(o render.Owner) bool {
	if o.Kind != render.OwnerTenant {
		return false
	}
	e := c.ledger.entries.Tenants[o.Name]
	return e.Adopting() && e.Lifecycle != ledger.Living
}

// ownedNow tells whether everything that an owner takes over carries our marks by now.
func (c *Core) ownedNow(uid string) bool {
	o := c.owners[uid]
	return o != nil && o.verdict.owned
}

// adopting tells whether something is still to be taken over.
func (w *wanted) adopting(v view) bool {
	for id := range w.adopts {
		if have := v.objects.at(id); have == nil || !have.Owned() {
			return true
		}
	}
	return false
}

// adoptsOf are the uids of what a unit takes over.
func adoptsOf(u *render.Unit) map[render.ObjectID]string {
	var out map[render.ObjectID]string
	for _, o := range u.Objects {
		if o.Adopts != "" {
			if out == nil {
				out = map[render.ObjectID]string{}
			}
			out[o.ID] = o.Adopts
		}
	}
	return out
}
