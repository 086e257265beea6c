package render

import (
	"path"

	"github.com/tenantry/tenantry/fleet"
)

// tree is a virtual file system in the layout that a person would build by hand:
//
//	providers/<name>/…   from the binary
//	classes/<name>/…     the class's folder
//	tenant/              kustomization.yaml and the resolved document, generated
type tree map[string][]byte

// newTree lays the base's files, and the class's checked ones, out. It returns the
// folder that builds the shape: what all tenants of the class share.
func newTree(b *base, p part, class *fleet.Class) (tree, string, error) {
	t := tree{}
	home := path.Join("providers", b.name)
	for name, data := range b.files {
		t[path.Join(home, name)] = data
	}
	root := p.home(b)
	if class == nil || p != partTenant {
		return t, root, nil
	}
	overlay := path.Join("classes", class.Metadata.Name)
	kept, err := checkClass(class.Files, overlay, home)
	if err != nil {
		return nil, "", err
	}
	for name, data := range kept {
		t[path.Join(overlay, name)] = data
	}
	if len(kept) > 0 {
		root = overlay
	}
	return t, root, nil
}

// stamps are the folders below home whose Components fill the document's values in.
func (t tree) stamps(home string, doc document) []string {
	stamps := []string{path.Join(home, "stamp")}
	for _, v := range doc.variants() {
		if dir := path.Join(home, "stamp", v); t[path.Join(dir, "kustomization.yaml")] != nil {
			stamps = append(stamps, dir)
		}
	}
	return stamps
}
