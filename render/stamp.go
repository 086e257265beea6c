package render

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/filters/replacement"
	"sigs.k8s.io/kustomize/api/hasher"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/utils"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
)

// component is a stamp as it stands in the tree. A stamp holds replacements and
// nothing else, so that Kustomize's filter alone does what a whole build would.
type component struct {
	APIVersion   string              `json:"apiVersion"`
	Kind         string              `json:"kind"`
	Replacements []types.Replacement `json:"replacements"`
}

// readStamps parses every stamp, by folder: the provider's, and the class's own.
// Kustomize's filter writes defaults into replacements that lack a path; these have
// theirs, so that they are shared by all stampings.
func (l *layout) readStamps() (map[string]replacement.Filter, error) {
	stamps := map[string]replacement.Filter{}
	for _, file := range slices.Sorted(maps.Keys(l.tree)) {
		dir := path.Dir(file)
		if path.Base(file) != "kustomization.yaml" || !strings.HasPrefix(dir+"/", l.home+"/stamp/") && dir != l.classStamp() {
			continue
		}
		var c component
		if err := yaml.UnmarshalStrict(l.tree[file], &c); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if c.Kind != "Component" {
			return nil, fmt.Errorf("read %s: kind is %q: a stamp is a Component", file, c.Kind)
		}
		for _, r := range c.Replacements {
			if err := l.checkReplacement(r); err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
		}
		stamps[dir] = replacement.Filter{Replacements: c.Replacements}
	}
	return stamps, nil
}

func (l *layout) checkReplacement(r types.Replacement) error {
	// A part of a value cannot be marked, so a source is taken whole.
	complete := r.Source != nil && r.Source.FieldPath != "" && r.Source.Options == nil
	for _, target := range r.Targets {
		complete = complete && target.Select != nil && len(target.FieldPaths) > 0
	}
	if !complete {
		return fmt.Errorf("a replacement wants a whole source, a target and a path")
	}
	if l.class == "" {
		return nil
	}
	if r.Source.Kind != fleet.KindTenant {
		return fmt.Errorf("the source is a %s: values come from the document of kind %s alone", r.Source.Kind, fleet.KindTenant)
	}
	if name, ok := parameterOf(r); ok {
		if _, ok := l.parameters[name]; !ok {
			return fmt.Errorf("%s is no parameter of the class: it knows %s", name, list(l.parameters))
		}
	}
	return nil
}

// list names a map's keys, for people.
func list[T any](m map[string]T) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

// parameterOf is the parameter that a replacement takes its value from.
func parameterOf(r types.Replacement) (string, bool) {
	parts := utils.SmarterPathSplitter(r.Source.FieldPath, ".")
	if len(parts) < 3 || parts[0] != "spec" || parts[1] != "parameters" {
		return "", false
	}
	return parts[2], true
}

// checkParameters wants a value for every parameter that the class's stamp takes.
func (s *shape) checkParameters(doc document) error {
	have := descend(content(doc), "spec.parameters")
	for _, r := range s.stamps[s.classStamp()].Replacements {
		if name, ok := parameterOf(r); ok && have[name] == nil {
			return fmt.Errorf("spec.parameters.%s has no value: the class needs one and gives no default", name)
		}
	}
	return nil
}

// template stamps the shape with marks, once for each structure of the document.
func (s *shape) template(how *Provider, doc document) (*template, error) {
	if err := s.checkParameters(doc); err != nil {
		return nil, err
	}
	// A hole takes values of one type: a text in the place of a number would not be quoted.
	said := descend(content(doc), "spec.parameters")
	key := strings.Join(doc.variants(), " ")
	for _, name := range slices.Sorted(maps.Keys(said)) {
		key += fmt.Sprintf(" %s %T", name, said[name])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.templates[key]; t != nil {
		return t, nil
	}
	marked, ps := doc.marked()
	contents, err := s.stamp(marked, ps)
	if err != nil {
		return nil, err
	}
	if err := checkContents(how, ps, contents); err != nil {
		return nil, err
	}
	delimiters := s.delimiters(doc, ps, contents)
	t, err := newTemplate(how, ps, contents)
	if err != nil {
		return nil, err
	}
	t.delimiters = delimiters
	s.templates[key] = t
	return t, nil
}

// stamp fills marks for the document's values into a copy of the shape.
func (s *shape) stamp(marked document, ps places) ([]content, error) {
	data, err := marked.encode()
	if err != nil {
		return nil, err
	}
	source, err := resource.NewFactory(&hasher.Hasher{}).FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("read %s document: %w", marked["kind"], err)
	}
	ps.tag(source.YNode())
	// The copy is deep: shapes are shared by all tenants of a class.
	objects := s.objects.DeepCopy()
	if err := objects.Append(source); err != nil {
		return nil, fmt.Errorf("add %s document: %w", marked["kind"], err)
	}
	for _, dir := range s.layout.stamps(marked) {
		if dir == s.classStamp() {
			err = s.stampClass(objects, source, marked)
		} else {
			err = objects.ApplyFilter(s.stamps[dir])
		}
		if err != nil {
			return nil, fmt.Errorf("stamp %s: %w", dir, err)
		}
	}
	return without(objects, marked)
}

// stampClass applies the class's own stamp, and wants that it leaves alone what a class
// may not patch. The document, too: what stood there would be stamped by the provider
// everywhere, into what runs with others' rights as well.
func (s *shape) stampClass(objects resmap.ResMap, source *resource.Resource, marked document) error {
	stamp := s.stamps[s.classStamp()]
	if err := checkTargets(objects, stamp); err != nil {
		return err
	}
	before, err := decode(source)
	if err != nil {
		return err
	}
	if err := objects.ApplyFilter(stamp); err != nil {
		return err
	}
	after, err := decode(source)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Errorf("a target is the document of kind %s: it is where values come from", marked["kind"])
	}
	stamped, err := without(objects, marked)
	if err != nil {
		return err
	}
	return checkOverlay(s.plain, stamped)
}

// without reads all objects but the document.
func without(objects resmap.ResMap, doc document) ([]content, error) {
	var out []content
	for _, r := range objects.Resources() {
		if r.GetKind() == doc["kind"] && r.GetApiVersion() == doc["apiVersion"] {
			continue
		}
		c, err := decode(r)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// checkTargets refuses paths that lead into a text. Kustomize would read the text as
// YAML and write it anew, in a way that depends on the value.
func checkTargets(objects resmap.ResMap, stamp replacement.Filter) error {
	for _, r := range stamp.Replacements {
		for _, target := range r.Targets {
			selected, err := objects.Select(*target.Select)
			if err != nil {
				return err
			}
			for _, object := range selected {
				for _, field := range target.FieldPaths {
					parts := utils.SmarterPathSplitter(field, ".")
					for i := 1; i < len(parts); i++ {
						node, err := object.Pipe(kyaml.Lookup(parts[:i]...))
						if err == nil && node != nil && node.YNode().Kind == kyaml.ScalarNode {
							return fmt.Errorf("%s of %s %s leads into a text: want a whole field, or a delimiter", field, object.GetKind(), object.GetName())
						}
					}
				}
			}
		}
	}
	return nil
}
