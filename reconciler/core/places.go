package core

import (
	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// placing is who lives where, this draft's decisions included.
func (d *draft) placing() *placement.State {
	if d.places == nil {
		d.places = d.known.New(met(d), d.entries.With(d.changes))
	}
	return d.places
}

// known is what placing has to be told. A class that this binary cannot render requests
// nothing, as far as anybody knows.
func (c *Core) known(d *draft) placement.Known {
	return placement.Known{
		InForce: func(e *ledger.Tenant) *fleet.Tenant { return c.lastKnown(d, e) },
		Footprint: func(name string) (cost placement.Footprint) {
			if class, inForce := c.classInForce(d, name); class != nil {
				if f, err := c.renderer.Footprint(class, inForce.BaseVersion); err == nil {
					cost = placement.Footprint{MilliCPU: f.MilliCPU, Memory: f.Memory}
				}
			}
			return cost
		},
	}
}

// lastKnown is the declaration that a tenant follows with this draft's decisions, or will
// follow when it is held: nil when it is still being searched for.
func (c *Core) lastKnown(d *draft, e *ledger.Tenant) *fleet.Tenant {
	if t := c.declarationInForce(e); t != nil {
		return t
	}
	last := c.git.last[WantRef{Kind: fleet.KindTenant, Name: e.Name, Path: e.Source}].Fleet
	switch {
	case e.Held != nil:
		last = d.fleets[e.Held.Tree]
	case e.Tombstone != nil:
		last = d.fleets[e.Tombstone.Tree]
	}
	if last == nil {
		return nil
	}
	return last.Tenants[e.Name]
}
