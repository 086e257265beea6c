package core

import (
	"fmt"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/render"
)

// A living tenant stays where it was placed. Its state alone may come to another datastore
// of its shard: where the provider can bring it there, which is told what is wanted by the
// datastore's name and does the rest, and only with a person's approval, since nothing of
// that can be undone by reverting a commit. The decision is one change of the entry's
// placement; the way back is another, with an approval of its own.

// stays says where a tenant is to live that lives already, and why not as it is declared.
func (c *Core) stays(d *draft, t *fleet.Tenant, e *ledger.Tenant) (ledger.Placement, note) {
	p, frozen := e.Placement, func(why string) note {
		return note{"Frozen", fmt.Sprintf("it lives %s and stays there: %s", e.Placement.Where(), why)}
	}
	asks := AsksForMigration(t, e) && e.Lifecycle == ledger.Living && !e.Adopting() // one thing after the other
	if !asks && !elsewhere(t, e) {
		return p, note{}
	}
	class, inForce := c.classInForce(d, t.Spec.Class)
	to, why := Migration(c.renderer, d.placing, t, class, inForce.BaseVersion, e)
	if why != "" {
		return p, frozen(why)
	}
	ds := d.entries.DataStores[to.DataStore]
	if ds == nil || ds.Shard != p.Shard || ds.Provider != e.Provider {
		return p, frozen(fmt.Sprintf("datastore %s does not serve it", to.DataStore))
	}
	if item := Approvable(e, to.DataStore); !d.fleet.Approves(item) {
		return p, note{"NeedsApproval", fmt.Sprintf("it lives %s, and to bring its state to datastore %s is a person's decision: tenantry approve %s writes %s",
			p.Where(), to.DataStore, e.Name, fleet.ApprovalPath([]fleet.ApprovalItem{item}))}
	}
	if why := c.unready(ds); why.reason != "" {
		c.awaited[ds.Name] = true
		return p, why
	}
	return to, note{}
}

// AsksForMigration tells whether a tenant that has its place is declared with another datastore.
func AsksForMigration(t *fleet.Tenant, e *ledger.Tenant) bool {
	return t.Spec.DataStore != "" && t.Spec.DataStore != e.Placement.DataStore
}

// elsewhere tells whether a tenant that has its place is declared with another shard.
func elsewhere(t *fleet.Tenant, e *ledger.Tenant) bool {
	return t.Spec.Shard != "" && t.Spec.Shard != e.Placement.Shard
}

// Approvable is what a person says yes to when a tenant's state may come to a datastore.
func Approvable(e *ledger.Tenant, target string) fleet.ApprovalItem {
	return fleet.ApprovalItem{Action: fleet.ActionMigrate, Tenant: e.Name, UID: e.UID, Target: target}
}

// Migration is the placement of a tenant that asks for it, once its state is where it is
// declared; why says what rules that out, whoever approves. The class and the version of its
// base are those in force; places is asked only of who might come anywhere.
func Migration(r *render.Renderer, places func() *placement.State, t *fleet.Tenant, class *fleet.Class, base string, e *ledger.Tenant) (to ledger.Placement, why string) {
	can := r.Capabilities(class, base)
	switch {
	case elsewhere(t, e):
		return e.Placement, "a living tenant is not moved by changing its declaration"
	case e.Placement.DataStore == "":
		return e.Placement, fmt.Sprintf("provider %s keeps the state of its tenants itself", e.Provider)
	case !can.DataStoreChange:
		return e.Placement, orElse(can.Reasons["dataStoreChange"], fmt.Sprintf("provider %s cannot bring a living tenant to another datastore", e.Provider))
	}
	to, rejected := places().ChangeStore(placement.Ask(t, class), e)
	if rejected != nil {
		return e.Placement, rejected.Message
	}
	return to, ""
}

// unready says why nobody may come to a datastore yet.
func (c *Core) unready(ds *ledger.DataStore) note {
	state := c.owners[ds.UID]
	if state != nil && state.verdict.health.State == render.Current {
		return note{}
	}
	message := fmt.Sprintf("datastore %s is not ready yet", ds.Name)
	if lack := c.lackOf(ds, state); lack != "" {
		message += ": " + lack
	}
	return note{"WaitingForDataStore", message}
}
