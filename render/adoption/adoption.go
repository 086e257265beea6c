package adoption

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Input is what is imported, and into what.
type Input struct {
	// Shard is the declared one that the objects are on.
	Shard string
	// Team is whose folder tenants go into.
	Team string
	// Objects are all that the shard holds of the kinds that Kinds names.
	Objects []map[string]any
	// Wanted tells which tenants are imported, by the namespace and name of their main
	// object; nil is all. Of some, only the datastores that they use are.
	Wanted func(namespace, name string) bool
	// Fleet is what is declared so far, and Load what would be with further files.
	Fleet *fleet.Fleet
	Load  func(files map[string][]byte) (*fleet.Fleet, fleet.Findings, error)
	// Decided is the ledger, whose names are taken, too; nil where it is not known.
	Decided *ledger.Ledger
	// Schema is where editors find the schema of a kind of declaration.
	Schema func(kind string) string
}

// Result is what came of an import: files, and what has no place in them.
type Result struct {
	// Files are new ones, by their paths in the fleet's repository.
	Files map[string][]byte `json:"-"`
	// Imported are declared by these files, in the order of their objects.
	Imported []Owner `json:"imported"`
	// Declared are those that the fleet declares already.
	Declared []Owner `json:"declared,omitempty"`
	// Left are the objects that are not declared, and why.
	Left []Left `json:"left"`
}

