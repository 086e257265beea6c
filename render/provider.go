package render

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
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
	Capabilities

	part       part
	own        bool
	kinds      []kind
	stateful   []kind
	external   bool
	grants     []grant
	require    []demand
	rules      []rule
	outputs    []output
	derive     []derivation
	kubeconfig *secretKey
	footprint  []workload
	imports    *importing
}

// base is one version of one provider: its files, and how its units are read.
type base struct {
	name, version string
	// files are relative to the provider's folder.
	files map[string][]byte
	parts map[part]*Provider
	// own is what names the content of a provider of the fleet's own; empty of others.
	own string
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
			read, findings, err := ReadProvider(source, path.Join("providers", dir.Name()))
			if err = cmp.Or(err, findings.Err()); err != nil {
				return nil, fmt.Errorf("load provider %s: %w", dir.Name(), err)
			}
			b := read.base
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
	if p.own && !slices.Contains(disposable, kind{Group: id.Group, Kind: id.Kind}) {
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
