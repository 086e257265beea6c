package shard

import (
	"math"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const (
	// namespace is where Tenantry keeps what is its own on a shard.
	namespace = "tenantry-system"
	// labelAnchor marks an anchor and carries its owner's uid.
	labelAnchor = "tenantry.io/anchor-of"
)

// observe cuts an object down to what the core is told. It takes the object over:
// the caller does not use it any more. Kind names what was asked for, since
// metadata alone does not say it.
func observe(kind render.ObjectID, o metav1.Object, judged bool) *core.Object {
	id := kind
	id.Namespace, id.Name = o.GetNamespace(), o.GetName()
	annotations := o.GetAnnotations()
	epoch, err := strconv.ParseInt(annotations[render.AnnotationEpoch], 10, 64)
	if err != nil {
		epoch = 0
	}
	var parents []string
	for _, reference := range o.GetOwnerReferences() {
		parents = append(parents, string(reference.UID))
	}
	entry := entryOf(o.GetManagedFields())
	seen := &core.Object{
		ID: id, UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(),
		OwnerUID: o.GetLabels()[render.LabelUID],
		Self:     annotations[render.AnnotationObject],
		Digest:   annotations[render.AnnotationDigest],
		Epoch:    epoch,
		Ours:     entry != nil,
		Deleting: o.GetDeletionTimestamp() != nil,
		Parents:  parents,
	}
	if entry != nil && !marks(entry, annotations[render.AnnotationFields]) {
		// A label that somebody else has set says nothing of whose it is.
		seen.Ours = setOf(entry).Has(fieldpath.MakePathOrDie("metadata", "labels", render.LabelUID))
		seen.Drifted = seen.Ours
	}
	u, whole := o.(*unstructured.Unstructured)
	switch {
	case !whole:
	case isSecret(id):
		data := secretData(u.Object)
		seen.Data, seen.Certificate = hash(data), certificate(data)
	case judged:
		unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
		seen.Content = u.Object
	}
	return seen
}

// anchorOf reads an anchor; ok is false when the object is none. An epoch that
// cannot be read is the highest there is: until a person has mended it, nothing
// may be written in its owner's name.
func anchorOf(u *unstructured.Unstructured) (a core.Anchor, ok bool) {
	uid := u.GetLabels()[labelAnchor]
	if uid == "" || u.GetName() != anchorName(uid) {
		return core.Anchor{}, false
	}
	text, _, _ := unstructured.NestedString(u.Object, "data", "epoch")
	epoch, err := strconv.ParseInt(text, 10, 64)
	if err != nil || epoch < 0 {
		epoch = math.MaxInt64
	}
	return core.Anchor{OwnerUID: uid, Epoch: epoch, ResourceVersion: u.GetResourceVersion()}, true
}

func anchorName(uid string) string { return "anchor-" + uid }
