package adoption

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// classes declares all tenants, provider by provider, each with a class of its own making.
// A class that is there already takes whom it can hold.
func (x *run) classes(all []*found) error {
	byProvider := map[string][]*found{}
	for _, f := range all {
		if x.housed(f) {
			byProvider[f.how.Provider()] = append(byProvider[f.how.Provider()], f)
		}
	}
	for _, provider := range slices.Sorted(maps.Keys(byProvider)) {
		pending := byProvider[provider]
		for n := 1; len(pending) > 0; n++ {
			called := "imported-" + provider
			if n > 1 {
				called = fmt.Sprintf("imported-%s-%d", provider, n)
			}
			broken := x.Fleet.Broken[fleet.Ref{Kind: fleet.KindClass, Name: called}].Path != ""
			there := x.Fleet.Classes[called]
			switch {
			case broken || there != nil && !holds(there, provider):
				continue
			case there != nil:
				rest, err := x.join(there, pending)
				if err != nil {
					return err
				}
				pending = rest
				continue
			}
			if err := x.establish(called, provider, pending); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// holds tells whether imported tenants may be of a class.
func holds(c *fleet.Class, provider string) bool {
	return c.Spec.Provider == provider && c.Own == nil && c.Spec.Allow != nil && c.Spec.Allow.Adopt
}

// join declares tenants of a class that is there, and gives those that it cannot hold.
func (x *run) join(class *fleet.Class, pending []*found) ([]*found, error) {
	var plans []*plan
	var rest []*found
	for _, f := range pending {
		p, err := x.begin(f, class)
		if err != nil {
			rest = append(rest, f)
			continue
		}
		p.own = p.residue()
		plans = append(plans, p)
	}
	for len(plans) > 0 {
		files, err := x.tenantFiles(plans)
		if err != nil {
			return nil, err
		}
		failed, err := x.prove(plans, files)
		if err != nil {
			return nil, err
		}
		if len(failed) == 0 {
			x.accept(plans, files)
			break
		}
		plans = slices.DeleteFunc(plans, func(p *plan) bool {
			_, gone := failed[p]
			if gone {
				rest = append(rest, p.found)
			}
			return gone
		})
	}
	return rest, nil
}

// establish makes a new class for tenants: what they have in common beside the provider's base
// becomes its overlay, the rest of each a Component.
func (x *run) establish(called, provider string, pending []*found) error {
	bare := newClass(called, provider, nil)
	var plans []*plan
	for _, f := range pending {
		p, err := x.begin(f, bare)
		if err != nil {
			x.leaveAll(f.object, err)
			continue
		}
		plans = append(plans, p)
	}
	for len(plans) > 0 {
		files, err := x.classOf(called, provider, plans)
		if err != nil {
			return err
		}
		failed, err := x.prove(plans, files)
		if err != nil {
			return err
		}
		if len(failed) == 0 {
			x.accept(plans, files)
			return nil
		}
		plans = slices.DeleteFunc(plans, func(p *plan) bool {
			for _, l := range failed[p] {
				x.leave(p.object, l.Field, l.Reason)
			}
			return len(failed[p]) > 0
		})
	}
	return nil
}

// classOf gives the files of a class and its tenants. What a provider demands of objects
// may hold of the whole only, and a class has to stand without any of its tenants: then it
// has fields of spec that are all alike, or else nothing, and the rest is the tenants' own.
func (x *run) classOf(called, provider string, plans []*plan) (map[string][]byte, error) {
	alike, err := x.alike(plans)
	if err != nil {
		return nil, err
	}
	var class *fleet.Class
	for _, patches := range []map[render.ObjectID]content{alike, whole(alike, plans), nil} {
		overlay, err := overlayFiles(provider, patches)
		if err != nil {
			return nil, err
		}
		class = newClass(called, provider, overlay)
		if x.stands(class, plans) {
			break
		}
	}
	files, err := x.tenantFiles(plans)
	if err != nil {
		return nil, err
	}
	class.Spec.Allow.Patches = allowed(plans)
	for name, data := range class.Files {
		files[path.Join("classes", called, name)] = data
	}
	files[path.Join("classes", called, "class.yaml")], err = x.classFile(class)
	return files, err
}

// stands tells whether a class renders, and gives each tenant what the class leaves to it.
func (x *run) stands(class *fleet.Class, plans []*plan) bool {
	if err := x.renderer.Check(class, x.renderer.BaseFor(class)); err != nil {
		return false
	}
	for _, p := range plans {
		with, err := x.begin(p.found, class)
		if err != nil {
			return false
		}
		p.own = with.residue()
	}
	return true
}

// versionHole is what bases call a tenant's version, for their stamps to fill in.
const versionHole = "TENANT-VERSION"

// alike is what all tenants have in common beside the provider's base, by kind: but for
// what comes from declarations, which stamps fill in. One alone has everything in common
// with itself, so that what speaks of it by name is not a class's.
func (x *run) alike(plans []*plan) (map[render.ObjectID]content, error) {
	stamped := map[render.ObjectID][][]string{}
	for _, p := range plans {
		if err := x.stamped(p, stamped); err != nil {
			return nil, err
		}
	}
	out := map[render.ObjectID]content{}
	for i, p := range plans {
		for k, r := range p.byKind() {
			r = versionless(nil, r, p.says.Spec.Version, stamped[k])
			if i == 0 {
				out[k] = r
			} else {
				out[k] = common(out[k], r)
			}
		}
	}
	for k, patch := range out {
		out[k] = spare(nil, patch, func(at []string, v any) bool {
			if text, ok := v.(string); ok && strings.Contains(text, versionHole) {
				return false
			}
			return slices.ContainsFunc(stamped[k], func(s []string) bool { return related(s, at) }) || len(plans) == 1 && mentions(v, plans[0].object.id.Name)
		})
	}
	maps.DeleteFunc(out, func(_ render.ObjectID, patch content) bool { return patch == nil })
	return out, nil
}

// versionless has the hole for the version in texts around it, where a stamp may fill it
// in: an image's tag has more than the version, and a tenant has to be able to rise.
func versionless(path []string, patch content, version string, stamped [][]string) content {
	if patch == nil {
		return nil
	}
	out := maps.Clone(patch)
	for key, v := range patch {
		at := append(slices.Clone(path), key)
		switch v := v.(type) {
		case content:
			out[key] = versionless(at, v, version, stamped)
		case string:
			if slices.ContainsFunc(stamped, func(s []string) bool { return slices.Equal(s, at) }) {
				out[key] = strings.Replace(v, version, versionHole, 1)
			}
		}
	}
	return out
}

// whole leaves of what is alike those fields of spec that are alike as a whole.
func whole(alike map[render.ObjectID]content, plans []*plan) map[render.ObjectID]content {
	out := map[render.ObjectID]content{}
	for k, patch := range alike {
		spec, _ := patch["spec"].(content)
		kept := maps.Clone(spec)
		maps.DeleteFunc(kept, func(field string, v any) bool {
			return slices.ContainsFunc(plans, func(p *plan) bool {
				own, _ := p.byKind()[k]["spec"].(content)
				return !reflect.DeepEqual(own[field], v)
			})
		})
		if len(kept) > 0 {
			out[k] = content{"spec": kept}
		}
	}
	return out
}

// byKind is what the provider's base does not render of a tenant, by kind: objects of one
// tenant are named alike.
func (p *plan) byKind() map[render.ObjectID]content {
	out := map[render.ObjectID]content{}
	residues := p.residue()
	for id := range p.have {
		out[kindOf(id)] = residues[id]
	}
	return out
}

// kindOf names an object by its kind alone.
func kindOf(id render.ObjectID) render.ObjectID {
	id.Namespace, id.Name = "", ""
	return id
}

// stamped adds the paths of what comes from a declaration: of everything that differs when
// all that is declared does.
func (x *run) stamped(p *plan, into map[render.ObjectID][][]string) error {
	bare := newClass(p.spec.Class, p.how.Provider(), nil)
	other := *p.found
	other.name = p.name + "-x"
	other.says.Spec.Version, other.says.Spec.Replicas = "v1.0.0", p.says.Spec.Replicas+1
	other.says.Spec.Network = fleet.Network{ServiceCIDR: "192.0.2.0/25", PodCIDR: "192.0.2.128/25", Domain: "example.invalid"}
	other.says.Schema, other.says.Username = other.says.Schema+"x", other.says.Username+"x"
	if p.says.Address != "" {
		other.says.Address = "192.0.2.1"
	} else {
		other.says.Host = "example.invalid"
	}
	spec := x.spec(&other, bare)
	spec.Replicas = other.says.Spec.Replicas
	t := &fleet.Tenant{Metadata: fleet.Metadata{Name: other.name}, Spec: spec}
	in := x.input(t, bare)
	in.Adopted.Objects = nil
	if in.DataStore.Name != "" {
		in.DataStore.Adopted = &ledger.AdoptedDataStore{Name: "another.example.invalid"}
	}
	unit, err := x.renderer.Sketch(in)
	if err != nil {
		return fmt.Errorf("render another tenant like %s: %w", p.name, err)
	}
	for _, r := range unit.Objects {
		c, err := decode(r.JSON)
		if err != nil {
			return err
		}
		k := kindOf(r.ID)
		for id, have := range p.have {
			if kindOf(id) != k {
				continue
			}
			for _, leaf := range leaves(nil, residue(have, wanted(c))) {
				if !slices.ContainsFunc(into[k], func(s []string) bool { return slices.Equal(s, leaf) }) {
					into[k] = append(into[k], leaf)
				}
			}
		}
	}
	return nil
}

// accept takes over what was proved.
func (x *run) accept(plans []*plan, files map[string][]byte) {
	maps.Copy(x.result.Files, files)
	for _, p := range plans {
		o := Owner{
			Kind: render.OwnerTenant, Name: p.name, Object: p.object.id.String(), Provider: p.how.Provider(), Class: p.spec.Class,
			DataStore: p.spec.DataStore, Endpoint: cmp.Or(p.says.Address, p.says.Host), Warnings: p.warnings,
			File: path.Join(tenantFolder(x.Team, p.name), "tenant.yaml"),
		}
		for _, id := range sortedIDs(p.own) {
			for _, leaf := range leaves(nil, p.own[id]) {
				o.Fields = append(o.Fields, shown(id.Kind+" "+join(leaf)))
				if strings.Contains(text(p.own[id], leaf...), p.says.Spec.Version) {
					o.Warnings = append(o.Warnings, fmt.Sprintf("has its version in the patch of %s, too, which wins over tenant.yaml: change both", join(leaf)))
				}
			}
		}
		for _, missing := range p.missing {
			o.Warnings = append(o.Warnings, missing+" is not there, and would be made")
		}
		x.result.Imported = append(x.result.Imported, o)
	}
}

func sortedIDs[T any](m map[render.ObjectID]T) []render.ObjectID {
	return slices.SortedFunc(maps.Keys(m), func(a, b render.ObjectID) int { return strings.Compare(a.String(), b.String()) })
}
