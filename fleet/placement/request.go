package placement

import (
	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// Request asks for one tenant's place.
type Request struct {
	Tenant *fleet.Tenant
	// Spec is the tenant's spec as resolved with its class.
	Spec fleet.TenantSpec
	// Provider is the class's: the tenant's state is kept in a datastore of the same.
	Provider string
	// Tolerations are the class's.
	Tolerations []fleet.Taint
	// KeepsState is true when the provider keeps that state itself, and so takes no
	// datastore. Whoever knows the provider's description says so; a fleet does not.
	KeepsState bool
}

// Ask is the Request of a tenant of a class.
func Ask(t *fleet.Tenant, class *fleet.Class) Request {
	return Request{Tenant: t, Spec: fleet.Resolve(t, class), Provider: class.Spec.Provider, Tolerations: class.Spec.Tolerations}
}

// Known is what placing has to be told by whoever knows: neither a fleet nor a ledger
// says it.
type Known struct {
	// InForce is the declaration that a placed tenant follows, nil when none is known.
	// Without the function it is the one that the fleet has.
	InForce func(*ledger.Tenant) *fleet.Tenant
	// Footprint is what a tenant of a class requests, asked once for each; without the function nothing.
	Footprint func(class string) Footprint
}

// Footprint is what a tenant requests of its shard: thousandths of a core, and bytes.
type Footprint struct{ MilliCPU, Memory int64 }

// load is what a tenant adds to its shard.
type load struct {
	Footprint
	group string // empty when it is in none
}

// loadOf is the load of a tenant by its declaration, which may be unknown.
func (s *State) loadOf(t *fleet.Tenant) load {
	var l load
	if t == nil {
		return l
	}
	if s.known.Footprint != nil && s.bounded {
		cost, asked := s.costs[t.Spec.Class]
		if !asked {
			cost = s.known.Footprint(t.Spec.Class)
			s.costs[t.Spec.Class] = cost
		}
		l.Footprint = cost
	}
	if t.Spec.Spread.Group != "" {
		l.group = t.Team() + "/" + t.Spec.Spread.Group
	}
	return l
}

// asked is a request, and what follows from it for every shard.
type asked struct {
	Request
	load load
	team string
	hash uint64
}

func (s *State) asked(r Request) *asked {
	name := r.Tenant.Metadata.Name
	return &asked{Request: r, load: s.loadOf(r.Tenant), team: r.Tenant.Team(), hash: hash(name + "\x00" + r.Tenant.Dir())}
}

// mostOfGroup is how many of its group there may be on a shard, itself included.
func (a *asked) mostOfGroup() int { return max(a.Spec.Spread.MaxPerShard, 1) }
