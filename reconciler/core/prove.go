package core

import (
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// A declaration is accepted only when it can be rendered; and a new tenant's kinds
// have to be listed for its shard first. Thousands may be new at once, so they are
// proven over several Steps, before all of them are one decision:
//
//	declared ──► proven? ──yes──► decided
//	                └──no──► rendered, some in each Step; when all are, decide again
//
// What is found out is remembered, and tells what is wanted once it is decided.

// stepProofs bounds how many tenants one Step proves, so that the next event never
// waits long.
const stepProofs = 256

// proof is what rendering a new tenant has told.
type proof struct {
	recipe recipe
	uid    string // as it was rendered
	kinds  []string
	wanted *wanted
	unit   *render.Unit // of a tenant with a Component of its own
	err    error
}

// unproven is a tenant that is to be proven; a new one has no owner yet.
type unproven struct {
	in     render.TenantInput
	recipe recipe
	owner  *ownerState
}

// prove gives what rendering a new tenant tells, or nil when it is not known yet. One
// that failed has no place in its recipe: it gives its place to the next, and asking
// anew for each place would never end.
func (c *Core) prove(d *draft, in render.TenantInput, r recipe) *proof {
	asked := r
	p := c.proofs[in.Name]
	if p != nil && p.err != nil {
		asked.placement = ledger.Placement{}
	}
	if p != nil && p.recipe == asked {
		d.proofs[in.Name] = p
		return p
	}
	d.unproven = append(d.unproven, unproven{in, r, nil})
	return nil
}

// proveSome renders some of those that are not proven yet; when all are, decisions
// are looked at again.
func (c *Core) proveSome() {
	if len(c.unproven) == 0 {
		return
	}
	some := c.unproven[:min(len(c.unproven), stepProofs)]
	proofs := make([]*proof, len(some))
	parallel(len(some), func(i int) { proofs[i] = c.proofOf(some[i]) })
	for i, u := range some {
		switch p := proofs[i]; {
		case u.owner == nil:
			c.proofs[u.in.Name] = p
		case p.err == nil:
			u.owner.proven, u.owner.refused = p.wanted, nil
		default:
			if u.owner.refused == nil {
				u.owner.refused = map[recipe]error{}
			}
			u.owner.refused[u.recipe] = p.err
		}
	}
	c.unproven = c.unproven[len(some):]
	c.undecided = c.undecided || len(c.unproven) == 0
	c.wake(time.Unix(0, 1)) // go on at once
}

// proofOf renders a tenant, and of a new one also what would remove it again.
func (c *Core) proofOf(u unproven) *proof {
	if u.owner != nil && u.owner.wanted.is(u.recipe) { // found out in the meantime
		return &proof{wanted: u.owner.wanted}
	}
	unit, err := c.renderer.Tenant(u.in)
	var teardown *render.Unit
	if err == nil && u.owner == nil {
		teardown, err = c.renderer.Teardown(u.in)
	}
	p := &proof{recipe: u.recipe, uid: u.in.UID, err: err}
	if err != nil {
		p.recipe.placement = ledger.Placement{}
		return p
	}
	if p.wanted = newWanted(u.recipe, unit, nil); u.in.Files != nil {
		p.unit = unit
	}
	if p.kinds = p.wanted.kinds; teardown == nil {
		return p
	}
	p.kinds = slices.Clone(p.kinds)
	for _, k := range kindsOf(teardown) {
		if !slices.Contains(p.kinds, k) {
			p.kinds = append(p.kinds, k)
		}
	}
	return p
}
