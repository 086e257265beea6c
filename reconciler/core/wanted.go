package core

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// wanted is what should be there for one owner. It keeps digests, not bodies:
// bodies are rendered again when they have to be written.
type wanted struct {
	key      string // of the inputs
	err      error
	digest   string
	provider *render.Provider
	objects  []wantedObject
	derived  []render.Derived
	endpoint string
	// kubeconfig says where the admin kubeconfig will be; nil is nowhere.
	kubeconfig *render.SecretKey
}

type wantedObject struct {
	id     render.ObjectID
	digest string
}

func tenantOwner(t *ledger.Tenant) render.Owner {
	return render.Owner{Kind: render.OwnerTenant, Name: t.Name, UID: t.UID}
}

func dataStoreOwner(d *ledger.DataStore) render.Owner {
	return render.Owner{Kind: render.OwnerDataStore, Name: d.Name, UID: d.UID}
}

// dataStoreInput takes the provider from the ledger: it is frozen.
func dataStoreInput(e *ledger.DataStore, ds *fleet.DataStore) render.DataStoreInput {
	spec := ds.Spec
	spec.Provider = e.Provider
	return render.DataStoreInput{Name: e.Name, UID: e.UID, Spec: spec, BaseVersion: e.BaseVersion}
}

func tenantInput(e *ledger.Tenant, spec fleet.TenantSpec, class *fleet.Class, inForce *ledger.Class, ds *ledger.DataStore) render.TenantInput {
	return render.TenantInput{
		Name: e.Name, UID: e.UID, Spec: spec, Class: class, BaseVersion: inForce.BaseVersion,
		Placement: e.Placement, Lifecycle: e.Lifecycle,
		DataStore: render.DataStoreInput{Name: ds.Name, UID: ds.UID, BaseVersion: ds.BaseVersion},
	}
}

// want gives what should be there for o. The unit itself comes along only when
// it was rendered just now; the error says why it cannot be told.
func (c *Core) want(o *ownerState) (*wanted, *render.Unit) {
	key, build, err := c.plan(o.owner)
	if err != nil {
		return &wanted{err: err}, nil
	}
	if o.wanted != nil && o.wanted.key == key {
		return o.wanted, nil
	}
	unit, err := build()
	w := &wanted{key: key, err: err}
	if err == nil {
		w.digest, w.provider, w.derived, w.endpoint, w.kubeconfig = unit.Digest, unit.Provider, unit.Derived, unit.Endpoint, unit.Kubeconfig
		for _, obj := range unit.Objects {
			w.objects = append(w.objects, wantedObject{obj.ID, obj.Digest})
		}
	}
	o.wanted = w
	return w, unit
}

// plan finds out what an owner's unit is rendered from. The key names all of it;
// build renders.
func (c *Core) plan(o render.Owner) (key string, build func() (*render.Unit, error), err error) {
	if o.Kind == render.OwnerDataStore {
		return c.planDataStore(o.Name)
	}
	in, key, err := c.tenantInForce(o.Name)
	if err != nil {
		return "", nil, err
	}
	if in.Lifecycle == ledger.Purging {
		return key, func() (*render.Unit, error) { return c.renderer.Teardown(in) }, nil
	}
	return key, func() (*render.Unit, error) { return c.renderer.Tenant(in) }, nil
}

func (c *Core) planDataStore(name string) (string, func() (*render.Unit, error), error) {
	e := c.ledger.entries.DataStores[name]
	var ds *fleet.DataStore
	if e.Held != nil {
		if f := c.ledger.fleets[e.Held.Tree]; f != nil {
			ds = f.DataStores[name]
		}
	} else if c.git.declared != nil {
		ds = c.git.declared.Fleet.DataStores[name]
	}
	if ds == nil {
		return "", nil, errUndecided
	}
	in := dataStoreInput(e, ds)
	spec, err := json.Marshal(in.Spec)
	if err != nil {
		return "", nil, fmt.Errorf("encode datastore %s: %w", name, err)
	}
	key := fmt.Sprintf("%s %s %s", in.UID, spec, in.BaseVersion)
	return key, func() (*render.Unit, error) { return c.renderer.DataStore(in) }, nil
}

// tenantInForce is the input of a tenant's rendering as the ledger says: the
// newest declaration, or an older one while it is held or removed.
func (c *Core) tenantInForce(name string) (render.TenantInput, string, error) {
	e := c.ledger.entries.Tenants[name]
	t := c.declarationInForce(e)
	if t == nil {
		return render.TenantInput{}, "", errUndecided
	}
	inForce := c.ledger.entries.Classes[t.Spec.Class]
	if inForce == nil || c.ledger.classes[inForce.Tree] == nil || inForce.Provider != e.Provider {
		return render.TenantInput{}, "", errUndecided
	}
	ds := c.ledger.entries.DataStores[e.Placement.DataStore]
	if ds == nil {
		return render.TenantInput{}, "", errUndecided
	}
	class := c.ledger.classes[inForce.Tree]
	in := tenantInput(e, fleet.Resolve(t, class), class, inForce, ds)
	key := fmt.Sprintf("%s %s %s %+v %+v %s %s %s", in.UID, inForce.Tree, in.BaseVersion, in.Spec, in.Placement, in.Lifecycle, ds.UID, ds.BaseVersion)
	return in, key, nil
}

// declarationInForce is the declaration that a tenant's entry is to be rendered
// from, or nil when a decision is needed first.
func (c *Core) declarationInForce(e *ledger.Tenant) *fleet.Tenant {
	var tree string
	switch {
	case e.Held != nil:
		tree = e.Held.Tree
	case e.Tombstone != nil:
		tree = e.Tombstone.Tree
	case c.git.declared == nil:
		return nil
	default:
		t := declaredTenant(c.git.declared.Fleet, e.Name, e)
		if t == nil || t.Dir() != e.Source {
			return nil
		}
		return t
	}
	if f := c.ledger.fleets[tree]; f != nil {
		return f.Tenants[e.Name]
	}
	return nil
}

// kindsOf lists a unit's kinds as the ledger writes them.
func kindsOf(u *render.Unit) []string {
	var kinds []string
	add := func(id render.ObjectID) {
		if k := id.KindName(); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	for _, obj := range u.Objects {
		add(obj.ID)
	}
	for _, d := range u.Derived {
		add(d.ID)
		add(d.Certificate)
	}
	return kinds
}
