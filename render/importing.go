package render

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/google/cel-go/cel"
	valid "k8s.io/apimachinery/pkg/util/validation/field"
)

// importing says how an object that runs already is declared: which one it is, where it
// holds what a declaration says, and what of it is nobody's to declare.
type importing struct {
	// Kind is that of the main object: each is one tenant, or one datastore.
	Kind kind `json:"kind"`
	// Beside are kinds of further objects with the main object's name, in its namespace:
	// expressions see them as object.beside.<Kind>.
	Beside []kind `json:"beside,omitempty"`
	// When tells which objects of the kind are this provider's; absent, all of them.
	When expression `json:"when,omitempty"`
	// Require is what an object keeps that can be imported.
	Require []condition `json:"require,omitempty"`

	// Of a tenant: what its declaration says. Endpoint is an address or a name, with or
	// without a port.
	Version     expression `json:"version,omitempty"`
	Replicas    expression `json:"replicas,omitempty"`
	ServiceCIDR expression `json:"serviceCIDR,omitempty"`
	PodCIDR     expression `json:"podCIDR,omitempty"`
	Domain      expression `json:"domain,omitempty"`
	Endpoint    expression `json:"endpoint,omitempty"`
	DataStore   expression `json:"dataStore,omitempty"`
	Schema      expression `json:"schema,omitempty"`
	Username    expression `json:"username,omitempty"`

	// Spec, of a datastore, gives a map that is read as fleet.DataStoreSpec.
	Spec expression `json:"spec,omitempty"`

	// Left are fields that are not declared, because others write them.
	Left []left `json:"left,omitempty"`
}

// condition is an expression over object that has to be true, and a sentence for when it
// is not.
type condition struct {
	Holds   expression `json:"holds"`
	Message expression `json:"message"`
}

// left are fields of one kind.
type left struct {
	Kind   kind     `json:"kind"`
	Fields []string `json:"fields"`
	// Empty leaves a field only if it is a map without keys, as programs write that mean
	// nothing by it.
	Empty bool `json:"empty,omitempty"`
	// When tells of an object, of the kind, whether its fields are left; absent, always.
	When expression `json:"when,omitempty"`
}

// leftForm is that of the paths of what is left: a key with dots stands in brackets.
var leftForm = regexp.MustCompile(`^(spec\.|metadata\.(labels|annotations)(\.|$))(([A-Za-z_][A-Za-z0-9_-]*|\[[A-Za-z0-9./_-]+\])(\.|$))*$`)

// importing checks how objects become declarations.
func (r *reading) importing(p part, s *section) {
	i, at := s.Import, p.at().Child("import")
	if i == nil {
		return
	}
	if p == partTeardown {
		r.add(valid.Forbidden(at, "nobody declares a teardown"), "it is for tenant and dataStore")
		return
	}
	r.one(at.Child("kind"), i.Kind, s)
	for n, k := range i.Beside {
		if k != (kind{}) && !k.concrete() {
			r.add(valid.Invalid(at.Child("beside").Index(n), k.String(), "want one kind"), "for example apps/v1/Deployment")
		}
	}
	r.expression(at.Child("when"), &i.When, ofObject, cel.BoolType)
	for n := range i.Require {
		c, at := &i.Require[n], at.Child("require").Index(n)
		r.needed(at.Child("holds"), &c.Holds, ofObject, cel.BoolType, "it says when an object can be imported")
		r.needed(at.Child("message"), &c.Message, ofObject, cel.StringType, "people read it when an object cannot")
	}
	r.values(at, p, i)
	for n := range i.Left {
		l, at := &i.Left[n], at.Child("left").Index(n)
		r.one(at.Child("kind"), l.Kind, s)
		if len(l.Fields) == 0 {
			r.add(valid.Required(at.Child("fields"), ""), "for example spec.controlPlaneEndpoint")
		}
		for n, f := range l.Fields {
			if !leftForm.MatchString(f) {
				r.add(valid.Invalid(at.Child("fields").Index(n), f, "want the path of a field of spec, a label or an annotation"), "for example spec.controlPlaneEndpoint, or metadata.labels.[example.com/x]")
			}
		}
		r.expression(at.Child("when"), &l.When, ofObject, cel.BoolType)
	}
}

// values checks the expressions that a tenant, or a datastore, is declared by.
func (r *reading) values(at *valid.Path, p part, i *importing) {
	for _, v := range []struct {
		name       string
		expression *expression
		gives      *cel.Type
		of         part
		needed     bool
	}{
		{"version", &i.Version, cel.StringType, partTenant, true},
		{"replicas", &i.Replicas, cel.IntType, partTenant, true},
		{"serviceCIDR", &i.ServiceCIDR, cel.StringType, partTenant, true},
		{"podCIDR", &i.PodCIDR, cel.StringType, partTenant, true},
		{"domain", &i.Domain, cel.StringType, partTenant, true},
		{"endpoint", &i.Endpoint, cel.StringType, partTenant, true},
		{"dataStore", &i.DataStore, cel.StringType, partTenant, false},
		{"schema", &i.Schema, cel.StringType, partTenant, false},
		{"username", &i.Username, cel.StringType, partTenant, false},
		{"spec", &i.Spec, cel.MapType(cel.StringType, cel.DynType), partDataStore, true},
	} {
		at := at.Child(v.name)
		switch {
		case v.of == p && v.needed:
			r.needed(at, v.expression, ofObject, v.gives, fmt.Sprintf("a %s says it", p))
		case v.of == p:
			r.expression(at, v.expression, ofObject, v.gives)
		case r.doc.Written(at.String()):
			r.add(valid.Forbidden(at, fmt.Sprintf("a %s says no such thing", p)), "it is for "+v.of.at().String())
		}
	}
}

// leaves tells whether one of an object's fields is not to be declared, and which.
func (i *importing) leaves(k kind) []left {
	return slices.DeleteFunc(slices.Clone(i.Left), func(l left) bool { return l.Kind != k })
}
