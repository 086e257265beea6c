package render

import (
	"fmt"
	"iter"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// Check renders a tenant that does not exist, to tell whether a class can be put
// in force: an overlay that cannot be built, or breaks the rules, is told here
// and not by each of its tenants.
func (r *Renderer) Check(class *fleet.Class, baseVersion string) error {
	_, err := r.nobody(class, baseVersion)
	return err
}

// nobody is the unit of a tenant that does not exist, and says nothing beyond what it must.
func (r *Renderer) nobody(class *fleet.Class, baseVersion string) (*Unit, error) {
	tenant := &fleet.Tenant{Metadata: fleet.Metadata{Name: "nobody"}, Spec: fleet.TenantSpec{Class: class.Metadata.Name}}
	in := TenantInput{
		Name: "nobody", UID: ledger.UID("nobody"), Spec: fleet.Resolve(tenant, class), Class: class, BaseVersion: baseVersion,
		Lifecycle: ledger.Living,
	}
	in.Placement, in.DataStore = r.Nowhere(class, baseVersion)
	in.Spec.Parameters = samples(in.Spec.Parameters, class.Spec.Parameters)
	if in.Spec.Version == "" {
		in.Spec.Version = "v1.0.0" // the class leaves it to its tenants
	}
	unit, err := r.Tenant(in)
	if err != nil {
		return nil, fmt.Errorf("class %s: %w", class.Metadata.Name, err)
	}
	return unit, nil
}

// Nowhere stands in for the placement of a tenant that nobody has decided on.
func (r *Renderer) Nowhere(class *fleet.Class, baseVersion string) (ledger.Placement, DataStoreInput) {
	p := ledger.Placement{Shard: "nowhere", Address: "192.0.2.1"}
	if r.KeepsState(class, baseVersion) {
		return p, DataStoreInput{}
	}
	p.DataStore = "nothing"
	return p, DataStoreInput{Name: p.DataStore, UID: ledger.UID(p.DataStore), BaseVersion: baseVersion}
}

// ForeignKubeconfig names the Secret in which a provider's own controllers keep a
// tenant's kubeconfig. ok is false when the Secret is ours: then it carries the
// tenant's uid. own is the provider where it is the fleet's own, else nil; adopted is what
// the tenant was taken over from, if it was.
func (r *Renderer) ForeignKubeconfig(provider string, own *fleet.Provider, tenant string, adopted *ledger.Adopted) (key SecretKey, ok bool) {
	b := r.bases[provider][r.LatestBase(provider)]
	if own != nil {
		b, _ = r.own(own)
	}
	if b == nil || b.parts[partTenant].kubeconfig == nil || b.parts[partTenant].kubeconfig.Revision == "" {
		return SecretKey{}, false
	}
	how := b.parts[partTenant].kubeconfig
	names := namesOf(TenantInput{Name: tenant, Adopted: adopted})
	name, err := eval[string](how.Secret, "tenant", map[string]any{
		"metadata": map[string]any{"name": tenant}, "spec": map[string]any{"name": names.Name, "namespace": names.Namespace},
	})
	return SecretKey{Namespace: names.Namespace, Name: name, Key: how.Key}, err == nil
}

// JudgedKinds are all kinds whose content some provider that is carried reads, or the
// fleet's own one of some of the classes, sorted, written <group>/<version>/<kind>, and
// <version>/<kind> in the core group.
func (r *Renderer) JudgedKinds(classes iter.Seq[*fleet.Class]) []string {
	var kinds []string
	add := func(k kind) {
		if name := k.String(); !slices.Contains(kinds, name) {
			kinds = append(kinds, name)
		}
	}
	for _, versions := range r.bases {
		for _, b := range versions {
			for _, p := range b.parts {
				for _, rule := range p.rules {
					add(rule.Kind)
				}
			}
		}
	}
	for class := range classes {
		if class.Own == nil {
			continue
		}
		b, _ := r.own(class.Own)
		if b == nil {
			continue // nothing of it is judged
		}
		for _, p := range b.parts {
			for _, rule := range p.rules {
				add(rule.Kind)
			}
			for _, o := range p.outputs {
				add(o.Kind)
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}
