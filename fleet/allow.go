package fleet

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var allowPath = specPath.Child("allow")

// tenantField is a field of a tenant's spec that a class may keep for itself.
type tenantField struct {
	name string
	set  bool
}

func tenantFields(s TenantSpec) []tenantField {
	return []tenantField{
		{"version", s.Version != ""},
		{"replicas", s.Replicas != 0},
		{"network", s.Network != Network{}},
		{"parameters", len(s.Parameters) > 0},
		{"access", len(s.Access.Groups) > 0},
		{"shard", s.Shard != ""},
		{"shardSelector", len(s.ShardSelector) > 0},
		{"dataStore", s.DataStore != ""},
		{"prefer", len(s.Prefer) > 0},
		{"spread", s.Spread != Spread{}},
	}
}

// allow checks the bounds that a class sets, also against what it says itself.
func (c check) allow(s ClassSpec) {
	a := s.Allow
	if a == nil {
		return
	}
	var known []string
	for _, f := range tenantFields(TenantSpec{}) {
		known = append(known, f.name)
	}
	fields := allowPath.Child("fields")
	for i, name := range a.Fields {
		switch {
		case slices.Contains(a.Fields[:i], name):
			c.add(field.Duplicate(fields.Index(i), name), "")
		case !slices.Contains(known, name):
			c.add(field.NotSupported(fields.Index(i), name, known), nearestOf(name, known, "fields"))
		}
	}
	c.allowVersions(s.Version, a)
	c.allowReplicas(s.Replicas, a.Replicas)
	c.allowPatches(a.Patches)
	resources := allowPath.Child("resources")
	for i, kind := range a.Resources {
		c.kindName(resources.Index(i), kind)
		if slices.Contains(a.Resources[:i], kind) {
			c.add(field.Duplicate(resources.Index(i), kind), "")
		}
	}
}

var minor = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

func (c check) allowVersions(own string, a *Allow) {
	at := allowPath.Child("versions")
	if a.Versions != nil && len(a.Versions) == 0 {
		c.add(field.Required(at, "no version would be allowed"), "list versions, leave it out, or leave version out of spec.allow.fields")
		return
	}
	for i, v := range a.Versions {
		switch {
		case slices.Contains(a.Versions[:i], v):
			c.add(field.Duplicate(at.Index(i), v), "")
		case !minor.MatchString(v) && !version.MatchString(v):
			c.add(field.Invalid(at.Index(i), v, "want vMAJOR.MINOR or vMAJOR.MINOR.PATCH"), "")
		}
	}
	if own != "" && !allowsVersion(a, own) {
		c.add(field.Invalid(specPath.Child("version"), own, "is not among spec.allow.versions"), "what a class gives, it allows")
	}
}

// allowsVersion says whether a tenant may choose a version.
func allowsVersion(a *Allow, v string) bool {
	if a == nil || a.Versions == nil {
		return true
	}
	return slices.ContainsFunc(a.Versions, func(allowed string) bool {
		return v == allowed || minor.MatchString(allowed) && strings.HasPrefix(v, allowed+".")
	})
}

func (c check) allowReplicas(own int, r *Range) {
	if r == nil {
		return
	}
	at := allowPath.Child("replicas")
	c.rangeEnd(at.Child("min"), r.Min)
	c.rangeEnd(at.Child("max"), r.Max)
	switch {
	case *r == Range{}:
		c.add(field.Required(at, "has neither min nor max"), "")
	case r.Max > 0 && r.Min > r.Max:
		c.add(field.Invalid(at.Child("max"), r.Max, fmt.Sprintf("is less than min, %d", r.Min)), "")
	case !r.contains(own):
		c.add(field.Invalid(specPath.Child("replicas"), own, "is not within spec.allow.replicas"), "what a class gives, it allows; its default is 1")
	}
}

func (c check) rangeEnd(at *field.Path, n int) {
	if n < 0 || n > maxReplicas || n == 0 && c.e.index().Written(at.String()) {
		c.add(field.Invalid(at, n, fmt.Sprintf("want 1 to %d", maxReplicas)), "leave it out for no bound")
	}
}

func (r Range) contains(n int) bool { return n >= r.Min && (r.Max == 0 || n <= r.Max) }

// String says the range in words.
func (r Range) String() string {
	switch {
	case r.Max == 0:
		return fmt.Sprintf("at least %d", r.Min)
	case r.Min == 0:
		return fmt.Sprintf("at most %d", r.Max)
	}
	return fmt.Sprintf("%d to %d", r.Min, r.Max)
}

