package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// NamespacePrefix begins the names of the namespaces that Tenantry makes for tenants.
const NamespacePrefix = "tenant-"

// namesOf is what a tenant's objects are called: after the tenant and its uid, or as they
// were before it was taken over.
func namesOf(in TenantInput) ledger.Adopted {
	if in.Adopted != nil {
		return *in.Adopted
	}
	schema := schemaName(in.UID)
	return ledger.Adopted{Namespace: NamespacePrefix + in.Name, Name: in.Name, Schema: schema, Username: schema}
}

// object is what the datastore's object is called.
func (in DataStoreInput) object() string {
	if in.Adopted != nil {
		return in.Adopted.Name
	}
	return in.Name
}

// adoptable refuses to take over for a provider whose description does not bind what it
// renders: it wants the namespaces of its tenants to be its own.
func (in TenantInput) adoptable() error {
	if in.Adopted != nil && in.Class.Own != nil {
		return fmt.Errorf("provider %s is the fleet's own, and takes nothing over", in.Class.Spec.Provider)
	}
	return nil
}

// without leaves the namespace out: who was taken over lives in one that is not ours, and
// may not be alone there.
func (t *template) without(kind string) *template {
	out := *t
	out.objects = slices.DeleteFunc(slices.Clone(t.objects), func(b blank) bool { return b.id.Kind == kind && b.id.Group == "" })
	return &out
}

// adopts marks the objects that are to be taken over. Each of them has to be rendered, and
// with them all that bears state: nothing of that kind is made anew beside them.
func adopts(how *Provider, objects []Object, adopted map[string]string) error {
	if len(adopted) == 0 {
		return nil
	}
	var errs []error
	left := maps.Clone(adopted)
	for i := range objects {
		o := &objects[i]
		name := o.ID.String()
		o.Adopts = adopted[name]
		delete(left, name)
		if o.Adopts == "" && how.Stateful(o.ID) {
			errs = append(errs, fmt.Errorf("%s bears state, and is not among what is taken over", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		errs = append(errs, fmt.Errorf("%s is to be taken over, but is not rendered", name))
	}
	return errors.Join(errs...)
}
