package render

import (
	"fmt"
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
		Placement: ledger.Placement{Shard: "nowhere", Address: "192.0.2.1"},
		Lifecycle: ledger.Living,
	}
	if !r.KeepsState(class.Spec.Provider, baseVersion) {
		in.Placement.DataStore = "nothing"
		in.DataStore = DataStoreInput{Name: "nothing", UID: ledger.UID("nothing"), BaseVersion: baseVersion}
	}
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

// ForeignKubeconfig names the Secret in which a provider's own controllers keep a
// tenant's kubeconfig. ok is false when the Secret is ours: then it carries the
// tenant's uid.
func (r *Renderer) ForeignKubeconfig(provider, tenant string) (key SecretKey, ok bool) {
	b := r.bases[provider][r.LatestBase(provider)]
	if b == nil || b.parts[partTenant].kubeconfig == nil || b.parts[partTenant].kubeconfig.Revision == "" {
		return SecretKey{}, false
	}
	how := b.parts[partTenant].kubeconfig
	name, err := eval[string](how.Secret, "tenant", map[string]any{"metadata": map[string]any{"name": tenant}})
	return SecretKey{Namespace: tenantNamespace(tenant), Name: name, Key: how.Key}, err == nil
}

// JudgedKinds are all kinds whose content some provider reads, sorted, written
// <group>/<version>/<kind>, and <version>/<kind> in the core group.
func (r *Renderer) JudgedKinds() []string {
	var kinds []string
	for _, versions := range r.bases {
		for _, b := range versions {
			for _, p := range b.parts {
				for _, rule := range p.rules {
					if k := rule.Kind.String(); !slices.Contains(kinds, k) {
						kinds = append(kinds, k)
					}
				}
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}
