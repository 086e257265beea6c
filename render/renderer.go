package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/filters/replacement"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// maxShapes bounds how many built shapes are kept: one a class and base version in
// force, and as many again while a change rolls out. A shape is about 0.4 MiB.
const maxShapes = 256

// Options are what rendering depends on beside its inputs.
type Options struct {
	// Image is our own image, for the Jobs that run it on shards
	// (ghcr.io/tenantry/tenantry:v0.1.0).
	Image string
	// Providers are more of them beside those that the binary carries, in folders of
	// providers/: other versions of their bases, or further providers. nil is none.
	Providers fs.FS
}

// Renderer renders units. It is safe for use by several goroutines.
type Renderer struct {
	options Options
	bases   map[string]map[string]*base

	mu     sync.Mutex
	shapes map[string]*shape
	// owned are the fleet's own providers, by content.
	owned map[string]*ownBase
}

// shape is what all units of one class, base version and part have in common, or why
// it cannot be built. It is built once.
type shape struct {
	*layout
	once    sync.Once
	objects resmap.ResMap
	// plain is what the base alone makes; only there when the class has a stamp.
	plain  []content
	stamps map[string]replacement.Filter
	err    error

	mu        sync.Mutex
	templates map[string]*template

	footprint sync.Once
	cost      Footprint
	costErr   error
}

// New reads the providers that the binary carries, and those of the options.
func New(o Options) (*Renderer, error) {
	sources := []fs.FS{embedded}
	if o.Providers != nil {
		sources = append(sources, o.Providers)
	}
	bases, err := loadBases(sources...)
	if err != nil {
		return nil, err
	}
	if o.Image == "" {
		return nil, fmt.Errorf("make renderer: image is empty")
	}
	return &Renderer{options: o, bases: bases, shapes: map[string]*shape{}, owned: map[string]*ownBase{}}, nil
}

// document resolves what a tenant's objects need. A removed tenant has no replicas, if
// its provider can judge that: another one runs on as declared, since a controller that
// wants at least one replica would fight for it.
func (r *Renderer) document(in TenantInput) (document, error) {
	b, err := r.baseOf(in.Class, in.BaseVersion)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(b.parts[partTenant].rules, func(r rule) bool { return !r.Remark && r.Asleep.written() }) {
		in.Lifecycle = ledger.Living
	}
	return tenantDocument(in, r.options.Image)
}

// stored wants a datastore where the provider needs one, and none where it does not.
func (r *Renderer) stored(in TenantInput) error {
	if err := r.CheckClassBase(in.Class, in.BaseVersion); err != nil {
		return err
	}
	switch keeps, placed := r.KeepsState(in.Class, in.BaseVersion), in.DataStore.Name != ""; {
	case keeps && placed:
		return fmt.Errorf("provider %s keeps the state of its tenants itself: want no datastore, not %s", in.Class.Spec.Provider, in.DataStore.Name)
	case !keeps && !placed:
		return errors.New("datastore is empty")
	}
	return nil
}

// Tenant renders a tenant's control plane.
func (r *Renderer) Tenant(in TenantInput) (*Unit, error) { return r.tenant(in, partTenant) }

// Sketch is Tenant without what its provider demands of objects (require): what a class
// that is still to be written has to say may be missing. Nobody applies it.
func (r *Renderer) Sketch(in TenantInput) (*Unit, error) {
	in.sketch = true
	return r.tenant(in, partTenant)
}

// Teardown renders what removes a tenant's data from its datastore. It is applied
// once the tenant's own unit is gone; when it is current, nothing is left. It is empty
// when the provider's own controllers remove the data with the control plane.
func (r *Renderer) Teardown(in TenantInput) (*Unit, error) { return r.tenant(in, partTeardown) }

func (r *Renderer) tenant(in TenantInput, p part) (*Unit, error) {
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("render %s of tenant %s: %w", p, in.Name, err)
	}
	if err := errors.Join(r.stored(in), in.adoptable()); err != nil {
		return nil, fmt.Errorf("render %s of tenant %s: %w", p, in.Name, err)
	}
	doc, err := r.document(in)
	if err != nil {
		return nil, fmt.Errorf("render %s of tenant %s: %w", p, in.Name, err)
	}
	b, err := r.baseOf(in.Class, in.BaseVersion)
	if err != nil {
		return nil, fmt.Errorf("render %s of tenant %s: %w", p, in.Name, err)
	}
	unit, err := r.render(Owner{OwnerTenant, in.Name, in.UID}, b, p, &in, doc)
	if err == nil && p == partTenant && in.Adopted != nil {
		err = adopts(unit.Provider, unit.Objects, in.Adopted.Objects)
	}
	if err != nil {
		return nil, fmt.Errorf("render %s of tenant %s: %w", p, in.Name, err)
	}
	return unit, nil
}

// DataStore renders a datastore: all of a managed one, or what makes one that runs
// elsewhere known on its shard.
func (r *Renderer) DataStore(in DataStoreInput) (*Unit, error) {
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("render datastore %s: %w", in.Name, err)
	}
	doc := dataStoreDocument(in, r.options.Image)
	if err := r.serves(in); err != nil {
		return nil, fmt.Errorf("render datastore %s: %w", in.Name, err)
	}
	b, err := r.base(in.Spec.Provider, in.BaseVersion)
	if err != nil {
		return nil, fmt.Errorf("render datastore %s: %w", in.Name, err)
	}
	unit, err := r.render(Owner{OwnerDataStore, in.Name, in.UID}, b, partDataStore, nil, doc)
	if err == nil && in.Adopted != nil {
		err = adopts(unit.Provider, unit.Objects, in.Adopted.Objects)
	}
	if err != nil {
		return nil, fmt.Errorf("render datastore %s: %w", in.Name, err)
	}
	unit.References = referencesOf(&in.Spec)
	return unit, nil
}

