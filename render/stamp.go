package render

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/filters/replacement"
	"sigs.k8s.io/kustomize/api/hasher"
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

// readStamps parses every stamp of a part, by folder. Kustomize's filter writes
// defaults into replacements that lack a path; these have theirs, so that they are
// shared by all stampings.
func (t tree) readStamps(home string) (map[string]replacement.Filter, error) {
	stamps := map[string]replacement.Filter{}
	for file, data := range t {
		dir := path.Dir(file)
		if path.Base(file) != "kustomization.yaml" || !strings.HasPrefix(dir+"/", home+"/stamp/") {
			continue
		}
		var c component
		if err := yaml.UnmarshalStrict(data, &c); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for _, r := range c.Replacements {
			// A part of a value cannot be marked, so a source is taken whole.
			complete := r.Source != nil && r.Source.FieldPath != "" && r.Source.Options == nil
			for _, target := range r.Targets {
				complete = complete && target.Select != nil && len(target.FieldPaths) > 0
			}
			if !complete {
				return nil, fmt.Errorf("read %s: a replacement wants a whole source, a target and a path", file)
			}
		}
		stamps[dir] = replacement.Filter{Replacements: c.Replacements}
	}
	return stamps, nil
}

// stamp fills marks for doc's values into a copy of the shape.
func (s *shape) stamp(home string, doc document, ps places) ([]*resource.Resource, error) {
	data, err := doc.encode()
	if err != nil {
		return nil, err
	}
	source, err := resource.NewFactory(&hasher.Hasher{}).FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("read %s document: %w", doc["kind"], err)
	}
	ps.tag(source.YNode())
	// The copy is deep: shapes are shared by all tenants of a class.
	objects := s.objects.DeepCopy()
	if err := objects.Append(source); err != nil {
		return nil, fmt.Errorf("add %s document: %w", doc["kind"], err)
	}
	for _, dir := range s.tree.stamps(home, doc) {
		if err := objects.ApplyFilter(s.stamps[dir]); err != nil {
			return nil, fmt.Errorf("stamp %s: %w", dir, err)
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

// template stamps the shape with marks, once for each structure of the document.
func (s *shape) template(how *Provider, home string, doc document) (*template, error) {
	key := strings.Join(doc.variants(), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.templates[key]; t != nil {
		return t, nil
	}
	marked, ps := doc.marked()
	resources, err := s.stamp(home, marked, ps)
	if err != nil {
		return nil, err
	}
	contents, err := decodeAll(resources)
	if err != nil {
		return nil, err
	}
	if err := checkContents(how, ps, contents); err != nil {
		return nil, err
	}
	t, err := newTemplate(how, ps, contents)
	if err != nil {
		return nil, err
	}
	s.templates[key] = t
	return t, nil
}
