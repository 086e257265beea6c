package fleet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// check reports what is wrong with one declaration, by field.
type check struct {
	l *loader
	e *entry
}

// add reports err at the place of its field.
func (c check) add(err *field.Error, hint string) {
	if c.e.unreadable(err.Field) {
		return // said already: what is there and unreadable is neither missing nor zero
	}
	at := c.e.index().Position(err.Field)
	c.l.report(c.e, Finding{Line: at.Line, Column: at.Column, Field: err.Field, Message: err.ErrorBody(), Hint: hint})
}

// addKey reports err at the key of its field: it should not be there.
func (c check) addKey(err *field.Error, hint string) {
	if c.e.unreadable(err.Field) {
		return
	}
	at := c.e.index().Key(err.Field)
	c.l.report(c.e, Finding{Line: at.Line, Column: at.Column, Field: err.Field, Message: err.ErrorBody(), Hint: hint})
}

var (
	metaPath = field.NewPath("metadata")
	specPath = field.NewPath("spec")
)

// judge checks a declaration for itself, while its document is at hand.
func (l *loader) judge(e *entry, m Metadata, longest int, spec func(check)) {
	c := check{l, e}
	c.metadata(m, e.ref.Name, longest)
	spec(c)
	e.doc = nil // see index
}

// check looks at what declarations say of each other. What is broken already is
// checked too, to tell all at once.
func (l *loader) check() {
	l.checkPools()
	known := l.index()
	each(l, func(e *entry, d *DataStore) { check{l, e}.storeReferences(d.Spec, known) })
	known.add(l)
	each(l, func(e *entry, t *Tenant) { check{l, e}.tenantReferences(t, known) })
	l.checkAdopted()
}

// Lengths of names. Tenants and datastores give names to objects on shards,
// which add to them (tenant-<name>, <name>-kubeconfig).
const (
	maxLabel      = 63
	maxObjectName = 40
)

var label = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// NameFault says what is wrong with the name of a tenant or a datastore, or nothing: for
// whoever makes declarations.
func NameFault(name string) string { return nameFault(name, maxObjectName) }

// nameFault says what is wrong with a name, or nothing.
func nameFault(name string, longest int) string {
	switch {
	case len(name) > longest:
		return fmt.Sprintf("has %d characters, more than %d", len(name), longest)
	case !label.MatchString(name):
		return "want lower-case letters, digits and '-', first a letter, last a letter or digit"
	}
	return ""
}

func (c check) metadata(m Metadata, want string, longest int) {
	name := metaPath.Child("name")
	switch {
	case m.Name == "":
		c.add(field.Required(name, ""), "name it like its folder or file: "+want)
	case nameFault(m.Name, longest) != "":
		c.add(field.Invalid(name, m.Name, nameFault(m.Name, longest)), "")
	case m.Name != want:
		c.add(field.Invalid(name, m.Name, fmt.Sprintf("want %s, as in %s", want, c.e.path)), "")
	}
	c.labels(m.Labels)
}

func (c check) labels(all map[string]string) {
	labels := metaPath.Child("labels")
	for _, key := range slices.Sorted(maps.Keys(all)) {
		c.label(labels, key, all[key])
		if prefix, _, _ := strings.Cut(key, "/"); prefix == "tenantry.io" || strings.HasSuffix(prefix, ".tenantry.io") {
			c.add(field.Forbidden(labels.Key(key), "labels of tenantry.io are Tenantry's own"), "")
		}
	}
}

// label checks one label, of a declaration or in a selector.
func (c check) label(at *field.Path, key, value string) {
	c.labelParts(at.Key(key), at.Key(key), key, value)
}

// labelParts checks a key and a value, each with a place of its own.
func (c check) labelParts(atKey, atValue *field.Path, key, value string) {
	for _, fault := range validation.IsQualifiedName(key) {
		c.add(field.Invalid(atKey, key, short(fault)), "")
	}
	for _, fault := range validation.IsValidLabelValue(value) {
		c.add(field.Invalid(atValue, value, short(fault)), "")
	}
}

func (c check) settings(s Settings) {
	at := specPath.Child("deletion")
	if s.Deletion.Retention < 0 {
		c.add(field.Invalid(at.Child("retention"), s.Deletion.Retention.String(), "must not be negative"), "")
	}
	c.notNegative(at.Child("limit"), s.Deletion.Limit)
	if p := s.Deletion.Percent; p < 0 || p > 100 {
		c.add(field.Invalid(at.Child("percent"), p, "want 0 to 100"), "")
	}
}

func (c check) notNegative(at *field.Path, n int) {
	if n < 0 {
		c.add(field.Invalid(at, n, "must not be negative"), "")
	}
}

