package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// decideTenants goes through every tenant that is declared, broken or in the
// ledger, in the order of names.
func (c *Core) decideTenants(d *draft) {
	names := map[string]bool{}
	for name := range d.fleet.Tenants {
		names[name] = true
	}
	for name := range d.entries.Tenants {
		names[name] = true
	}
	var absent []*ledger.Tenant
	var fresh []*fleet.Tenant
	for _, name := range slices.Sorted(maps.Keys(names)) {
		e := d.entries.Tenants[name]
		t := declaredTenant(d.fleet, name, e)
		ref := fleet.Ref{Kind: fleet.KindTenant, Name: name}
		broken, isBroken := d.fleet.Broken[ref]
		switch {
		case e != nil && e.Lifecycle == ledger.Purging:
			if t != nil || isBroken {
				c.notes[name] = note{"NameTaken", fmt.Sprintf("the former tenant %s is being torn down; this one is placed when that is done", name)}
			}
			c.age(d, e) // there is no way back
		case isBroken && t == nil:
			if e != nil && e.Lifecycle == ledger.Living {
				c.hold(d, e, note{"Invalid", broken.Message})
			}
		case t == nil && !d.fleet.Absent(ref):
			c.hold(d, e, note{"Invalid", fmt.Sprintf("%s, or a folder above it, cannot be looked into (a symbolic link? a submodule?), so it is not known whether it is still declared: commit an ordinary folder", e.Source)})
		case t == nil && e.Lifecycle == ledger.Living:
			absent = append(absent, e)
		case t == nil:
			c.age(d, e)
		case e == nil || e.Lifecycle == ledger.Purged:
			fresh = append(fresh, t)
		default:
			c.keep(d, t, e)
		}
	}
	d.places = nil // what a living tenant weighs may just have been decided
	for _, t := range fresh {
		c.place(d, t)
	}
	c.remove(d, absent)
}

// declaredTenant is the tenant as declared, or nil. Of several that claim one
// name, the one that was there first goes on.
func declaredTenant(f *fleet.Fleet, name string, e *ledger.Tenant) *fleet.Tenant {
	if t := f.Tenants[name]; t != nil || e == nil || e.Lifecycle == ledger.Purged {
		return t
	}
	for _, t := range f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: name}].Candidates {
		if t.Dir() == e.Source {
			return t
		}
	}
	return nil
}

// place gives a new tenant its identity and its place.
func (c *Core) place(d *draft, t *fleet.Tenant) {
	name := t.Metadata.Name
	class, inForce := c.classInForce(d, t.Spec.Class)
	if class == nil {
		c.notes[name] = c.classUnusable(t)
		return
	}
	if why := c.notMet(d, t.Spec.Shard); why.reason != "" {
		c.notes[name] = why
		return
	}
	for _, why := range []note{d.inTheirNamespace(t), d.theirs(t)} {
		if why.reason != "" {
			c.notes[name] = why
			return
		}
	}
	if t.Spec.Spread.Group != "" && (c.git.searching || len(c.git.wants) > 0) {
		return // one whose declaration is being searched for may be of its group
	}
	request := placement.Ask(t, class)
	request.KeepsState = c.renderer.KeepsState(class, inForce.BaseVersion)
	where, err := d.placing().Place(request)
	if err != nil {
		c.notes[name] = c.noPlace(d, err)
		return
	}
	e := &ledger.Tenant{
		Name: name, UID: ledger.UID(c.ledger.tip, "tenant", name, t.Dir(), d.declared.Commit), Source: t.Dir(),
		Provider: class.Spec.Provider, Placement: where, Adopted: ledger.AdoptedAs(t.Spec.Adopt), Epoch: 1, Lifecycle: ledger.Living,
	}
	undo := func(why note) {
		d.places.Release(t, where)
		c.notes[name] = why
	}
	if why := d.guestIn(e); why.reason != "" {
		undo(why)
		return
	}
	if why := c.usable(d, where.Shard); why.reason != "" {
		c.leftTo[name] = c.heldElsewhere(where.Shard)
		undo(why)
		return
	}
	if why := c.classCarried(d, t); why.reason != "" {
		undo(why)
		return
	}
	ds, missing := storeOf(d.entries, where)
	if missing {
		undo(note{"DataStoreUnusable", fmt.Sprintf("datastore %s is not in the ledger yet: %s", where.DataStore, c.notes["datastore/"+where.DataStore].message)})
		return
	}
	if ds != nil && ds.Provider != class.Spec.Provider {
		undo(note{"DataStoreUnusable", fmt.Sprintf("datastore %s is for control planes of provider %s, class %s is of %s", ds.Name, ds.Provider, t.Spec.Class, class.Spec.Provider)})
		return
	}
	in := tenantInput(e, t, class, inForce, ds)
	switch p := c.prove(d, in, tenantRecipe(e, t, inForce, ds)); {
	case p == nil: // it keeps its place until it is known
	case p.err != nil:
		undo(note{"NotRendered", p.err.Error()})
	default:
		d.setTenant(e)
		d.addKinds(where.Shard, p.kinds)
	}
}

