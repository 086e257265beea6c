package core

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// Decisions about what tenants share: shards, classes, datastores, and the kinds that
// are watched.

// decideShards pins the identity of every shard at first contact.
func (c *Core) decideShards(d *draft) {
	owner := map[string]string{}
	for name, e := range d.entries.Shards {
		owner[e.Identity] = name
	}
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		s := c.shards[name]
		s.problem = note{}
		if !c.mayUse(s) || s.lease.Identity == "" || c.compared(s).reason != "" {
			continue
		}
		e := d.entries.Shards[name]
		switch other := owner[s.lease.Identity]; {
		case e != nil && e.Identity != s.lease.Identity:
			s.problem = note{"IdentityChanged", fmt.Sprintf(
				"the kubeconfig of shard %s leads to the cluster %s, but the ledger says that the shard is %s; nothing is done there until the right kubeconfig is back",
				name, s.lease.Identity, e.Identity)}
		case e == nil && other != "":
			s.problem = note{"IdentityTaken", fmt.Sprintf("the kubeconfig of shard %s leads to the same cluster as shard %s", name, other)}
		case e == nil && d.fleet.Shards[name] != nil:
			owner[s.lease.Identity] = name
			d.setShard(&ledger.Shard{Name: name, Identity: s.lease.Identity})
		}
	}
}

// decideClasses puts every class that can be rendered in force as declared.
func (c *Core) decideClasses(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(d.fleet.Classes)) {
		class := d.fleet.Classes[name]
		e := d.entries.Classes[name]
		if e != nil {
			same := e.Key() == classKey(class)
			// A folder of the fleet's own that is not understood here may be put right by a newer one.
			if why := c.classBase(d, e); why.reason != "" && (same || e.ProviderTree == "") {
				c.notes["class/"+name] = why
				continue
			}
			if same {
				continue
			}
		}
		next := &ledger.Class{
			Name: name, Provider: class.Spec.Provider, Commit: d.declared.Commit, Tree: class.Tree, ProviderTree: class.ProviderTree(),
		}
		if next.BaseVersion = c.renderer.BaseFor(class); class.Own == nil && e != nil && e.Provider == next.Provider && class.Spec.BaseVersion == "" {
			next.BaseVersion = e.BaseVersion // a newer one is asked for by name
		}
		if err := c.renderer.Check(class, next.BaseVersion); err != nil {
			c.notes["class/"+name] = note{"NotRendered", err.Error()}
			continue
		}
		if other := d.otherwise(next); other != "" {
			c.notes["class/"+name] = note{"Frozen", fmt.Sprintf(
				"class %s is in force with another provider of the name %s, of which one is the fleet's own and one is carried by the binary: neither takes the other's place", other, next.Provider)}
			continue
		}
		d.classes[next.Key()] = class
		d.setClass(next)
	}
}

// otherwise names a class in force whose provider has the name of another's and is not the
// same: of the fleet's own, or not. A tenant's entry knows its provider by name alone.
func (d *draft) otherwise(next *ledger.Class) string {
	for _, name := range slices.Sorted(maps.Keys(d.entries.Classes)) {
		if e := d.entries.Classes[name]; e.Provider == next.Provider && (e.ProviderTree == "") != (next.ProviderTree == "") {
			return name
		}
	}
	return ""
}

// decideDataStores gives datastores their identity, and holds those that are broken or
// gone: a datastore is never taken away from its tenants.
func (c *Core) decideDataStores(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(d.fleet.DataStores)) {
		ds := d.fleet.DataStores[name]
		e := d.entries.DataStores[name]
		if e != nil {
			if why := c.carried(e.Provider, e.BaseVersion); why.reason != "" {
				c.notes["datastore/"+name] = why
				continue
			}
			if e.Provider != ds.Spec.Provider {
				c.notes["datastore/"+name] = note{"Frozen", fmt.Sprintf("it belongs to provider %s, which cannot change to %s", e.Provider, ds.Spec.Provider)}
			}
			next := *e
			if e.Held != nil && e.Shard == ds.Spec.Shards[0] {
				next.Held = nil
			}
			if e.Adopting() && c.ownedNow(e.UID) {
				next.Adopted = e.Adopted.Done()
			}
			if next != *e && c.usable(d, e.Shard).reason == "" {
				d.setDataStore(&next)
			}
			continue
		}
		shard := ds.Spec.Shards[0]
		if why := c.usable(d, shard); why.reason != "" {
			c.notes["datastore/"+name] = why
			continue
		}
		if why := d.theirObject(ds); why.reason != "" {
			c.notes["datastore/"+name] = why
			continue
		}
		next := &ledger.DataStore{
			Name: name, UID: ledger.UID(c.ledger.tip, "datastore", name, d.declared.Commit), Source: ds.Source.Path,
			Provider: ds.Spec.Provider, BaseVersion: c.renderer.LatestBase(ds.Spec.Provider), Shard: shard, Epoch: 1,
			Adopted: ledger.AdoptedDataStoreAs(ds.Spec.Adopt),
		}
		unit, err := c.renderer.DataStore(dataStoreInput(next, ds))
		if err != nil {
			c.notes["datastore/"+name] = note{"NotRendered", err.Error()}
			continue
		}
		d.setDataStore(next)
		d.addKinds(shard, kindsOf(unit))
	}
	for _, name := range slices.Sorted(maps.Keys(d.entries.DataStores)) {
		e := d.entries.DataStores[name]
		_, broken := d.fleet.Broken[fleet.Ref{Kind: fleet.KindDataStore, Name: name}]
		if e.Held != nil || d.fleet.DataStores[name] != nil || c.usable(d, e.Shard).reason != "" ||
			c.carried(e.Provider, e.BaseVersion).reason != "" {
			continue // held already, as declared, or not ours to decide
		}
		reason := "Invalid"
		if !broken && d.fleet.Absent(fleet.Ref{Kind: fleet.KindDataStore, Name: name}) {
			reason = "Removed"
		}
		last, found := c.last(Want{Ref: WantRef{Kind: fleet.KindDataStore, Name: name, Path: e.Source}})
		if !found {
			continue
		}
		next := *e
		next.Held = &ledger.Held{Commit: last.Commit, Tree: last.Tree, Reason: reason}
		d.fleets[last.Tree] = last.Fleet
		d.setDataStore(&next)
	}
}

// decideKinds has the ledger list what living owners have come to need. It is asked
// for until the ledger does: a decision may be put off, or its push may fail.
func (c *Core) decideKinds(d *draft) {
	for _, name := range slices.Sorted(maps.Keys(c.shards)) {
		s := c.shards[name]
		if e := c.ledger.entries.Shards[name]; e != nil {
			s.lacking = slices.DeleteFunc(s.lacking, func(k string) bool { return slices.Contains(e.Kinds, k) })
		}
		if len(s.lacking) > 0 && c.usable(d, name).reason == "" {
			d.addKinds(name, s.lacking)
		}
	}
}

// addKinds has the ledger list every kind before it is applied for the first
// time: where to look for what is ours.
func (d *draft) addKinds(shard string, more []string) {
	e := d.entries.Shards[shard]
	if e == nil {
		return
	}
	kinds := slices.Clone(e.Kinds)
	for _, k := range more {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == len(e.Kinds) {
		return
	}
	slices.Sort(kinds)
	d.setShard(&ledger.Shard{Name: e.Name, Identity: e.Identity, Kinds: kinds})
}