func (c check) shard(s ShardSpec) {
	pool, domain := specPath.Child("addressPool"), specPath.Child("domain")
	c.capacity(s.Capacity)
	c.providers(s.Providers)
	c.teams(s.Teams)
	c.taints("taints", s.Taints)
	switch {
	case len(s.AddressPool) > 0 && s.Domain != "":
		c.add(field.Forbidden(domain, "a shard has an addressPool or a domain, not both"), "remove one of them")
	case s.Domain == "" && len(s.AddressPool) == 0:
		c.add(field.Required(pool, "a shard has an addressPool or a domain"),
			"tenants' endpoints take addresses of addressPool, or host names <tenant>.<domain>")
	}
	if s.Domain != "" {
		c.dnsName(domain, s.Domain, 253-maxObjectName-1)
	}
	for i, entry := range s.AddressPool {
		if _, err := ParseAddressRange(entry); err != nil && entry != "" {
			c.add(field.Invalid(pool.Index(i), entry, err.Error()), "")
		}
	}
}

func (c check) dnsName(at *field.Path, name string, longest int) {
	if len(name) > longest {
		c.add(field.Invalid(at, name, fmt.Sprintf("has more than %d characters", longest)), "")
		return
	}
	for _, fault := range validation.IsDNS1123Subdomain(name) {
		c.add(field.Invalid(at, name, short(fault)), "")
	}
}

// short leaves out the examples and the regular expression of Kubernetes' own messages.
func short(fault string) string {
	text, _, _ := strings.Cut(fault, " (e.g.")
	return text
}

// checkPools finds addresses that are in two places. Both sides are told, since
// nothing says which one was there first.
func (l *loader) checkPools() {
	type place struct {
		AddressRange
		c     check
		index int
		text  string
	}
	var all []place
	each(l, func(e *entry, s *Shard) {
		for i, text := range s.Spec.AddressPool {
			if r, err := ParseAddressRange(text); err == nil {
				all = append(all, place{r, check{l, e}, i, text})
			}
		}
	})
	slices.SortStableFunc(all, func(a, b place) int { return a.From.Compare(b.From) })
	overlap := func(a, b place) {
		a.c.add(field.Invalid(specPath.Child("addressPool").Index(a.index), a.text,
			fmt.Sprintf("overlaps with %s in %s", b.text, b.c.e.path)), "every address belongs to one place")
	}
	for i, highest := 1, 0; i < len(all); i++ {
		if all[highest].overlaps(all[i].AddressRange) {
			overlap(all[highest], all[i])
			overlap(all[i], all[highest])
		}
		if all[highest].To.Less(all[i].To) {
			highest = i
		}
	}
}

// name checks a value that names something outside of the fleet's files.
func (c check) name(at *field.Path, name string) {
	if fault := nameFault(name, maxLabel); name != "" && fault != "" {
		c.add(field.Invalid(at, name, fault), "")
	}
}

var version = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

func (c check) version(v string) {
	if v != "" && !version.MatchString(v) {
		c.add(field.Invalid(specPath.Child("version"), v, "want vMAJOR.MINOR.PATCH"), nearVersion(v))
	}
}

var baseVersion = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

// nearVersion completes a version that only lacks its v or its patch.
func nearVersion(v string) string {
	full := "v" + strings.TrimPrefix(v, "v")
	for range 2 {
		if version.MatchString(full) {
			return fmt.Sprintf("for example %s", full)
		}
		full += ".0"
	}
	return ""
}

// maxReplicas bounds a control plane; more API servers than this help nobody.
const maxReplicas = 9

func (c check) replicas(n int) {
	at := specPath.Child("replicas")
	if c.e.index().Written(at.String()) && (n < 1 || n > maxReplicas) {
		c.add(field.Invalid(at, n, fmt.Sprintf("want 1 to %d", maxReplicas)), "")
	}
}

func (c check) class(s ClassSpec) {
	if s.Provider == "" {
		c.add(field.Required(specPath.Child("provider"), ""), "provider: "+DefaultProvider)
	}
	c.name(specPath.Child("provider"), s.Provider)
	if v := s.BaseVersion; v != "" && !baseVersion.MatchString(v) {
		c.add(field.Invalid(specPath.Child("baseVersion"), v, "want a whole number"), `for example "1"`)
	}
	c.version(s.Version)
	c.replicas(s.Replicas)
	c.network(s.Network)
	c.networks(s.Network, s.Network)
	c.taints("tolerations", s.Tolerations)
	c.prefer(s.Prefer)
	c.schema(s.Parameters)
	c.allow(s)
}
