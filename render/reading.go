package render

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	valid "k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
)

// reading is a description while it is read: it collects what is wrong, by place.
type reading struct {
	// file is where the description stands.
	file     string
	doc      *strict.Document
	findings fleet.Findings
	// unread are the fields that are written and could not be read.
	unread []string
}

// Forms of what people name.
var (
	versionForm = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)
	nameForm    = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	reasonForm  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)
)

// Outputs that somebody reads.
const (
	// OutputVersion is the version of Kubernetes that a control plane runs.
	OutputVersion = "version"
	// OutputEndpoint is the URL of its API server, where it is not the one that it was
	// placed on.
	OutputEndpoint = "endpoint"
)

// read gives the base that files describe, in a folder of that name.
func (r *reading) read(folder string, files map[string][]byte) *base {
	safe := len(r.findings) == 0
	data, ok := files[descriptionFile]
	if !ok && safe {
		r.findings = append(r.findings, fleet.Finding{File: r.file, Message: "is missing", Hint: "it says how the provider's objects are read"})
	}
	if !ok {
		return nil
	}
	doc, problems := strict.Parse(data)
	if doc == nil {
		r.problems(problems)
		return nil
	}
	r.doc = doc
	d := &Description{}
	r.problems(doc.Decode(d, nil))
	r.head(d, folder)
	b := &base{name: d.Metadata.Name, version: d.BaseVersion, files: files, parts: map[part]*Provider{}}
	r.capabilities(d.Capabilities)
	for p, s := range d.sections() {
		r.section(p, s)
		b.parts[p] = newProvider(d, p, s)
	}
	if safe {
		r.kustomizations(d, b)
	}
	return b
}

func (r *reading) problems(problems []strict.Problem) {
	for _, p := range problems {
		r.unread = append(r.unread, p.Field)
		r.report(p.Position, p.Field, p.Message, p.Hint)
	}
}

func (r *reading) report(at strict.Position, where, message, hint string) {
	r.findings = append(r.findings, fleet.Finding{File: r.file, Line: at.Line, Column: at.Column, Field: where, Message: message, Hint: hint}.Fit())
}

// add reports err at its field, unless that could not be read: then it was said.
func (r *reading) add(err *valid.Error, hint string) {
	if !r.unreadable(err.Field) {
		r.report(r.doc.Position(err.Field), err.Field, err.ErrorBody(), hint)
	}
}

func (r *reading) unreadable(where string) bool {
	return slices.ContainsFunc(r.unread, func(f string) bool {
		return f == where || strings.HasPrefix(where, f+".") || strings.HasPrefix(where, f+"[")
	})
}

// head checks what is said of the provider as a whole.
func (r *reading) head(d *Description, folder string) {
	r.word(valid.NewPath("apiVersion"), d.APIVersion, fleet.APIVersion)
	r.word(valid.NewPath("kind"), d.Kind, "Provider")
	version, name := valid.NewPath("baseVersion"), valid.NewPath("metadata", "name")
	switch {
	case d.BaseVersion == "":
		r.add(valid.Required(version, "the ledger names what a tenant was made from"), `begin with "1"`)
	case !versionForm.MatchString(d.BaseVersion):
		r.add(valid.Invalid(version, d.BaseVersion, "want a whole number"), `"1", then "2" and so on: versions are compared`)
	}
	switch {
	case d.Metadata.Name == "":
		r.add(valid.Required(name, ""), "name it like its folder: "+folder)
	case !nameForm.MatchString(d.Metadata.Name):
		r.add(valid.Invalid(name, d.Metadata.Name, "want at most 40 lower-case letters, digits and '-', first a letter, last a letter or digit"), "")
	case folder != d.Metadata.Name && folder != d.Metadata.Name+"-"+d.BaseVersion:
		r.add(valid.Invalid(name, d.Metadata.Name, fmt.Sprintf("want the folder's name, %q, or that without its end -<baseVersion>", folder)), "")
	}
	if d.Tenant == nil {
		r.add(valid.Required(valid.NewPath("tenant"), "a provider says what a tenant is"), "")
	}
}

