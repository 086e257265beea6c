package adoption

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// prove loads all files as a fleet, renders each tenant as it would be decided, and gives
// those whose objects are not what is live, or that are no valid tenants, and why.
func (x *run) prove(plans []*plan, files map[string][]byte) (map[*plan][]Left, error) {
	all := maps.Clone(x.result.Files)
	maps.Copy(all, files)
	f, findings, err := x.Load(all)
	if err != nil {
		return nil, err
	}
	failed := map[*plan][]Left{}
	for _, p := range plans {
		if why := x.refuted(p, f, findings); len(why) > 0 {
			failed[p] = why
		}
	}
	return failed, nil
}

// refuted says why a tenant is not what is live.
func (x *run) refuted(p *plan, f *fleet.Fleet, findings fleet.Findings) []Left {
	because := func(why string) []Left { return []Left{{Reason: why}} }
	t := f.Tenants[p.name]
	if why := about(findings, tenantFolder(x.Team, p.name)); why != "" {
		return because("its declaration would not be valid: " + why)
	}
	if t == nil {
		return because("its declaration would not be valid: " + f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: p.name}].Message)
	}
	class := f.Classes[p.spec.Class]
	if class == nil {
		return because("its class would not be valid: " + about(findings, path.Join("classes", p.spec.Class)))
	}
	unit, err := x.renderer.Tenant(x.input(t, class))
	if err != nil {
		var out []Left
		for _, one := range strings.Split(cause(err).Error(), "\n") {
			out = append(out, Left{Reason: one})
		}
		return out
	}
	var out []Left
	for _, r := range unit.Objects {
		want, ok := p.want[r.ID]
		if !ok {
			continue // it would be made, and that all that is taken over is rendered, rendering proves
		}
		c, err := decode(r.JSON)
		if err != nil {
			return because(err.Error())
		}
		for _, leaf := range leaves(nil, residue(wanted(c), want)) {
			out = append(out, Left{Field: join(leaf), Reason: "it cannot be declared as it is"})
		}
	}
	return out
}

// allowed are the fields that tenants' own Components change, as their class has to list
// them.
func allowed(plans []*plan) []fleet.AllowedPatch {
	fields := map[render.ObjectID]map[string]bool{}
	for _, p := range plans {
		for id, patch := range p.own {
			k := kindOf(id)
			if fields[k] == nil {
				fields[k] = map[string]bool{}
			}
			for _, leaf := range leaves(nil, patch) {
				fields[k][fieldPath(leaf)] = true
			}
		}
	}
	var out []fleet.AllowedPatch
	for _, k := range sortedIDs(fields) {
		out = append(out, fleet.AllowedPatch{Kind: k.KindName(), Name: "*", Fields: slices.Sorted(maps.Keys(fields[k]))})
	}
	return out
}
