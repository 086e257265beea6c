package render

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
)

// embedded holds every provider that the binary carries, without their tests' data.
//
//go:embed providers/*/*.yaml providers/*/stamp providers/*/teardown providers/*/datastore
var embedded embed.FS

// Embedded gives the providers that the binary carries, in folders of providers/: what
// Options.Providers is laid beside.
func Embedded() fs.FS { return embedded }

// part is one kind of unit that a provider renders.
type part string

const (
	partTenant    part = "tenant"
	partTeardown  part = "teardown"
	partDataStore part = "datastore"
)

// dir is where a part's base stands below the provider's folder.
func (p part) dir() string {
	if p == partTenant {
		return ""
	}
	return string(p)
}

// home is the folder of a part's base in the tree.
func (p part) home(b *base) string { return path.Join("providers", b.name, p.dir()) }

// Provider knows one kind of unit of one provider: what may be in it and how its
// health is read. It never changes and is safe for use by several goroutines.
type Provider struct {
	// Name is the provider's folder; BaseVersion is the version of its base.
	Name, BaseVersion string
	// Sleep is true when a control plane may be scaled to nothing and back.
	Sleep bool

	part       part
	kinds      []kind
	stateful   []kind
	external   bool
	grants     []grant
	rules      []rule
	outputs    []output
	derive     []derivation
	kubeconfig *secretKey
	footprint  []workload
}

// kind is a group, version and kind, written apps/v1/Deployment or v1/Service. Where a
// provider says what may be rendered, <group>/*/* stands for all kinds of a group.
type kind struct{ Group, Version, Kind string }

func (k kind) String() string { return path.Join(k.Group, k.Version, k.Kind) }

// every tells that k stands for all kinds of its group.
func (k kind) every() bool { return k.Kind == "*" }

// covers tells whether k is other, or stands for it.
func (k kind) covers(other kind) bool { return k == other || k.every() && k.Group == other.Group }

// concreteForm is that of versions and kinds: both stand in URLs.
var concreteForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

// concrete tells that k is the kind of some object.
func (k kind) concrete() bool {
	return concreteForm.MatchString(k.Version) && concreteForm.MatchString(k.Kind)
}

// anyCovers tells whether one of kinds is k, or stands for it.
func anyCovers(kinds []kind, k kind) bool {
	return slices.ContainsFunc(kinds, func(some kind) bool { return some.covers(k) })
}

// UnmarshalText reads what String writes.
func (k *kind) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "/")
	switch len(parts) {
	case 2:
		*k = kind{"", parts[0], parts[1]}
	case 3:
		*k = kind{parts[0], parts[1], parts[2]}
	default:
		return fmt.Errorf("parse kind %q: want <group>/<version>/<kind> or <version>/<kind>", text)
	}
	if strings.Contains(string(text), "*") && (*k != kind{k.Group, "*", "*"} || k.Group == "" || k.Group == "*") {
		return fmt.Errorf("parse kind %q: want <group>/*/* for all kinds of a group", text)
	}
	return nil
}

func (id ObjectID) kind() kind { return kind{id.Group, id.Version, id.Kind} }

