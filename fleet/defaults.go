package fleet

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Defaults that more than one place speaks of.
const (
	DefaultProvider  = "native"
	DefaultRetention = 72 * time.Hour
)

// DefaultSettings are in force without a fleet.yaml.
func DefaultSettings() Settings {
	return Settings{Deletion: Deletion{Retention: DefaultRetention, Limit: 3, Percent: 5}}
}

// DefaultClass is what a class says that says nothing.
func DefaultClass() ClassSpec {
	return ClassSpec{
		Replicas: 1,
		Network:  Network{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
	}
}

// defaults fills a struct before a declaration is read into it, so that a value
// that is written, also a zero, wins. Tenants have none of their own: what they
// leave out is their class's to say (Resolve).
func defaults(v any) {
	switch v := v.(type) {
	case *Settings:
		*v = DefaultSettings()
	case *DataStoreSpec:
		*v = DataStoreSpec{Provider: DefaultProvider}
	case *ManagedDataStore:
		*v = ManagedDataStore{Replicas: 3, Storage: "8Gi"}
	case *ClassSpec:
		*v = DefaultClass()
	}
}

// Resolve is the tenant's spec with what it leaves out taken from its class.
// The result shares nothing with its arguments.
func Resolve(t *Tenant, c *Class) TenantSpec {
	spec := t.Spec
	spec.ShardSelector = maps.Clone(spec.ShardSelector)
	if len(spec.Prefer) == 0 {
		spec.Prefer = c.Spec.Prefer
	}
	spec.Prefer = slices.Clone(spec.Prefer)
	for i := range spec.Prefer {
		spec.Prefer[i] = maps.Clone(spec.Prefer[i])
	}
	spec.Access.Groups = slices.Clone(spec.Access.Groups)
	spec.Parameters = parameters(spec.Parameters, c.Spec.Parameters)
	spec.Version = cmp.Or(spec.Version, c.Spec.Version)
	spec.Replicas = cmp.Or(spec.Replicas, c.Spec.Replicas)
	spec.Network = spec.Network.or(c.Spec.Network)
	if spec.Adopt != nil {
		adopt := *spec.Adopt
		adopt.Objects = maps.Clone(adopt.Objects)
		spec.Adopt = &adopt
	}
	return spec
}

// parameters are the values that a tenant says, and the schema's defaults.
func parameters(said map[string]any, schema *Schema) map[string]any {
	if schema == nil {
		return nil
	}
	out := make(map[string]any, len(schema.Properties))
	for name, p := range schema.Properties {
		value, ok := said[name]
		if !ok {
			value = p.Default
		}
		if list, isList := value.([]string); isList {
			value = slices.Clone(list)
		}
		if value != nil {
			out[name] = value
		}
	}
	return out
}

// or takes what is left out from another.
func (n Network) or(other Network) Network {
	return Network{
		ServiceCIDR: cmp.Or(n.ServiceCIDR, other.ServiceCIDR),
		PodCIDR:     cmp.Or(n.PodCIDR, other.PodCIDR),
		Domain:      cmp.Or(n.Domain, other.Domain),
	}
}
