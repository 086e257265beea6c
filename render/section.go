package render

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	valid "k8s.io/apimachinery/pkg/util/validation/field"
)

// sections are those that are there, with their parts.
func (d *Description) sections() iter.Seq2[part, *section] {
	return func(yield func(part, *section) bool) {
		for _, s := range []struct {
			part    part
			section *section
		}{{partTenant, d.Tenant}, {partTeardown, d.Teardown}, {partDataStore, d.DataStore}} {
			if s.section != nil && !yield(s.part, s.section) {
				return
			}
		}
	}
}

// at is where a part stands in the description.
func (p part) at() *valid.Path {
	if p == partDataStore {
		return valid.NewPath("dataStore")
	}
	return valid.NewPath(string(p))
}

// section checks what is said of one kind of unit, and compiles its expressions.
func (r *reading) section(p part, s *section) {
	at := p.at()
	r.kinds(at.Child("kinds"), s)
	for i, k := range s.Stateful {
		r.among(at.Child("stateful").Index(i), k, s)
	}
	for i := range s.Grants {
		g, at := &s.Grants[i], at.Child("grants").Index(i)
		r.one(at.Child("kind"), g.Kind, s)
		r.expression(at.Child("namespace"), &g.Namespace, ofTenant, cel.StringType)
	}
	r.demands(at.Child("require"), s)
	if len(s.Health) == 0 {
		r.add(valid.Required(at.Child("health"), "it would be current before anything is there"), "")
	}
	for i := range s.Health {
		r.rule(at.Child("health").Index(i), &s.Health[i], s)
	}
	if len(s.Health) > 0 && !slices.ContainsFunc(s.Health, func(h rule) bool { return !h.Remark }) {
		r.add(valid.Invalid(at.Child("health"), len(s.Health), "all of it are remarks"), "it would be current before anything is there: want a rule that is none")
	}
	r.outputs(at.Child("outputs"), s)
	r.workloads(at.Child("footprint"), s)
	r.importing(p, s)
	if p != partTenant {
		r.onlyOf(at, p, s)
		return
	}
	if s.External {
		r.add(valid.Forbidden(at.Child("external"), "says nothing of a tenant"), "it is for dataStore")
	}
	r.kubeconfig(at, s)
}

// onlyOf refuses what is for tenants alone.
func (r *reading) onlyOf(at *valid.Path, p part, s *section) {
	if s.Kubeconfig != nil {
		r.add(valid.Forbidden(at.Child("kubeconfig"), fmt.Sprintf("a %s has none", p)), "it is for tenant")
	}
	if len(s.Derive) > 0 {
		r.add(valid.Forbidden(at.Child("derive"), fmt.Sprintf("nothing is derived for a %s", p)), "it is for tenant")
	}
	if s.External && p == partTeardown {
		r.add(valid.Forbidden(at.Child("external"), "says nothing of a teardown"), "it is for dataStore")
	}
}

// kinds checks what may be rendered at all.
func (r *reading) kinds(at *valid.Path, s *section) {
	if len(s.Kinds) == 0 {
		r.add(valid.Required(at, "nothing could be rendered"), "list them as apps/v1/Deployment, v1/Service")
	}
	for i, k := range s.Kinds {
		switch {
		case k == kind{}: // it could not be read
		case slices.Contains(s.Kinds[:i], k):
			r.add(valid.Duplicate(at.Index(i), k.String()), "")
		case !k.every() && !k.concrete():
			r.add(valid.Invalid(at.Index(i), k.String(), "want letters and digits for version and kind"), "for example apps/v1/Deployment")
		}
	}
}

// among wants a kind that may be rendered.
func (r *reading) among(at *valid.Path, k kind, s *section) {
	kinds := at.Root().Child("kinds").String()
	switch {
	case k == kind{}:
		r.add(valid.Required(at, ""), "for example apps/v1/Deployment")
	case len(s.Kinds) == 0, r.anyUnread(kinds): // which one was meant, nobody knows
	case !anyCovers(s.Kinds, k):
		names := make([]string, len(s.Kinds))
		for i, known := range s.Kinds {
			names[i] = known.String()
		}
		hint := r.meant(k.String(), names)
		if hint == "" {
			hint = "add it to " + kinds + ": what is judged is rendered"
		}
		r.add(valid.Invalid(at, k.String(), "is not among kinds"), hint)
	}
}

func (r *reading) anyUnread(where string) bool {
	return slices.ContainsFunc(r.unread, func(f string) bool { return f == where || strings.HasPrefix(f, where+"[") })
}

// one wants a single kind that may be rendered.
func (r *reading) one(at *valid.Path, k kind, s *section) {
	if k.every() {
		r.add(valid.Invalid(at, k.String(), "want one kind"), "for example apps/v1/Deployment")
		return
	}
	r.among(at, k, s)
}