func (r *reading) word(at *valid.Path, got, want string) {
	switch got {
	case want:
	case "":
		r.add(valid.Required(at, ""), "write "+at.String()+": "+want)
	default:
		r.add(valid.NotSupported(at, got, []string{want}), "")
	}
}

// capabilityNames are what Reasons may speak of.
var capabilityNames = []string{"dataStoreChange", "sleep", "versionChange"}

func (r *reading) capabilities(c Capabilities) {
	at := valid.NewPath("capabilities")
	if v := c.VersionChange; v != nil && v.Minors < 0 {
		r.add(valid.Invalid(at.Child("versionChange", "minors"), v.Minors, "must not be negative"), "0 is for patches alone")
	}
	has := map[string]bool{"dataStoreChange": c.DataStoreChange, "sleep": c.Sleep, "versionChange": c.VersionChange != nil}
	for name := range c.Reasons {
		where := at.Child("reasons").Key(name)
		switch has, known := has[name]; {
		case !known:
			r.add(valid.NotSupported(where, name, capabilityNames), r.meant(name, capabilityNames))
		case has:
			r.add(valid.Forbidden(where, "the provider has the capability "+name), "remove one of both")
		}
	}
}

// meant makes a hint of the name that was probably meant, if there is one.
func (r *reading) meant(name string, known []string) string {
	if best := strict.Nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return ""
}

// kustomizations checks that nothing that is built names what is not there.
func (r *reading) kustomizations(d *Description, b *base) {
	for p := range d.sections() {
		file := path.Join(p.dir(), "kustomization.yaml")
		dir := path.Dir(r.file)
		if b.files[file] == nil {
			r.findings = append(r.findings, fleet.Finding{File: path.Join(dir, file), Message: "is missing", Hint: fmt.Sprintf("it is the base of a %s", p)})
			continue
		}
		if err := checkProvider(b.files, dir, p.dir()); err != nil {
			r.findings = append(r.findings, wrapped(dir, err)...)
		}
	}
}

// wrapped makes findings of an error, one for each that is joined in it.
func wrapped(file string, err error) fleet.Findings {
	var out fleet.Findings
	for _, one := range unjoin(err) {
		at, message := file, one.Error()
		if rest, ok := strings.CutPrefix(message, file+"/"); ok {
			if name, text, ok := strings.Cut(rest, ": "); ok {
				at, message = path.Join(file, name), text
			}
		}
		out = append(out, fleet.Finding{File: at, Message: message}.Fit())
	}
	return out
}

// unjoin gives the errors that one joins, or the one.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// expression compiles one that is written, at its place.
func (r *reading) expression(at *valid.Path, e *expression, variable string, want *cel.Type) {
	if !e.written() {
		if r.doc.Written(at.String()) {
			r.add(valid.Invalid(at, "", "must not be empty"), "leave the field out, or write CEL")
		}
		return
	}
	place := r.doc.Position(at.String())
	for _, f := range e.compile(variable, want, fmt.Sprintf("%s:%d:%d: %s", r.file, place.Line, place.Column, at)) {
		r.report(r.doc.Within(at.String(), f.character), at.String(), f.message, r.advice(f.message))
	}
}

// needed compiles one that must be there.
func (r *reading) needed(at *valid.Path, e *expression, variable string, want *cel.Type, why string) {
	if !e.written() && !r.doc.Written(at.String()) {
		r.add(valid.Required(at, why), "")
		return
	}
	r.expression(at, e, variable, want)
}

// advice says what to do about a fault that people make often.
func (r *reading) advice(message string) string {
	switch {
	case strings.Contains(message, "undeclared reference to 'object'"):
		return "this expression speaks of tenant, the resolved document"
	case strings.Contains(message, "undeclared reference to 'tenant'"):
		return "this expression speaks of object, as the shard holds it"
	case strings.Contains(message, "undeclared reference to"):
		return "expressions know object (health, outputs, require) or tenant (everything else)"
	}
	return ""
}

// text wants a text to be there.
func (r *reading) text(at *valid.Path, value, why string) {
	if value == "" {
		r.add(valid.Required(at, why), "")
	}
}
