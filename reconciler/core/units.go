package core

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Home is where an owner's unit lives.
type Home struct {
	Owner render.Owner
	Shard string
}

// Homes are the owners in the ledger and where they live, by kind and name; those
// of whom nothing is left are not among them.
func (c *Core) Homes() []Home {
	var all []Home
	for _, o := range c.owners {
		if _, lifecycle := c.inForce(o.owner); lifecycle != ledger.Purged {
			all = append(all, Home{o.owner, o.shard})
		}
	}
	slices.SortFunc(all, func(a, b Home) int {
		return cmp.Or(cmp.Compare(a.Owner.Kind, b.Owner.Kind), cmp.Compare(a.Owner.Name, b.Owner.Name))
	})
	return all
}

// Unit renders what should be there for one of the owners in Homes. An error says
// why it cannot be told; then what is there stays.
func (c *Core) Unit(o render.Owner) (*render.Unit, error) {
	_, build, err := c.plan(o)
	if err != nil {
		return nil, err
	}
	return build()
}