func (r *Renderer) render(owner Owner, b *base, p part, in *TenantInput, doc document) (unit *Unit, err error) {
	// Kustomize's filters read what a class wrote; they are not written for that.
	defer func() {
		if broken := recover(); broken != nil {
			unit, err = nil, fmt.Errorf("panicked: %v", broken)
		}
	}()
	how := b.parts[p]
	if how == nil && p == partTeardown {
		return nothing(owner, b)
	}
	if how == nil {
		return nil, fmt.Errorf("provider %s has no %s", b.name, p)
	}
	var class *fleet.Class
	if in != nil {
		class = in.Class
		if in.sketch {
			how = how.undemanding()
		}
	}
	s := r.shape(b, p, class)
	if s.err != nil {
		return nil, s.err
	}
	t, err := s.template(how, doc)
	if err != nil {
		return nil, err
	}
	if p == partTenant {
		if t, err = s.personal(how, *in, doc, t); err != nil {
			return nil, err
		}
	}
	return finish(owner, how, doc, t)
}

// personal adds what only this tenant has: its own Component, and who may read its
// kubeconfig.
func (s *shape) personal(how *Provider, in TenantInput, doc document, t *template) (*template, error) {
	if len(in.Files) > 0 {
		var err error
		if t, err = s.owned(how, in, doc, t); err != nil {
			return nil, err
		}
	}
	if in.Adopted != nil {
		t = t.without("Namespace")
	}
	readers, err := access(how, in, doc)
	if err != nil {
		return nil, err
	}
	return t.with(how, readers)
}

// nothing is the unit of a provider that has nothing to do in its place.
func nothing(owner Owner, b *base) (unit *Unit, err error) {
	unit = &Unit{Owner: owner, Provider: &Provider{Name: b.name, BaseVersion: b.version, part: partTeardown}}
	unit.Digest, err = unit.digest()
	return unit, err
}

// serves tells whether the provider's datastores are of in's kind: managed, or elsewhere.
func (r *Renderer) serves(in DataStoreInput) error {
	b, err := r.base(in.Spec.Provider, in.BaseVersion)
	if err != nil {
		return err
	}
	switch how, external := b.parts[partDataStore], in.Spec.Managed == nil; {
	case how == nil:
		return fmt.Errorf("provider %s has no %s", b.name, partDataStore)
	case how.external && !external:
		return fmt.Errorf("provider %s uses datastores that run elsewhere: want endpoints, not managed", b.name)
	case !how.external && external:
		return fmt.Errorf("provider %s runs its datastores itself: want managed, not endpoints", b.name)
	}
	return nil
}

// shape returns the built shape, from memory if it was built before.
func (r *Renderer) shape(b *base, p part, class *fleet.Class) *shape {
	key := shapeKey(b, p, class)
	r.mu.Lock()
	s := r.shapes[key]
	if s == nil {
		if len(r.shapes) >= maxShapes {
			for some := range r.shapes { // any: who has too many classes loses few at a time
				delete(r.shapes, some)
				break
			}
		}
		s = &shape{templates: map[string]*template{}}
		r.shapes[key] = s
	}
	r.mu.Unlock()
	s.once.Do(func() { s.err = s.build(b, p, class) })
	return s
}

func (s *shape) build(b *base, p part, class *fleet.Class) (err error) {
	if s.layout, err = newLayout(b, p, class); err != nil {
		return err
	}
	if s.stamps, err = s.readStamps(); err != nil {
		return err
	}
	if s.objects, err = build(s.tree, s.root); err != nil {
		return err
	}
	if s.root == s.home && s.classStamp() == "" {
		return nil
	}
	// The class's overlay is held against the base that it stands on.
	unlaid, err := build(s.tree, s.home)
	if err != nil {
		return err
	}
	plain, err := decodeAll(unlaid.Resources())
	if err != nil {
		return err
	}
	if s.classStamp() != "" {
		s.plain = plain
	}
	got, err := decodeAll(s.objects.Resources())
	if err != nil {
		return err
	}
	if err := checkOverlay(plain, got); err != nil {
		return fmt.Errorf("check %s: %w", s.root, err)
	}
	return nil
}

// shapeKey names a shape by content: the class's files, and what is read of its spec.
func shapeKey(b *base, p part, class *fleet.Class) string {
	var k strings.Builder
	fmt.Fprintf(&k, "%s %s %s %s", b.name, b.version, b.own, p)
	if class == nil || p != partTenant {
		return k.String()
	}
	fmt.Fprintf(&k, " %s", class.Metadata.Name)
	if class.Tree != "" {
		return k.String() + " " + class.Tree
	}
	if class.Spec.Parameters != nil {
		fmt.Fprintf(&k, " %s", list(class.Spec.Parameters.Properties))
	}
	for _, name := range slices.Sorted(maps.Keys(class.Files)) {
		fmt.Fprintf(&k, " %q %s", name, digest(class.Files[name]))
	}
	return k.String()
}

// finish fills a template and judges what came out.
func finish(owner Owner, how *Provider, doc document, t *template) (*Unit, error) {
	objects, err := t.fill(doc)
	if err != nil {
		return nil, err
	}
	namespace := doc.namespace()
	if err := (policy{how, doc, namespace}).check(objects); err != nil {
		return nil, err
	}
	unit := &Unit{Owner: owner, Provider: how, Objects: objects}
	if err := unit.derive(how, doc, namespace); err != nil {
		return nil, err
	}
	unit.Digest, err = unit.digest()
	return unit, err
}

func decodeAll(resources []*resource.Resource) ([]content, error) {
	out := make([]content, len(resources))
	var err error
	for i, r := range resources {
		if out[i], err = decode(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}
