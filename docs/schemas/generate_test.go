package schemas

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// member is one keyword or property: schemas are written in a fixed order.
type member struct {
	key   string
	value any
}

// object is a JSON object whose members keep their order.
type object []member

func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		for j, v := range []any{m.key, m.value} {
			var part bytes.Buffer
			enc := json.NewEncoder(&part)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(v); err != nil {
				return nil, err
			}
			if j > 0 {
				out.WriteByte(':')
			}
			out.Write(bytes.TrimSpace(part.Bytes()))
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// generator makes schemas of the fleet's types, and of those of a provider's description.
type generator struct {
	docs map[string]string // by Type and by Type.Field
	used map[string]bool   // rules
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	g := &generator{docs: map[string]string{}, used: map[string]bool{}}
	files, err := filepath.Glob("../../fleet/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files of the fleet: %v", len(files), err)
	}
	files = append(files, "../../render/description.go", "../../render/require.go", "../../render/importing.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			g.read(decl)
		}
	}
	return g
}

// read takes the documentation of types and their fields.
func (g *generator) read(decl ast.Decl) {
	d, ok := decl.(*ast.GenDecl)
	if !ok || d.Tok != token.TYPE {
		return
	}
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		doc := t.Doc
		if doc == nil && !d.Lparen.IsValid() {
			doc = d.Doc
		}
		g.docs[t.Name.Name] = doc.Text()
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		before := ""
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				text := f.Doc.Text() + f.Comment.Text()
				if text == "" && regexp.MustCompile(`\b`+name.Name+`\b`).MatchString(before) {
					text = before // one comment for two fields
				}
				g.docs[t.Name.Name+"."+name.Name] = text
				before = text
			}
		}
	}
}

// describe gives a comment for readers of YAML: fields by the names they have there.
func describe(doc string, t reflect.Type) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && name != "-" {
				doc = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(doc, name)
			}
		}
	}
	return strings.Join(strings.Fields(doc), " ")
}

// kind is a declaration: its type, its spec's, and one in which only the least is written.
type kind struct {
	name    string
	doc     string   // the type whose documentation describes it
	spec    any      // nil where a whole file has a type of its own
	needs   []string // beside apiVersion and kind
	longest int      // name
}

func kinds(t *testing.T) []kind {
	t.Helper()
	head := "apiVersion: " + fleet.APIVersion + "\nkind: "
	least, findings, err := fleet.Load(fstest.MapFS{
		"fleet.yaml":           {Data: []byte(head + "Fleet\n")},
		"shards/a.yaml":        {Data: []byte(head + "Shard\nmetadata: {name: a}\nspec: {domain: example.com}\n")},
		"datastores/a.yaml":    {Data: []byte(head + "DataStore\nmetadata: {name: a}\nspec: {driver: etcd, shards: [a], managed: {}}\n")},
		"classes/a/class.yaml": {Data: []byte(head + "ControlPlaneClass\nmetadata: {name: a}\nspec: {provider: native}\n")},
	})
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	shard := least.Shards["a"].Spec
	shard.Domain = "" // written, and no default
	return []kind{
		{fleet.KindFleet, "Settings", least.Settings, nil, 63},
		{fleet.KindShard, "Shard", shard, []string{"metadata", "spec"}, 63},
		{fleet.KindDataStore, "DataStore", least.DataStores["a"].Spec, []string{"metadata", "spec"}, 40},
		{fleet.KindClass, "Class", least.Classes["a"].Spec, []string{"metadata", "spec"}, 63},
		{fleet.KindTenant, "Tenant", fleet.TenantSpec{}, []string{"metadata", "spec"}, 40},
		{fleet.KindApproval, "Approval", fleet.ApprovalSpec{}, []string{"metadata", "spec"}, 32},
		{"Provider", "Description", nil, nil, 40},
	}
}

// schema is the whole schema of a kind.
func (g *generator) schema(k kind) object {
	head := object{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"$id", URL(k.name)},
		{"title", k.name},
		{"description", describe(g.docs[k.doc], reflect.TypeFor[struct{}]())},
	}
	if k.spec == nil {
		whole := g.structure(reflect.ValueOf(render.Description{}))
		metadata, _ := get(get(whole, "properties").(object), "metadata").(object)
		g.bound(metadata, k.longest)
		return append(head, whole...)
	}
	metadata := g.structure(reflect.ValueOf(fleet.Metadata{}))
	if k.name == fleet.KindFleet {
		metadata = without(metadata, "required")
	}
	spec := append(object{{"description", "What is declared."}}, g.structure(reflect.ValueOf(k.spec))...)
	g.bound(metadata, k.longest)
	if k.name == fleet.KindApproval {
		metadata = named(metadata, hashForm)
	}
	return append(head, object{
		{"type", "object"},
		{"properties", object{
			{"apiVersion", object{{"type", "string"}, {"enum", []string{fleet.APIVersion}}}},
			{"kind", object{{"type", "string"}, {"enum", []string{k.name}}}},
			{"metadata", metadata},
			{"spec", spec},
		}},
		{"required", append([]string{"apiVersion", "kind"}, k.needs...)},
		{"additionalProperties", false},
	}...)
}