// Owner is a tenant or a datastore that takes over what is live.
type Owner struct {
	Kind render.OwnerKind `json:"kind"`
	Name string           `json:"name"`
	// Object is the main one's own name.
	Object   string `json:"object"`
	Provider string `json:"provider,omitempty"`
	// Class, DataStore and Endpoint are a tenant's.
	Class     string `json:"class,omitempty"`
	DataStore string `json:"dataStore,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	// File is its declaration.
	File string `json:"file"`
	// Fields are those that only this tenant has, so that they stand in a patch of its own.
	Fields []string `json:"fields,omitempty"`
	// Warnings are what a person should look after.
	Warnings []string `json:"warnings,omitempty"`
}

// Left is an object that is not imported.
type Left struct {
	// Object is its own name; Field is where it cannot be declared, if it is one place.
	Object string `json:"object"`
	Field  string `json:"field,omitempty"`
	// Reason is a sentence.
	Reason string `json:"reason"`
}

// Kinds are those of the objects that Run wants to see, each once, sorted.
func Kinds(r *render.Renderer) []render.ObjectID {
	seen := map[render.ObjectID]bool{}
	for _, i := range r.Imports() {
		for _, k := range i.Kinds() {
			seen[k] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b render.ObjectID) int { return strings.Compare(a.KindName(), b.KindName()) })
}

// run is one import while it goes on.
type run struct {
	Input
	renderer *render.Renderer
	shard    shard
	result   Result
	// names are taken, of tenants and of datastores.
	tenants, stores map[string]bool
	// kept is why the ledger has a name, by kind and name.
	kept map[string]string
	// byObject are declared datastores by the name of their object on the shard.
	byObject map[string]store
	// adopted are those who take objects over already, by object and uid.
	adopted map[string]Owner
	// lost are datastores that could not be declared, and why.
	lost map[string]string
}

// store is a declared datastore, as far as tenants need it.
type store struct{ name, provider string }

// Run makes declarations of what a shard holds. It writes nothing. An error is about the
// fleet as a whole; what is wrong with single objects is in the result.
func Run(r *render.Renderer, in Input) (*Result, error) {
	if in.Fleet.Shards[in.Shard] == nil {
		return nil, fmt.Errorf("the fleet declares no shard %s", in.Shard)
	}
	x := &run{
		Input: in, renderer: r, shard: newShard(in.Objects, r.Imports()),
		tenants: map[string]bool{}, stores: map[string]bool{}, kept: map[string]string{}, byObject: map[string]store{}, adopted: map[string]Owner{}, lost: map[string]string{},
	}
	x.result = Result{Files: map[string][]byte{}, Imported: []Owner{}, Left: []Left{}} // empty lists for machines, not null
	x.taken()
	found := x.candidates()
	x.dataStores(found)
	if err := x.classes(found); err != nil {
		return nil, err
	}
	x.sort()
	return &x.result, nil
}

// taken notes what the fleet declares already, well or not, and what was decided.
func (x *run) taken() {
	for name, t := range x.Fleet.Tenants {
		x.tenants[name] = true
		if t.Spec.Adopt != nil {
			x.note(Owner{Kind: render.OwnerTenant, Name: name, File: t.Source.Path}, t.Spec.Adopt.Objects)
		}
	}
	for name, d := range x.Fleet.DataStores {
		x.stores[name] = true
		if !slices.Contains(d.Spec.Shards, x.Shard) {
			continue
		}
		object := name
		if d.Spec.Adopt != nil {
			object = d.Spec.Adopt.Name
			x.note(Owner{Kind: render.OwnerDataStore, Name: name, File: d.Source.Path}, d.Spec.Adopt.Objects)
		}
		x.byObject[object] = store{name, d.Spec.Provider}
	}
	for ref := range x.Fleet.Broken {
		switch ref.Kind {
		case fleet.KindTenant:
			x.tenants[ref.Name] = true
		case fleet.KindDataStore:
			x.stores[ref.Name] = true
		}
	}
	if x.Decided != nil {
		x.decided()
	}
}

// decided notes what the ledger has beside: who is being taken over is declared, though not
// in these files. The name of a removed tenant is free again once it is purged.
func (x *run) decided() {
	for name, e := range x.Decided.Tenants {
		switch {
		case x.tenants[name] || e.Lifecycle == ledger.Purged:
			continue
		case e.Lifecycle == ledger.Living:
			x.kept[string(render.OwnerTenant)+name] = "the ledger has one of this name, which lives on shard " + e.Placement.Shard
			if e.Adopting() {
				x.note(Owner{Kind: render.OwnerTenant, Name: name, File: path.Join(e.Source, "tenant.yaml")}, e.Adopted.Objects)
			}
		default:
			x.kept[string(render.OwnerTenant)+name] = "the ledger has one of this name, which was removed, and whose data is kept until " + e.Tombstone.PurgeAfter.UTC().Format(time.RFC3339)
		}
		x.tenants[name] = true
	}
	for name, e := range x.Decided.DataStores {
		if x.stores[name] {
			continue
		}
		x.stores[name] = true
		x.kept[string(render.OwnerDataStore)+name] = "the ledger has one of this name on shard " + e.Shard
		if e.Adopting() {
			x.note(Owner{Kind: render.OwnerDataStore, Name: name, File: e.Source}, e.Adopted.Objects)
		}
	}
}

// note remembers who takes over which objects already.
func (x *run) note(o Owner, objects map[string]string) {
	for object, uid := range objects {
		o.Object = object
		x.adopted[object+" "+uid] = o
	}
}

// declared is who takes over an object already.
func (x *run) declared(o *live) (Owner, bool) {
	owner, ok := x.adopted[o.id.String()+" "+o.uid]
	return owner, ok
}

// longest is how much of a text is told: others' words may be of any length.
const longest = 600

// shown is a text of others as a terminal may have it: bounded, and without what moves
// its cursor.
func shown(s string) string {
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s))
	if len(text) > longest {
		text = append(text[:longest], '…')
	}
	return string(text)
}

func (x *run) leave(o *live, field, reason string) {
	x.result.Left = append(x.result.Left, Left{Object: shown(o.id.String()), Field: shown(field), Reason: shown(reason)})
}

// leaveAll tells all that an error joins.
func (x *run) leaveAll(o *live, err error) {
	for _, one := range strings.Split(err.Error(), "\n") {
		x.leave(o, "", one)
	}
}

// name is what an object's declaration is called: as it is, or with what tells it apart. why
// says what the ledger has by the plain name; without a name, why none fits.
func (x *run) name(kind render.OwnerKind, taken map[string]bool, plain, prefix string) (name, why string) {
	if kept := x.kept[string(kind)+plain]; kept != "" {
		why = fmt.Sprintf("cannot be called %s: %s", plain, kept)
	}
	for _, name := range []string{plain, prefix + "-" + plain} {
		if fleet.NameFault(name) == "" && !taken[name] {
			taken[name] = true
			return name, why
		}
	}
	return "", fmt.Sprintf("neither %s nor %s-%s is a name for it: taken, or none of a %s", plain, prefix, plain, kind)
}

func (x *run) sort() {
	byObject := func(a, b Owner) int { return strings.Compare(string(a.Kind)+a.Object, string(b.Kind)+b.Object) }
	slices.SortFunc(x.result.Imported, byObject)
	slices.SortFunc(x.result.Declared, byObject)
	slices.SortStableFunc(x.result.Left, func(a, b Left) int { return strings.Compare(a.Object+"\x00"+a.Field, b.Object+"\x00"+b.Field) })
	x.result.Left = slices.Compact(x.result.Left)
}

func tenantFolder(team, name string) string { return path.Join("tenants", team, name) }
