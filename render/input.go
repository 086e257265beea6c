package render

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// TenantInput is everything that a tenant's units are a function of.
type TenantInput struct {
	Name string
	// UID is the tenant's identity from the ledger.
	UID string
	// Spec is the resolved declaration (fleet.Resolve): no field but the optional
	// ones is empty.
	Spec fleet.TenantSpec
	// Class names the provider and holds the overlay.
	Class *fleet.Class
	// Files and Tree are the tenant's own Component and its content hash (fleet.Tenant).
	Files map[string][]byte
	Tree  string
	// Dir is the tenant's folder (fleet.Tenant.Dir), for messages and exports; nothing
	// that is rendered depends on it.
	Dir string
	// BaseVersion is the version of the provider's base in force.
	BaseVersion string
	Placement   ledger.Placement
	// Adopted is what the tenant was taken over from, if it was: its names, and the objects
	// that are still to be taken over.
	Adopted *ledger.Adopted
	// Lifecycle Living renders the declared replicas, any other none. A provider that
	// judges nothing to be asleep keeps them.
	Lifecycle ledger.Lifecycle
	// DataStore is where the tenant is placed; only its identity is read. It is zero
	// when the provider keeps the state of its tenants itself (Renderer.KeepsState).
	DataStore DataStoreInput
	// sketch leaves out what the provider demands.
	sketch bool
}

// InputOf is what a declaration and its class say. Identity, base version, placement,
// lifecycle and datastore are for the caller to add: they are decided, not declared.
func InputOf(t *fleet.Tenant, class *fleet.Class) TenantInput {
	return TenantInput{
		Name: t.Metadata.Name, Dir: t.Dir(), Spec: fleet.Resolve(t, class), Class: class, Files: t.Files, Tree: t.Tree,
	}
}

// DataStoreInput is everything that a datastore's unit is a function of.
type DataStoreInput struct {
	Name string
	// UID is the datastore's identity from the ledger.
	UID string
	// Spec is the declaration with its defaults: of a datastore that is managed, or of
	// one that runs elsewhere.
	Spec fleet.DataStoreSpec
	// BaseVersion is the version of the provider's base in force.
	BaseVersion string
	// Adopted is what it was taken over from, if it was.
	Adopted *ledger.AdoptedDataStore
}

// dir is where the tenant stands in a tree.
func (in TenantInput) dir() string { return cmp.Or(in.Dir, path.Join("tenants", in.Name)) }

func (in TenantInput) check() error {
	var errs []error
	need := func(what, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is empty", what))
		}
	}
	need("name", in.Name)
	need("uid", in.UID)
	need("spec.version", in.Spec.Version)
	need("spec.network.serviceCIDR", in.Spec.Network.ServiceCIDR)
	need("spec.network.podCIDR", in.Spec.Network.PodCIDR)
	need("spec.network.domain", in.Spec.Network.Domain)
	if in.Class == nil {
		errs = append(errs, errors.New("class is missing"))
	}
	if (in.Placement.Address == "") == (in.Placement.Host == "") {
		errs = append(errs, errors.New("placement needs an address or a host, not both"))
	}
	return errors.Join(errs...)
}

func (in DataStoreInput) check() error {
	switch managed, external := in.Spec.Managed != nil, len(in.Spec.Endpoints) > 0; {
	case in.Name == "" || in.UID == "":
		return errors.New("name or uid is empty")
	case managed == external:
		return errors.New("it needs managed or endpoints, not both")
	case external:
		return in.checkExternal()
	case in.Spec.Driver != "" && in.Spec.Driver != "etcd":
		return fmt.Errorf("driver %q cannot be managed: want etcd", in.Spec.Driver)
	case !slices.Contains([]int{1, 3, 5}, in.Spec.Managed.Replicas):
		return fmt.Errorf("%d replicas: want 1, 3 or 5", in.Spec.Managed.Replicas)
	case in.Spec.Managed.Storage == "":
		return errors.New("storage is empty")
	}
	return nil
}

// checkExternal wants what a driver cannot do without.
func (in DataStoreInput) checkExternal() error {
	auth, tls := in.Spec.BasicAuth, in.Spec.TLS
	switch {
	case !slices.Contains([]string{"etcd", "PostgreSQL", "MySQL"}, in.Spec.Driver):
		return fmt.Errorf("driver %q is unknown: want etcd, PostgreSQL or MySQL", in.Spec.Driver)
	case tls != nil && tls.Client != nil && tls.Client.PrivateKey == nil:
		return errors.New("tls.client.privateKey is missing")
	case in.Spec.Driver != "etcd" && auth == nil && tls == nil:
		return fmt.Errorf("driver %s needs basicAuth or tls", in.Spec.Driver)
	case in.Spec.Driver == "etcd" && (tls == nil || tls.CA.PrivateKey == nil || tls.Client == nil):
		return errors.New("driver etcd needs tls with the authority's private key and a client certificate")
	}
	return nil
}
