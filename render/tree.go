package render

import (
	"fmt"
	"maps"
	"path"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
)

// tree is a virtual file system in the layout that a person would build by hand:
//
//	providers/<name>/…          from the binary
//	classes/<name>/…            the class's folder
//	tenants/<team>/<tenant>/…   the tenant's own Component, if it has one
type tree map[string][]byte

// layout is a tree, and where in it the parts of a unit stand.
type layout struct {
	tree tree
	// home is the provider's part; root builds the shape: home, or the class's overlay.
	home, root string
	// class is the class's folder; empty when the unit has no class.
	class string
	// parameters are those that the class knows.
	parameters map[string]fleet.Parameter
}

// newLayout lays the base's files, and the class's checked ones, out.
func newLayout(b *base, p part, class *fleet.Class) (*layout, error) {
	l := &layout{tree: tree{}, home: p.home(b), root: p.home(b)}
	provider := path.Join("providers", b.name)
	for name, data := range b.files {
		l.tree[path.Join(provider, name)] = data
	}
	if class == nil || p != partTenant {
		return l, nil
	}
	l.class = path.Join("classes", class.Metadata.Name)
	if class.Spec.Parameters != nil {
		l.parameters = class.Spec.Parameters.Properties
	}
	kept, err := checkClass(class.Files, l.class, provider)
	if err != nil {
		return nil, err
	}
	for name, data := range kept {
		l.tree[path.Join(l.class, name)] = data
	}
	if len(kept) > 0 {
		l.root = l.class
	}
	const own = "stamp/kustomization.yaml"
	if data := class.Files[own]; data != nil {
		if len(data) > maxFileBytes {
			return nil, fmt.Errorf("%s: %d bytes: want %d at most", path.Join(l.class, own), len(data), maxFileBytes)
		}
		if _, err := documents(data); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Join(l.class, own), err)
		}
		l.tree[path.Join(l.class, own)] = data
	}
	return l, nil
}

// withUnit adds the folder unit/, which one plain build turns into all objects of a
// tenant or datastore: the shape, the stamps, and the tenant's own Component, whose
// files stand in folder own.
func (l *layout) withUnit(doc document, own string, files map[string][]byte) (tree, error) {
	data, err := doc.encode()
	if err != nil {
		return nil, err
	}
	k := kustomization{Resources: []string{"../" + l.root, doc.file()}}
	for _, stamp := range l.stamps(doc) {
		k.Components = append(k.Components, "../"+stamp)
	}
	if len(files) > 0 {
		k.Components = append(k.Components, "../"+own)
	}
	t := maps.Clone(l.tree)
	for name, data := range files {
		t[path.Join(own, name)] = data
	}
	t["unit/"+doc.file()] = data
	t["unit/kustomization.yaml"], err = k.encode()
	return t, err
}

// kustomization is what we write of one.
type kustomization struct {
	Resources  []string         `json:"resources"`
	Components []string         `json:"components,omitempty"`
	Labels     []map[string]any `json:"labels,omitempty"`
	Patches    []map[string]any `json:"patches,omitempty"`
}

func (k kustomization) encode() ([]byte, error) {
	data, err := yaml.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode kustomization: %w", err)
	}
	return append([]byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"), data...), nil
}

// classStamp is the folder of the class's own stamp; empty when it has none.
func (l *layout) classStamp() string {
	dir := path.Join(l.class, "stamp")
	if l.class == "" || l.tree[path.Join(dir, "kustomization.yaml")] == nil {
		return ""
	}
	return dir
}

// stamps are the folders whose Components fill the document's values in, in order.
func (l *layout) stamps(doc document) []string {
	var stamps []string
	if dir := l.classStamp(); dir != "" {
		stamps = append(stamps, dir)
	}
	stamps = append(stamps, path.Join(l.home, "stamp"))
	for _, v := range doc.variants() {
		if dir := path.Join(l.home, "stamp", v); l.tree[path.Join(dir, "kustomization.yaml")] != nil {
			stamps = append(stamps, dir)
		}
	}
	return stamps
}