// met is the fleet with those shards only that have an identity in the ledger:
// nobody is placed on a shard that was never reached.
func met(d *draft) *fleet.Fleet {
	f := *d.fleet
	f.Shards = map[string]*fleet.Shard{}
	for name, s := range d.fleet.Shards {
		if d.entries.Shards[name] != nil {
			f.Shards[name] = s
		}
	}
	return &f
}

// noPlace says why a tenant has no place: that no shard takes it, and which
// shards were never reached, so that nobody knows.
func (c *Core) noPlace(d *draft, err error) note {
	var unmet []string
	for _, name := range slices.Sorted(maps.Keys(d.fleet.Shards)) {
		if why := c.notMet(d, name); why.reason != "" {
			unmet = append(unmet, why.message)
		}
	}
	switch {
	case len(unmet) == 0:
		return note{"Unplaceable", err.Error()}
	case len(unmet) == len(d.fleet.Shards):
		return note{"ShardUnavailable", strings.Join(unmet, "; ")}
	}
	return note{"Unplaceable", err.Error() + "; " + strings.Join(unmet, "; ")}
}

// notMet says that the shard that a tenant is pinned to was never reached.
func (c *Core) notMet(d *draft, pinned string) note {
	if pinned != "" && d.entries.Shards[pinned] == nil {
		return note{"ShardUnavailable", c.whyNotHeld(pinned)}
	}
	return note{}
}

// classInForce is the class that a draft's ledger puts in force, or nil.
func (c *Core) classInForce(d *draft, name string) (*fleet.Class, *ledger.Class) {
	e := d.entries.Classes[name]
	if e == nil {
		return nil, nil
	}
	if k := d.classes[e.Key()]; k != nil {
		return k, e
	}
	return c.ledger.classes[e.Key()], e
}

// classUnusable says why a tenant cannot have the class that it asks for.
func (c *Core) classUnusable(t *fleet.Tenant) note {
	why := "it is invalid"
	if n := c.notes["class/"+t.Spec.Class]; n.message != "" {
		why = n.message
	}
	return note{"ClassUnusable", fmt.Sprintf("class %s cannot be used: %s", t.Spec.Class, why)}
}