// The form of provider.yaml. Fields that end in a CEL program have type expression.
type (
	description struct {
		APIVersion   string         `json:"apiVersion"`
		Kind         string         `json:"kind"`
		Metadata     fleet.Metadata `json:"metadata"`
		BaseVersion  string         `json:"baseVersion"`
		Capabilities struct {
			Sleep bool `json:"sleep,omitempty"`
		} `json:"capabilities,omitempty"`
		Tenant    *section `json:"tenant"`
		Teardown  *section `json:"teardown,omitempty"`
		DataStore *section `json:"dataStore,omitempty"`
	}
	section struct {
		// Kinds may be rendered, by the base and by classes.
		Kinds []kind `json:"kinds"`
		// Stateful kinds bear state: see Provider.Stateful.
		Stateful []kind `json:"stateful,omitempty"`
		// External tells that the section describes datastores that run elsewhere.
		External bool `json:"external,omitempty"`
		// Grants say what the base alone may put outside of the unit's namespace.
		Grants []grant `json:"grants,omitempty"`
		// Health is judged in this order; the first rule that is not current speaks.
		Health     []rule       `json:"health"`
		Outputs    []output     `json:"outputs,omitempty"`
		Kubeconfig *secretKey   `json:"kubeconfig,omitempty"`
		Derive     []derivation `json:"derive,omitempty"`
		// Footprint says what objects cost that are no workloads themselves.
		Footprint []workload `json:"footprint,omitempty"`
	}
	workload struct {
		Kind kind `json:"kind"`
		// Replicas is the path of how many pods there are; Resources are the paths of
		// what each of a pod's containers requests.
		Replicas  string   `json:"replicas"`
		Resources []string `json:"resources"`
	}
	grant struct {
		Kind kind `json:"kind"`
		// Namespace is CEL over tenant; absent for cluster-scoped kinds.
		Namespace expression `json:"namespace,omitempty"`
	}
	rule struct {
		Kind kind `json:"kind"`
		// Name is the object's; a trailing * stands for anything.
		Name string `json:"name"`
		// Reason is a CamelCase word; Message is CEL over object. ReasonFor is CEL over
		// object, too: a word that is more exact than Reason, when there is an object.
		Reason    string     `json:"reason"`
		ReasonFor expression `json:"reasonFor,omitempty"`
		Message   expression `json:"message"`
		// Current, Failed and Asleep are CEL over object; Failed wins.
		Current expression `json:"current"`
		Failed  expression `json:"failed,omitempty"`
		Asleep  expression `json:"asleep,omitempty"`
		// InProgress overrides Failed, for trouble that is known to pass.
		InProgress expression `json:"inProgress,omitempty"`
		// Remark is of objects that a unit may have and works without: what is wrong with
		// them is told, and the unit is current all the same.
		Remark bool `json:"remark,omitempty"`
	}
	output struct {
		Name   string     `json:"name"`
		Kind   kind       `json:"kind"`
		Object string     `json:"object"`
		Value  expression `json:"value"`
	}
	secretKey struct {
		// Secret is CEL over tenant.
		Secret expression `json:"secret"`
		Key    string     `json:"key"`
		// Revision names an output that changes whenever the kubeconfig does. It is there
		// when somebody else makes the Secret: it carries no label of ours then, so no
		// watch sees it, and it is looked at once for each revision.
		Revision string `json:"revision,omitempty"`
	}
	derivation struct {
		Secret expression `json:"secret"`
		Key    string     `json:"key"`
		// Certificate is the Secret that the credentials come from.
		Certificate expression `json:"certificate"`
		Server      expression `json:"server"`
		Cluster     expression `json:"cluster"`
		User        expression `json:"user"`
	}
)

// base is one version of one provider: its files, and how its units are read.
type base struct {
	name, version string
	// files are relative to the provider's folder.
	files map[string][]byte
	parts map[part]*Provider
}

// loadBases reads every provider of the sources, by name and version. One version of
// one provider is said once: two that differ would render one ledger in two ways.
func loadBases(sources ...fs.FS) (map[string]map[string]*base, error) {
	bases := map[string]map[string]*base{}
	for _, source := range sources {
		dirs, err := fs.ReadDir(source, "providers")
		if err != nil {
			return nil, fmt.Errorf("list providers: %w", err)
		}
		for _, dir := range dirs {
			sub, err := fs.Sub(source, path.Join("providers", dir.Name()))
			if err != nil {
				return nil, fmt.Errorf("open provider %s: %w", dir.Name(), err)
			}
			b, err := loadBase(dir.Name(), sub)
			if err != nil {
				return nil, fmt.Errorf("load provider %s: %w", dir.Name(), err)
			}
			if bases[b.name] == nil {
				bases[b.name] = map[string]*base{}
			}
			if bases[b.name][b.version] != nil {
				return nil, fmt.Errorf("load provider %s: base version %s of provider %s is there twice", dir.Name(), b.version, b.name)
			}
			bases[b.name][b.version] = b
		}
	}
	for _, versions := range bases {
		shareStateful(versions)
	}
	return bases, nil
}

// shareStateful has every version of a provider spare what bears state in any: an owner
// that comes to another base may still have it.
func shareStateful(versions map[string]*base) {
	all := map[part][]kind{}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		for p, how := range versions[version].parts {
			for _, k := range how.stateful {
				if !slices.Contains(all[p], k) {
					all[p] = append(all[p], k)
				}
			}
		}
	}
	for _, b := range versions {
		for p, how := range b.parts {
			how.stateful = all[p]
		}
	}
}

