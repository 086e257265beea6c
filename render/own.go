package render

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// owned lays a tenant's own Component over what was stamped. Kustomize builds nothing
// but the Component, on objects that have their values already: a build of everything
// would give the same and cost more, as a test shows.
func (s *shape) owned(how *Provider, in TenantInput, doc document, t *template) (*template, error) {
	dir := in.dir()
	kept, err := checkTenant(in.Files, dir)
	if err != nil || len(kept) == 0 {
		return t, err
	}
	f, err := newFilling(t.places, doc)
	if err != nil {
		return nil, err
	}
	if err := t.checkDelimiters(f); err != nil {
		return nil, err
	}
	before, held, stamped, err := t.stamped(f)
	if err != nil {
		return nil, err
	}
	overlay := kustomization{Resources: []string{"objects.yaml"}, Components: []string{"../" + dir}}
	files := tree{"stamped/objects.yaml": stamped}
	if files["stamped/kustomization.yaml"], err = overlay.encode(); err != nil {
		return nil, err
	}
	for name, data := range kept {
		files[dir+"/"+name] = data
	}
	built, err := build(files, "stamped")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	after, err := decodeAll(built.Resources())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := compare(newBounds(in, doc.namespace()), before, held, after); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := checkContents(how, t.places, after); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return newTemplate(how, ownPlaces(), after)
}

// stamped gives all objects by id in canonical JSON, what of each is fixed, and all as
// one text for Kustomize.
func (t *template) stamped(f *filling) (byID map[ObjectID][]byte, held map[ObjectID][]fixed, text []byte, err error) {
	byID, held = map[ObjectID][]byte{}, map[ObjectID][]fixed{}
	for i := range t.objects {
		b := &t.objects[i]
		from := len(text)
		if text, err = f.fill(text, b.bare); err != nil {
			return nil, nil, nil, err
		}
		id := b.id
		if id.Namespace, err = f.text(b.namespace); err != nil {
			return nil, nil, nil, err
		}
		if id.Name, err = f.text(b.bareName); err != nil {
			return nil, nil, nil, err
		}
		byID[id], held[id] = bytes.Clone(text[from:]), b.fixed
		text = append(text, "\n---\n"...)
	}
	return byID, held, text, nil
}

// compare holds the objects after a build against those before it. Only what is not
// the same bytes is looked into. No bound reaches what is fixed: a tenant that was
// removed has to stop, and nobody gets at another one's data, whatever it patches.
func compare(b bounds, before map[ObjectID][]byte, held map[ObjectID][]fixed, after []content) error {
	was := make(map[ObjectID]content, len(before))
	for id := range before {
		was[id] = nil
	}
	for _, c := range after {
		id := idOf(c)
		data, err := canonical(c)
		if err != nil {
			return err
		}
		if err := checkMarks(string(data)); err != nil { // a generator reads any file
			return fmt.Errorf("%s: %w", id, err)
		}
		old, ok := before[id]
		if !ok || bytes.Equal(data, old) {
			continue
		}
		var node yaml.Node
		if err := yaml.Unmarshal(old, &node); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		v, err := decodeNode(&node)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		was[id], _ = v.(content)
		for _, f := range held[id] {
			if err := f.wrong(at(was[id], f.path), at(c, f.path), b.adopted); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	return b.check(was, after)
}
