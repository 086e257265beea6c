package simulation

import (
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// placed judges where a new tenant is, by what was declared when that was decided: a rule
// that is only a wish protects nobody. What the addresses and the datastores allow, other
// rules see.
func (j *judge) placed(v *verdict, t *fleet.Tenant, is *ledger.Tenant) {
	on := is.Placement.Shard
	shard := v.declared.Shards[on]
	if shard == nil {
		j.violate("Placed", "tenant %s is placed on shard %s, which %s does not declare well", is.Name, on, v.source)
		return
	}
	against := func(why string) {
		j.violate("Placed", "tenant %s of team %s is placed on shard %s, against its %s", is.Name, t.Team(), on, why)
	}
	spec := shard.Spec
	switch {
	case t.Spec.Shard != "" && t.Spec.Shard != on:
		against("own spec.shard")
	case spec.Cordon:
		against("cordon")
	case len(spec.Teams) > 0 && !slices.Contains(spec.Teams, t.Team()):
		against("teams")
	case len(spec.Taints) > 0: // no class of these fleets tolerates any
		against("taints")
	}
	for _, name := range sortedKeys(v.is.Tenants) {
		other := v.is.Tenants[name]
		if t.Spec.Spread.Group == "" || name == is.Name || other.Placement.Shard != on || other.Lifecycle == ledger.Purged {
			continue
		}
		o, err := j.inForce(v.push.New, v.source, other)
		if err == nil && o.Team() == t.Team() && o.Spec.Spread.Group == t.Spec.Spread.Group {
			j.violate("Placed", "tenant %s is placed on shard %s, where %s of its group is", is.Name, on, name)
		}
	}
}