// keep looks at a tenant that is declared and has an entry: is it the same one,
// and may it be as it is declared?
func (c *Core) keep(d *draft, t *fleet.Tenant, e *ledger.Tenant) {
	o, now := c.owners[e.UID], acceptance{t, e, d.entries.Classes[t.Spec.Class], d.entries.DataStores[e.Placement.DataStore]}
	if o != nil && o.accepted == now {
		return // as it was, and as it was found good
	}
	name := t.Metadata.Name
	same := t.Dir() == e.Source || (t.Spec.MovedFrom != "" && t.Spec.MovedFrom == e.Source)
	next := *e
	switch {
	case e.Lifecycle == ledger.Tombstoned && !same:
		c.notes[name] = note{"NameTaken", fmt.Sprintf(
			"the name belongs to the removed tenant of %s until %s; to bring that one back here, set spec.movedFrom: %s",
			e.Source, e.Tombstone.PurgeAfter.Format(time.RFC3339), e.Source)}
		c.age(d, e) // a name alone does not keep it
		return
	case !same:
		c.hold(d, e, note{"Moved", fmt.Sprintf("%s was declared in %s; if it is the same tenant, set spec.movedFrom: %s", name, e.Source, e.Source)})
		return
	}
	if why := c.usable(d, e.Placement.Shard); why.reason != "" {
		return // whoever holds its shard decides
	}
	if why := c.classCarried(d, t); why.reason != "" {
		c.notes[name] = why
		return
	}
	if class, _ := c.classInForce(d, t.Spec.Class); class == nil {
		c.hold(d, e, c.classUnusable(t))
		return
	} else if class.Spec.Provider != e.Provider {
		c.hold(d, e, note{"Frozen", fmt.Sprintf("class %s is of provider %s, but the tenant lives with provider %s, which cannot change", t.Spec.Class, class.Spec.Provider, e.Provider)})
		return
	}
	var why note
	next.Placement, why = c.stays(d, t, e)
	switch why, known := c.unrenderable(d, t, &next); {
	case !known:
		return
	case why.reason != "":
		c.hold(d, e, why)
		return
	}
	if e.Lifecycle == ledger.Tombstoned {
		next.Lifecycle, next.Tombstone = ledger.Living, nil
	}
	if next.Placement != e.Placement {
		d.placing().Move(e, next.Placement)
	}
	if next.Lifecycle != e.Lifecycle || next.Placement != e.Placement {
		next.Epoch++
	}
	next.Source, next.Held, next.Adopted = t.Dir(), nil, c.taken(e)
	if next != *e {
		d.setTenant(&next)
	}
	if why.reason == "" {
		why = adoptsOtherwise(t, e)
	}
	if why.reason != "" {
		c.notes[name] = why
	} else if o != nil && next == *e {
		o.accepted = now
	}
}

// acceptance is what was looked at when a tenant was found to be as it is declared, with
// nothing to be decided or said. While it is the same, so is the answer.
type acceptance struct {
	tenant    *fleet.Tenant
	entry     *ledger.Tenant
	class     *ledger.Class
	dataStore *ledger.DataStore
}

// unrenderable says why a living tenant cannot be rendered from a declaration. What
// is not known yet is found out first.
func (c *Core) unrenderable(d *draft, t *fleet.Tenant, e *ledger.Tenant) (why note, known bool) {
	class, inForce := c.classInForce(d, t.Spec.Class)
	ds, missing := storeOf(d.entries, e.Placement)
	o := c.owners[e.UID]
	if class == nil || missing || o == nil {
		return note{}, true
	}
	living := *e
	living.Lifecycle = ledger.Living
	r := tenantRecipe(&living, t, inForce, ds)
	if o.wanted.is(r) || o.proven.is(r) {
		return note{}, true
	}
	if err, found := o.refused[r]; found {
		return note{"NotRendered", err.Error()}, true
	}
	d.unproven = append(d.unproven, unproven{tenantInput(&living, t, class, inForce, ds), r, o})
	return note{}, false
}

// hold keeps a living tenant as its last good declaration says.
func (c *Core) hold(d *draft, e *ledger.Tenant, why note) {
	c.notes[e.Name] = why
	if e.Lifecycle != ledger.Living || e.Held != nil && c.taken(e) == e.Adopted || c.usable(d, e.Placement.Shard).reason != "" {
		return
	}
	if e.Held != nil {
		next := *e
		next.Adopted = c.taken(e)
		d.setTenant(&next)
		return
	}
	last, found := c.lastOf(d, e)
	if !found || c.classCarried(d, last.Fleet.Tenants[e.Name]).reason != "" {
		return
	}
	next := *e
	next.Held, next.Adopted = &ledger.Held{Commit: last.Commit, Tree: last.Tree, Reason: why.reason}, c.taken(e)
	d.fleets[last.Tree] = last.Fleet
	d.setTenant(&next)
}

// errUndecided: what is declared needs a decision before it may be rendered.
var errUndecided = errors.New("not decided yet")