func loadBase(folder string, source fs.FS) (*base, error) {
	b := &base{files: map[string][]byte{}, parts: map[part]*Provider{}}
	err := fs.WalkDir(source, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b.files[file], err = fs.ReadFile(source, file)
		return err
	})
	if err != nil {
		return nil, err
	}
	var d description
	if err := yaml.UnmarshalStrict(b.files["provider.yaml"], &d); err != nil {
		return nil, fmt.Errorf("read provider.yaml: %w", err)
	}
	if err := d.check(folder); err != nil {
		return nil, fmt.Errorf("read provider.yaml: %w", err)
	}
	b.name, b.version = d.Metadata.Name, d.BaseVersion
	for p, s := range map[part]*section{partTenant: d.Tenant, partTeardown: d.Teardown, partDataStore: d.DataStore} {
		if s == nil {
			continue
		}
		if b.parts[p], err = newProvider(&d, p, s); err != nil {
			return nil, fmt.Errorf("read provider.yaml: %s: %w", p, err)
		}
	}
	return b, nil
}

// versionForm is that of base versions: they are compared.
var versionForm = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

func (d *description) check(folder string) error {
	switch {
	case d.APIVersion != fleet.APIVersion || d.Kind != "Provider":
		return fmt.Errorf("want apiVersion %s and kind Provider", fleet.APIVersion)
	case d.BaseVersion == "":
		return errors.New("baseVersion is empty")
	case !versionForm.MatchString(d.BaseVersion):
		return fmt.Errorf("baseVersion is %q: want a whole number", d.BaseVersion)
	case folder != d.Metadata.Name && folder != d.Metadata.Name+"-"+d.BaseVersion:
		return fmt.Errorf("metadata.name is %q: want the folder's name, %q, or that without its end -<baseVersion>", d.Metadata.Name, folder)
	case d.Tenant == nil:
		return errors.New("tenant is missing")
	}
	return nil
}

func newProvider(d *description, p part, s *section) (*Provider, error) {
	for _, r := range s.Health {
		if r.Reason == "" || r.Current.program == nil || r.Message.program == nil {
			return nil, fmt.Errorf("health of %s %s: reason, current and message are required", r.Kind, r.Name)
		}
		if r.Kind.every() || !anyCovers(s.Kinds, r.Kind) {
			return nil, fmt.Errorf("health of %s %s: the kind is not among kinds", r.Kind, r.Name)
		}
	}
	if len(s.Health) == 0 {
		return nil, errors.New("health is empty")
	}
	for _, k := range s.Stateful {
		if !anyCovers(s.Kinds, k) {
			return nil, fmt.Errorf("stateful: %s is not among kinds", k)
		}
	}
	if k := s.Kubeconfig; k != nil && k.Revision != "" {
		if !slices.ContainsFunc(s.Outputs, func(o output) bool { return o.Name == k.Revision }) {
			return nil, fmt.Errorf("kubeconfig: revision %q is not among outputs", k.Revision)
		}
	}
	return &Provider{
		Name: d.Metadata.Name, BaseVersion: d.BaseVersion, Sleep: d.Capabilities.Sleep,
		part: p, kinds: s.Kinds, stateful: s.Stateful, external: s.External, grants: s.Grants, rules: s.Health,
		outputs: s.Outputs, derive: s.Derive, kubeconfig: s.Kubeconfig,
		footprint: s.Footprint,
	}, nil
}

// Judges tells whether Judge reads the content of objects of id's kind. Watches
// keep the content of those only.
func (p *Provider) Judges(id ObjectID) bool {
	return slices.ContainsFunc(p.rules, func(r rule) bool { return r.Kind == id.kind() }) ||
		slices.ContainsFunc(p.outputs, func(o output) bool { return o.Kind == id.kind() })
}

// Stateful tells whether objects of id's kind bear state: they are never removed from
// a living owner, even when its unit no longer has them.
func (p *Provider) Stateful(id ObjectID) bool {
	if id.Group == "" && (id.Kind == "Namespace" || id.Kind == "PersistentVolumeClaim") {
		return true
	}
	return slices.ContainsFunc(p.stateful, func(k kind) bool { return k.Group == id.Group && (k.Kind == id.Kind || k.every()) })
}

// Revision is what the kubeconfig's Secret is at, as the unit's own objects tell. ok
// is false when the Secret is ours: then it is watched like every other object.
func (p *Provider) Revision(h Health) (revision string, ok bool) {
	if p.kubeconfig == nil || p.kubeconfig.Revision == "" {
		return "", false
	}
	return h.Outputs[p.kubeconfig.Revision], true
}