// rule checks how health is read from one kind of object.
func (r *reading) rule(at *valid.Path, h *rule, s *section) {
	r.one(at.Child("kind"), h.Kind, s)
	r.pattern(at.Child("name"), h.Name)
	switch {
	case h.Reason == "":
		r.add(valid.Required(at.Child("reason"), "people and alerts search for it"), "a word such as ControlPlane")
	case !reasonForm.MatchString(h.Reason):
		r.add(valid.Invalid(at.Child("reason"), h.Reason, "want one CamelCase word"), "for example ControlPlane")
	}
	r.needed(at.Child("current"), &h.Current, ofObject, cel.BoolType, "it says when the object is as it was rendered, and works")
	r.needed(at.Child("message"), &h.Message, ofObject, cel.StringType, "people read it while the object is not current")
	r.expression(at.Child("reasonFor"), &h.ReasonFor, ofObject, cel.StringType)
	r.expression(at.Child("failed"), &h.Failed, ofObject, cel.BoolType)
	r.expression(at.Child("inProgress"), &h.InProgress, ofObject, cel.BoolType)
	r.expression(at.Child("asleep"), &h.Asleep, ofObject, cel.BoolType)
	if h.InProgress.written() && !h.Failed.written() {
		r.add(valid.Forbidden(at.Child("inProgress"), "there is no failed that it could override"), "what is neither current nor failed is in progress")
	}
}

// pattern checks the name of an object: a trailing * stands for anything.
func (r *reading) pattern(at *valid.Path, name string) {
	switch {
	case name == "":
		r.add(valid.Required(at, ""), `the object's name, or the beginning of it with a "*"`)
	case strings.Contains(strings.TrimSuffix(name, "*"), "*"):
		r.add(valid.Invalid(at, name, "want one * at most, at the end"), "")
	}
}

// outputs checks the facts that are read from objects. Somebody has to read them.
func (r *reading) outputs(at *valid.Path, s *section) {
	known := []string{OutputVersion, OutputEndpoint}
	if s.Kubeconfig != nil && s.Kubeconfig.Revision != "" {
		known = append(known, s.Kubeconfig.Revision)
	}
	for i := range s.Outputs {
		o, at := &s.Outputs[i], at.Index(i)
		switch {
		case o.Name == "":
			r.add(valid.Required(at.Child("name"), ""), "one of "+strings.Join(known, ", "))
		case !slices.Contains(known, o.Name):
			r.add(valid.NotSupported(at.Child("name"), o.Name, known), cmp.Or(r.meant(o.Name, known), "nobody reads another one"))
		}
		r.one(at.Child("kind"), o.Kind, s)
		r.pattern(at.Child("object"), o.Object)
		r.needed(at.Child("value"), &o.Value, ofObject, cel.StringType, "")
	}
}

func (r *reading) workloads(at *valid.Path, s *section) {
	for i, w := range s.Footprint {
		at := at.Index(i)
		r.one(at.Child("kind"), w.Kind, s)
		r.text(at.Child("replicas"), w.Replicas, "the path of how many pods there are")
		if len(w.Resources) == 0 {
			r.add(valid.Required(at.Child("resources"), "the paths of what containers request"), "")
		}
	}
}

// kubeconfig checks where it is, and what it is made from.
func (r *reading) kubeconfig(at *valid.Path, s *section) {
	if k := s.Kubeconfig; k != nil {
		at := at.Child("kubeconfig")
		r.needed(at.Child("secret"), &k.Secret, ofTenant, cel.StringType, "the Secret's name")
		r.text(at.Child("key"), k.Key, "the key of the Secret's data")
		if k.Revision != "" && !slices.ContainsFunc(s.Outputs, func(o output) bool { return o.Name == k.Revision }) {
			r.add(valid.NotFound(at.Child("revision"), k.Revision), "want an output of this name, which changes whenever the kubeconfig does")
		}
	}
	for i := range s.Derive {
		d, at := &s.Derive[i], at.Child("derive").Index(i)
		r.text(at.Child("key"), d.Key, "the key of the Secret's data")
		for _, e := range []struct {
			name       string
			expression *expression
		}{{"secret", &d.Secret}, {"certificate", &d.Certificate}, {"server", &d.Server}, {"cluster", &d.Cluster}, {"user", &d.User}} {
			r.needed(at.Child(e.name), e.expression, ofTenant, cel.StringType, "")
		}
	}
}

// newProvider is what a section says, once it is checked.
func newProvider(d *Description, p part, s *section) *Provider {
	return &Provider{
		Name: d.Metadata.Name, BaseVersion: d.BaseVersion, Capabilities: d.Capabilities,
		part: p, kinds: s.Kinds, stateful: s.Stateful, external: s.External, grants: s.Grants, require: s.Require, rules: s.Health,
		outputs: s.Outputs, derive: s.Derive, kubeconfig: s.Kubeconfig,
		footprint: s.Footprint, imports: s.Import,
	}
}
