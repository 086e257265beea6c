package render

import (
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/filters/replacement"
	"sigs.k8s.io/kustomize/api/hasher"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// component is a stamp as it stands in the tree. A stamp holds replacements and
// nothing else, so that Kustomize's filter alone does what a whole build would.
type component struct {
	APIVersion   string              `json:"apiVersion"`
	Kind         string              `json:"kind"`
	Replacements []types.Replacement `json:"replacements"`
}

// stamp fills doc's values into a copy of shape.
func stamp(shape resmap.ResMap, t tree, stamps []string, doc document) ([]*resource.Resource, error) {
	data, err := doc.encode()
	if err != nil {
		return nil, err
	}
	source, err := resource.NewFactory(&hasher.Hasher{}).FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("read %s document: %w", doc["kind"], err)
	}
	// The copy is deep: shapes are shared by all tenants of a class.
	objects := shape.DeepCopy()
	if err := objects.Append(source); err != nil {
		return nil, fmt.Errorf("add %s document: %w", doc["kind"], err)
	}
	for _, dir := range stamps {
		file := path.Join(dir, "kustomization.yaml")
		// Parsed anew each time, because the filter writes defaults into it.
		var c component
		if err := yaml.UnmarshalStrict(t[file], &c); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if err := objects.ApplyFilter(replacement.Filter{Replacements: c.Replacements}); err != nil {
			return nil, fmt.Errorf("stamp %s: %w", file, err)
		}
	}
	var out []*resource.Resource
	for _, r := range objects.Resources() {
		if r.GetKind() != doc["kind"] || r.GetApiVersion() != doc["apiVersion"] {
			out = append(out, r)
		}
	}
	return out, nil
}
