package render

import (
	"fmt"
)

// template is what a stamp makes of a shape when every value of the document is a
// mark, cut at the marks. Filling values in gives what the stamp itself would have
// made, without Kustomize: a test holds both together.
type template struct {
	places  places
	objects []blank
	// delimiters are what the values at some places may not hold.
	delimiters map[int][]string
	// size is what all objects took when they were last filled, and some more.
	size int
}

// blank is an object whose holes are to be filled.
type blank struct {
	// id has marks in its namespace and name.
	id ObjectID
	// prefix is what the object's own name begins with: Deployment.apps
	prefix          string
	namespace, name pieces
	// spec is a Job's, over which its name is hashed; nil for other kinds.
	spec pieces
	// bare is the object as it was stamped, without what makes it ours.
	bare, bareName pieces
	// fixed are the fields that say whether a control plane runs at all, and on what data.
	fixed []fixed
	// The object is head and tail in canonical JSON; ownership's annotations, which
	// are no part of the digest, go between.
	head, marks, tail pieces
}

// newTemplate closes contents: Jobs get a hole for the hash in their names, all get
// their owner's labels, and holes are cut. It changes contents.
func newTemplate(how *Provider, ps places, contents []content) (*template, error) {
	t := &template{places: ps, objects: make([]blank, len(contents))}
	for i, c := range contents {
		b := &t.objects[i]
		if err := b.init(how, ps, c); err != nil {
			return nil, fmt.Errorf("%s: %w", ps.show(idOf(c).String()), err)
		}
		for _, text := range []pieces{b.head, b.marks, b.tail} {
			for _, p := range text {
				t.size += len(p.literal) + 16
			}
		}
	}
	return t, nil
}

func (b *blank) init(how *Provider, ps places, c content) error {
	meta, _ := c["metadata"].(content)
	if meta["annotations"] == nil {
		delete(meta, "annotations")
	}
	b.fixed = ps.holds(nil, "", c)
	bare, err := canonical(c)
	if err != nil {
		return err
	}
	if b.bare, err = ps.cutJSON(string(bare)); err != nil {
		return err
	}
	if b.bareName, err = ps.cutPlain(idOf(c).Name); err != nil {
		return err
	}
	if isJob(idOf(c)) {
		// Jobs are immutable: a changed one is another one, and the old one is pruned.
		meta["name"] = fmt.Sprintf("%v-%s", meta["name"], mark(holeJob))
		spec, err := canonical(c["spec"])
		if err != nil {
			return err
		}
		if b.spec, err = ps.cutJSON(string(spec)); err != nil {
			return err
		}
	}
	labels := child(meta, "labels")
	labels[LabelUID], labels[LabelManagedBy] = mark(placeUID), FieldManager
	if how.part == partDataStore {
		labels[LabelDataStore] = mark(placeName)
	} else {
		labels[LabelTenant] = mark(placeName)
	}
	plain, err := canonical(c)
	if err != nil {
		return err
	}
	annotations := child(meta, "annotations")
	annotations[AnnotationObject], annotations[AnnotationDigest] = mark(holeObject), mark(holeDigest)
	whole, err := canonical(c)
	if err != nil {
		return err
	}
	// The annotations stand together in sorted JSON, since no other key of ours is
	// allowed: what whole has more than plain is one stretch.
	at := 0
	for at < len(plain) && plain[at] == whole[at] {
		at++
	}
	end := len(whole) - (len(plain) - at)
	b.id = idOf(c)
	b.prefix = b.id.Kind
	if b.id.Group != "" {
		b.prefix += "." + b.id.Group
	}
	for text, from := range map[*pieces]string{&b.head: string(whole[:at]), &b.marks: string(whole[at:end]), &b.tail: string(whole[end:])} {
		if *text, err = ps.cutJSON(from); err != nil {
			return err
		}
	}
	if b.namespace, err = ps.cutPlain(b.id.Namespace); err != nil {
		return err
	}
	b.name, err = ps.cutPlain(b.id.Name)
	return err
}

func isJob(id ObjectID) bool { return id.Kind == "Job" && id.Group == "batch" }
