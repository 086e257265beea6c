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
	recipe   recipe
	err      error
	digest   string
	provider *render.Provider
	objects  []wantedObject
	derived  []render.Derived
	endpoint string
	// kubeconfig says where the admin kubeconfig will be; nil is nowhere.
	kubeconfig *render.SecretKey
	// references are what it needs of Secrets that others put on the shard.
	references []render.Reference
	// kinds of all objects, as the ledger lists them.
	kinds []string
	// adopts are the uids of those objects that are to be taken over.
	adopts map[render.ObjectID]string
}

// recipe names everything that a unit is rendered from: what is the same need not be
// rendered again.
type recipe struct {
	// tenant is the declaration, which never changes once it is read; dataStore is that
	// of a datastore, in JSON.
	tenant    *fleet.Tenant
	dataStore string
	// class is the key of what is in force; the base is the provider's.
	class, base string
	placement   ledger.Placement
	lifecycle   ledger.Lifecycle
	adopted     string
	// store and storeBase are those of the tenant's datastore, if it has one.
	store, storeBase string
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
	return render.DataStoreInput{Name: e.Name, UID: e.UID, Spec: spec, BaseVersion: e.BaseVersion, Adopted: e.Adopted}
}

// storeOf is the datastore of a placement; nil and not missing when the tenant's provider
// keeps its state itself.
func storeOf(l *ledger.Ledger, p ledger.Placement) (ds *ledger.DataStore, missing bool) {
	ds = l.DataStores[p.DataStore]
	return ds, ds == nil && p.DataStore != ""
}

func tenantInput(e *ledger.Tenant, t *fleet.Tenant, class *fleet.Class, inForce *ledger.Class, ds *ledger.DataStore) render.TenantInput {
	in := render.InputOf(t, class)
	in.UID, in.BaseVersion, in.Placement, in.Lifecycle, in.Adopted = e.UID, inForce.BaseVersion, e.Placement, e.Lifecycle, e.Adopted
	if ds != nil {
		in.DataStore = render.DataStoreInput{Name: ds.Name, UID: ds.UID, BaseVersion: ds.BaseVersion, Adopted: ds.Adopted}
	}
	return in
}

func tenantRecipe(e *ledger.Tenant, t *fleet.Tenant, inForce *ledger.Class, ds *ledger.DataStore) recipe {
	r := recipe{tenant: t, class: inForce.Key(), base: inForce.BaseVersion, placement: e.Placement, lifecycle: e.Lifecycle, adopted: e.Adopted.Key()}
	if ds != nil {
		r.store, r.storeBase = ds.UID, ds.BaseVersion
	}
	return r
}

func newWanted(r recipe, u *render.Unit, err error) *wanted {
	w := &wanted{recipe: r, err: err}
	if err != nil {
		return w
	}
	w.digest, w.provider, w.derived, w.endpoint, w.kubeconfig = u.Digest, u.Provider, u.Derived, u.Endpoint, u.Kubeconfig
	w.kinds, w.references, w.adopts = kindsOf(u), u.References, adoptsOf(u)
	w.objects = make([]wantedObject, len(u.Objects))
	for i, obj := range u.Objects {
		w.objects[i] = wantedObject{obj.ID, obj.Digest}
	}
	return w
}

// is tells whether it is known what the recipe gives.
func (w *wanted) is(r recipe) bool { return w != nil && w.recipe == r && w.err == nil }

// want gives what should be there for o, rendered before; the error says why it
// cannot be told.
func (c *Core) want(o *ownerState) *wanted {
	if _, _, err := c.plan(o.owner); err != nil {
		return &wanted{err: err}
	}
	return o.wanted
}

// renderChanged renders what owners want otherwise than before.
func (c *Core) renderChanged(owners []*ownerState) {
	c.render(owners, func(o *ownerState, r recipe) bool {
		if o.proven != nil && o.proven.recipe == r {
			o.wanted, o.proven = o.proven, nil
		}
		return o.wanted == nil || o.wanted.recipe != r
	})
}

// render renders the units of those owners that are to be, all at the same time. They
// are at hand until the Step ends.
func (c *Core) render(owners []*ownerState, wish func(*ownerState, recipe) bool) {
	type rendering struct {
		owner  *ownerState
		recipe recipe
		build  func() (*render.Unit, error)
		err    error
	}
	var todo []rendering
	for _, o := range owners {
		if r, build, err := c.plan(o.owner); err == nil && wish(o, r) {
			todo = append(todo, rendering{o, r, build, nil})
		}
	}
	parallel(len(todo), func(i int) { todo[i].owner.unit, todo[i].err = todo[i].build() })
	for _, t := range todo {
		if t.owner.wanted == nil || t.owner.wanted.recipe != t.recipe || t.err != nil {
			t.owner.wanted = newWanted(t.recipe, t.owner.unit, t.err)
		}
	}
}

// plan finds out what an owner's unit is rendered from; build renders.
func (c *Core) plan(o render.Owner) (r recipe, build func() (*render.Unit, error), err error) {
	if o.Kind == render.OwnerDataStore {
		return c.planDataStore(o.Name)
	}
	return c.planTenant(o.Name)
}

func (c *Core) planDataStore(name string) (recipe, func() (*render.Unit, error), error) {
	e := c.ledger.entries.DataStores[name]
	if why := c.carried(e.Provider, e.BaseVersion); why.reason != "" {
		return recipe{}, nil, unknownBase{why}
	}
	var ds *fleet.DataStore
	if e.Held != nil {
		if f := c.ledger.fleets[e.Held.Tree]; f != nil {
			ds = f.DataStores[name]
		}
	} else if c.git.declared != nil {
		ds = c.git.declared.Fleet.DataStores[name]
	}
	if ds == nil {
		return recipe{}, nil, errUndecided
	}
	in := dataStoreInput(e, ds)
	spec, err := json.Marshal(in.Spec)
	if err != nil {
		return recipe{}, nil, fmt.Errorf("encode datastore %s: %w", name, err)
	}
	return recipe{dataStore: string(spec), base: in.BaseVersion, adopted: e.Adopted.Key()}, func() (*render.Unit, error) { return c.renderer.DataStore(in) }, nil
}

// planTenant takes the newest declaration, or an older one while the tenant is held
// or removed.
func (c *Core) planTenant(name string) (recipe, func() (*render.Unit, error), error) {
	e := c.ledger.entries.Tenants[name]
	t := c.declarationInForce(e)
	if t == nil {
		return recipe{}, nil, errUndecided
	}
	inForce := c.ledger.entries.Classes[t.Spec.Class]
	if inForce == nil || c.ledger.classes[inForce.Key()] == nil || inForce.Provider != e.Provider {
		return recipe{}, nil, errUndecided
	}
	ds, missing := storeOf(c.ledger.entries, e.Placement)
	if missing {
		return recipe{}, nil, errUndecided
	}
	if why := c.classBase(nil, inForce); why.reason != "" {
		return recipe{}, nil, unknownBase{why}
	}
	class := c.ledger.classes[inForce.Key()]
	return tenantRecipe(e, t, inForce, ds), func() (*render.Unit, error) {
		in := tenantInput(e, t, class, inForce, ds)
		if e.Lifecycle == ledger.Purging {
			return c.renderer.Teardown(in)
		}
		return c.renderer.Tenant(in)
	}, nil
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