func (c check) allowPatches(patches []AllowedPatch) {
	seen := map[[2]string]bool{}
	for i, p := range patches {
		at := allowPath.Child("patches").Index(i)
		c.kindName(at.Child("kind"), p.Kind)
		switch {
		case p.Name == "":
			c.add(field.Required(at.Child("name"), ""), `the name of the object, or "*" where it is the tenant's own`)
		case p.Name != "*":
			c.dnsName(at.Child("name"), p.Name, 253)
		}
		if key := [2]string{p.Kind, p.Name}; seen[key] {
			c.add(field.Duplicate(at, p.Kind+" "+p.Name), "list its fields in one place")
		} else {
			seen[key] = true
		}
		if len(p.Fields) == 0 {
			c.add(field.Required(at.Child("fields"), ""), "for example spec.template.spec.tolerations")
		}
		for j, f := range p.Fields {
			c.fieldPath(at.Child("fields").Index(j), f)
			if slices.Contains(p.Fields[:j], f) {
				c.add(field.Duplicate(at.Child("fields").Index(j), f), "")
			}
		}
	}
}

var (
	kindForm    = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	versionForm = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)
	// A field, [name=x] for an element of a list, [example.com/x] for a key with dots.
	fieldForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.([A-Za-z_][A-Za-z0-9_-]*|\[name=[A-Za-z0-9.-]+\]|\[[A-Za-z0-9-]+\.[A-Za-z0-9./_-]+\]))*$`)
)

// kindName checks <group>/<version>/<kind>, of the core group <version>/<kind>.
func (c check) kindName(at *field.Path, name string) {
	if name == "" {
		c.add(field.Required(at, ""), kindHint)
		return
	}
	parts := strings.Split(name, "/")
	n := len(parts)
	ok := (n == 2 || n == 3) && kindForm.MatchString(parts[n-1]) && versionForm.MatchString(parts[n-2])
	if n == 3 {
		ok = ok && len(validation.IsDNS1123Subdomain(parts[0])) == 0
	}
	if !ok {
		c.add(field.Invalid(at, name, "want <group>/<version>/<kind>, or <version>/<kind> in the core group"), kindHint)
	}
}

const kindHint = "for example apps/v1/Deployment, or v1/ConfigMap"

// fieldPath checks the path of a field that tenants may patch. What an object is, and
// what its controllers say of it, is nobody's to patch.
func (c check) fieldPath(at *field.Path, f string) {
	first, rest, _ := strings.Cut(f, ".")
	second, _, _ := strings.Cut(rest, ".")
	switch {
	case f == "":
	case !fieldForm.MatchString(f):
		c.add(field.Invalid(at, f, "want names of fields with dots between them"), "for example spec.template.spec.tolerations, or spec.template.spec.containers.[name=kube-apiserver].resources for one element of a list")
	case first == "apiVersion", first == "kind", first == "status", first == "metadata" && second != "labels" && second != "annotations":
		c.add(field.Forbidden(at, "patches change what is wanted of an object, not what it is"), "of metadata there are metadata.labels and metadata.annotations")
	}
}

// allowed checks a tenant against the bounds of its class.
func (c check) allowed(t *Tenant, class *Class) {
	a := class.Spec.Allow
	c.allowedFiles(t, class)
	if a == nil {
		return
	}
	if a.Fields != nil {
		c.allowedFields(t.Spec, class)
	}
	if v := t.Spec.Version; v != "" && version.MatchString(v) && !allowsVersion(a, v) {
		c.add(field.Invalid(specPath.Child("version"), v, "is not allowed"+saidIn(class)), "allowed: "+strings.Join(a.Versions, ", "))
	}
	if n := t.Spec.Replicas; n != 0 && a.Replicas != nil && !a.Replicas.contains(n) {
		c.add(field.Invalid(specPath.Child("replicas"), n, fmt.Sprintf("want %s%s", a.Replicas, saidIn(class))), "")
	}
}

func (c check) allowedFields(s TenantSpec, class *Class) {
	fields := class.Spec.Allow.Fields
	for _, f := range tenantFields(s) {
		if !f.set || slices.Contains(fields, f.name) {
			continue
		}
		may := "class " + class.Metadata.Name + " lets its tenants set no field"
		if len(fields) > 0 {
			may = "class " + class.Metadata.Name + " lets its tenants set " + strings.Join(fields, ", ")
		}
		c.addKey(field.Forbidden(specPath.Child(f.name), "is not a tenant's to set"+saidIn(class)), may+" (spec.allow.fields)")
	}
}

// allowedFiles refuses a tenant's own Kustomize files where its class says nothing of
// them. What they change is compared with the class when they have been rendered.
func (c check) allowedFiles(t *Tenant, class *Class) {
	if a := class.Spec.Allow; t.Files == nil || a != nil && len(a.Patches)+len(a.Resources) > 0 {
		return
	}
	c.l.report(c.e, Finding{
		File:    path.Join(t.Dir(), kustomizationFile),
		Message: fmt.Sprintf("is not allowed: class %s lets its tenants patch nothing, as %s says", class.Metadata.Name, class.Source.Path),
		Hint:    "spec.allow.patches of the class lists objects and fields that tenants may patch, spec.allow.resources kinds that they may add",
	})
}
