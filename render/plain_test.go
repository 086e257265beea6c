package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// plainFinish is what a unit's objects are by definition, written without regard to
// speed: the digest is over the object's canonical JSON with its owner's labels, and
// without the annotations that ownership adds.
func plainFinish(owner Owner, how *Provider, doc document, contents []content) (*Unit, error) {
	unit := &Unit{Owner: owner, Provider: how}
	for _, c := range contents {
		meta := c["metadata"].(content)
		if isJob(idOf(c)) {
			data, err := canonical(c["spec"])
			if err != nil {
				return nil, err
			}
			meta["name"] = fmt.Sprintf("%v-%s", meta["name"], digest(data)[:10])
		}
		labels := child(meta, "labels")
		labels[LabelUID], labels[LabelManagedBy] = owner.UID, FieldManager
		labels[map[OwnerKind]string{OwnerTenant: LabelTenant, OwnerDataStore: LabelDataStore}[owner.Kind]] = owner.Name
		data, err := canonical(c)
		if err != nil {
			return nil, err
		}
		o := Object{ID: idOf(c), Digest: digest(data)}
		annotations := child(meta, "annotations")
		annotations[AnnotationObject], annotations[AnnotationDigest] = o.ID.String(), o.Digest
		if o.JSON, err = canonical(c); err != nil {
			return nil, err
		}
		unit.Objects = append(unit.Objects, o)
	}
	slices.SortFunc(unit.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(rankOf(a.ID), rankOf(b.ID)), strings.Compare(a.ID.String(), b.ID.String()))
	})
	if err := unit.derive(how, doc, doc.namespace()); err != nil {
		return nil, err
	}
	var err error
	unit.Digest, err = unit.digest()
	return unit, err
}
