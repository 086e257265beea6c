package adoption

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// housed tells whether what holds a tenant's state is declared, and names the tenant.
func (x *run) housed(f *found) bool {
	if x.renderer.KeepsState(&fleet.Class{Spec: fleet.ClassSpec{Provider: f.how.Provider()}}, x.renderer.LatestBase(f.how.Provider())) {
		f.says.DataStore, f.says.Schema, f.says.Username = "", "", ""
	} else if why := x.unhoused(f); why != "" {
		x.leave(f.object, "", why)
		return false
	}
	called, why := x.name(render.OwnerTenant, x.tenants, f.object.id.Name, f.object.id.Namespace)
	if called == "" {
		x.leave(f.object, "", why)
		return false
	}
	if f.name = called; why != "" {
		f.warnings = append(f.warnings, why)
	}
	return true
}

func (x *run) unhoused(f *found) string {
	object := f.says.DataStore
	s, ok := x.byObject[object]
	switch why := x.lost[object]; {
	case object == "":
		return "its datastore is not known yet: import it once it is ready"
	case !ok && why != "":
		return fmt.Sprintf("its datastore %s is not imported, as is told of that", object)
	case !ok:
		return fmt.Sprintf("its datastore %s is not there, and not declared", object)
	case s.provider != f.how.Provider():
		return fmt.Sprintf("its datastore %s is declared for provider %s (datastore %s): one datastore serves one provider", object, s.provider, s.name)
	}
	return ""
}

// plan is what is written for one tenant.
type plan struct {
	*found
	spec fleet.TenantSpec
	// have is what its class renders of it, want what is live, by kind: objects of one
	// tenant are named alike.
	have, want map[render.ObjectID]content
	// own is its Component's patch, by object.
	own map[render.ObjectID]content
	// missing are rendered and not live.
	missing []string
}

// spec is a tenant's declaration in a class: what the class says already is left out.
func (x *run) spec(f *found, class *fleet.Class) fleet.TenantSpec {
	unless := func(value, classes string) string {
		if value == classes {
			return ""
		}
		return value
	}
	s := fleet.TenantSpec{
		Class: class.Metadata.Name, Version: unless(f.says.Spec.Version, class.Spec.Version), Shard: x.Shard, DataStore: x.byObject[f.says.DataStore].name,
		Network: fleet.Network{
			ServiceCIDR: unless(f.says.Spec.Network.ServiceCIDR, class.Spec.Network.ServiceCIDR),
			PodCIDR:     unless(f.says.Spec.Network.PodCIDR, class.Spec.Network.PodCIDR),
			Domain:      unless(f.says.Spec.Network.Domain, class.Spec.Network.Domain),
		},
		Adopt: &fleet.Adopt{
			Namespace: f.object.id.Namespace, Name: f.object.id.Name, Schema: f.says.Schema, Username: f.says.Username,
			Address: f.says.Address, Host: f.says.Host, Objects: map[string]string{},
		},
	}
	if f.says.Spec.Replicas != class.Spec.Replicas {
		s.Replicas = f.says.Spec.Replicas
	}
	return s
}

// input is what a tenant is rendered from, once it was decided.
func (x *run) input(t *fleet.Tenant, class *fleet.Class) render.TenantInput {
	in := render.InputOf(t, class)
	a := t.Spec.Adopt
	in.UID, in.BaseVersion, in.Lifecycle = ledger.UID(t.Metadata.Name), x.renderer.BaseFor(class), ledger.Living
	in.Placement = ledger.Placement{Shard: x.Shard, DataStore: t.Spec.DataStore, Address: a.Address, Host: a.Host}
	in.Adopted = ledger.AdoptedAs(a)
	if t.Spec.DataStore != "" {
		in.DataStore = render.DataStoreInput{Name: t.Spec.DataStore, UID: ledger.UID(t.Spec.DataStore), BaseVersion: in.BaseVersion}
		for object, s := range x.byObject {
			if s.name == t.Spec.DataStore {
				in.DataStore.Adopted = &ledger.AdoptedDataStore{Name: object}
			}
		}
	}
	return in
}

// begin renders a tenant of a class as it stands, and finds its objects on the shard.
func (x *run) begin(f *found, class *fleet.Class) (*plan, error) {
	p := &plan{found: f, spec: x.spec(f, class), have: map[render.ObjectID]content{}, want: map[render.ObjectID]content{}}
	t := &fleet.Tenant{Metadata: fleet.Metadata{Name: f.name}, Spec: p.spec, Source: fleet.Source{Path: path.Join(tenantFolder(x.Team, f.name), "tenant.yaml")}}
	in := x.input(t, class)
	in.Adopted.Objects = nil
	unit, err := x.renderer.Sketch(in)
	if err != nil {
		return nil, cause(err)
	}
	var errs []error
	for _, r := range unit.Objects {
		o := x.shard.objects[key(r.ID)]
		if o == nil {
			p.missing = append(p.missing, r.ID.String())
			continue
		}
		if o.id.Version != r.ID.Version {
			errs = append(errs, fmt.Errorf("%s was read in version %s: want %s", r.ID, o.id.Version, r.ID.Version))
			continue
		}
		if o != f.object {
			if why := o.blemish(); why != "" {
				errs = append(errs, fmt.Errorf("%s: %s", r.ID, why))
				continue
			}
			if !x.sayable(f.how, o) {
				errs = append(errs, fmt.Errorf("%s cannot be declared as it is", r.ID))
				continue
			}
		}
		p.spec.Adopt.Objects[r.ID.String()] = o.uid
		c, err := decode(r.JSON)
		if err == nil {
			p.have[r.ID] = wanted(c)
			c, err = f.how.Forget(o.content)
		}
		if err == nil {
			p.want[r.ID] = wanted(c)
		}
		errs = append(errs, err)
	}
	return p, errors.Join(errs...)
}

// residue is what the class does not render of the tenant, by object.
func (p *plan) residue() map[render.ObjectID]content {
	out := map[render.ObjectID]content{}
	for id, have := range p.have {
		if r := residue(have, p.want[id]); r != nil {
			out[id] = r
		}
	}
	return out
}

// cause leaves out whose rendering failed: it is told with an object.
func cause(err error) error {
	for strings.HasPrefix(err.Error(), "render ") {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	return err
}