// bound says how long a name may be, which differs from kind to kind.
func (g *generator) bound(metadata object, longest int) {
	properties, _ := get(metadata, "properties").(object)
	for i, p := range properties {
		if o, ok := p.value.(object); ok && p.key == "name" {
			properties[i].value = append(o, member{"maxLength", longest})
		}
	}
}

// named gives names another form.
func named(metadata object, form string) object {
	properties, _ := get(metadata, "properties").(object)
	for i, p := range properties {
		if o, ok := p.value.(object); ok && p.key == "name" {
			properties[i].value = with(o, object{{"pattern", form}})
		}
	}
	return metadata
}

func get(o object, key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func without(o object, key string) object {
	var out object
	for _, m := range o {
		if m.key != key {
			out = append(out, m)
		}
	}
	return out
}

// with adds members, in the place of those of the same key.
func with(o, more object) object {
	for _, m := range more {
		if get(o, m.key) != nil {
			o = without(o, m.key)
		}
		o = append(o, m)
	}
	return o
}

// structure is the schema of a struct; the values of v that are not zero are defaults.
func (g *generator) structure(v reflect.Value) object {
	t := v.Type()
	var properties object
	var required []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		if options != "omitempty" {
			required = append(required, name)
		}
		doc := g.docs[t.Name()+"."+f.Name]
		s := g.value(v.Field(i))
		if doc == "" {
			inner := f.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			doc = describe(g.docs[inner.Name()], inner)
		}
		if doc = describe(doc, t); doc != "" {
			s = append(object{{"description", doc}}, s...)
		}
		s = with(s, g.rule(t.Name()+"."+f.Name, s))
		if value := v.Field(i); options == "omitempty" && plainValue(value) && !value.IsZero() {
			s = append(s, member{"default", fmt.Sprint(value)})
			if value.CanInt() && value.Type() != reflect.TypeFor[time.Duration]() {
				s[len(s)-1].value = value.Int()
			}
			if value.Type() == reflect.TypeFor[time.Duration]() {
				s[len(s)-1].value = strings.TrimSuffix(fmt.Sprint(value), "0m0s")
			}
		}
		properties = append(properties, member{name, s})
	}
	out := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	out = append(out, member{"additionalProperties", false})
	return append(out, g.rule(t.Name(), nil)...)
}

func plainValue(v reflect.Value) bool {
	return v.Kind() == reflect.String || v.CanInt() || v.Kind() == reflect.Bool
}

// value is the schema of a value by its type.
func (g *generator) value(v reflect.Value) object {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return object{{"type", "string"}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return append(object{{"type", "string"}, {"minLength", 1}}, g.rule(t.Name(), nil)...)
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			return g.value(reflect.Zero(t.Elem()))
		}
		return g.value(v.Elem())
	case t.Kind() == reflect.Struct:
		return g.structure(v)
	case t.Kind() == reflect.String:
		return object{{"type", "string"}, {"minLength", 1}}
	case t.Kind() == reflect.Bool:
		return object{{"type", "boolean"}}
	case v.CanInt():
		return object{{"type", "integer"}}
	case t.Kind() == reflect.Slice:
		return object{{"type", "array"}, {"items", g.value(reflect.Zero(t.Elem()))}}
	case t == reflect.TypeFor[map[string]string]():
		return object{{"type", "object"}, {"additionalProperties", object{{"type", "string"}}}}
	case t.Kind() == reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", g.value(reflect.Zero(t.Elem()))}}
	case t.Kind() == reflect.Interface:
		return object{} // what fits is another field's to say
	}
	panic("no schema for " + t.String())
}

// rule is what the loader wants beyond types. A rule about the items of a list or
// the values of a table goes into their schema.
func (g *generator) rule(name string, into object) object {
	var own object
	for _, m := range rules[name] {
		key, below := strings.CutPrefix(m.key, "each ")
		if !below {
			own = append(own, m)
			continue
		}
		for i, part := range into {
			if inner, ok := part.value.(object); ok && (part.key == "items" || part.key == "additionalProperties") {
				into[i].value = with(inner, object{{key, m.value}})
			}
		}
	}
	if rules[name] != nil {
		g.used[name] = true
	}
	return own
}

// generate is the file of a kind.
func (g *generator) generate(t *testing.T, k kind) []byte {
	t.Helper()
	raw, err := g.schema(k).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}
