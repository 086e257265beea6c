package shard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/render"
)

// unowned are fields that an API server lets nobody own.
func unowned() *fieldpath.Set {
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"), fieldpath.MakePathOrDie("metadata"))
	for _, field := range []string{
		"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion",
	} {
		set.Insert(fieldpath.MakePathOrDie("metadata", field))
	}
	return set
}

// fieldsOf are the fields that applying an object makes ours.
func fieldsOf(t managedfields.TypeConverter, object *unstructured.Unstructured) (*fieldpath.Set, error) {
	typed, err := t.ObjectToTyped(object)
	if err != nil {
		return nil, fmt.Errorf("read the fields of %s: %w", object.GetKind(), err)
	}
	set, err := typed.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("read the fields of %s: %w", object.GetKind(), err)
	}
	return set.Difference(unowned()), nil
}

// mark is what the annotation tenantry.io/fields says of a set: 16 hex digits.
func mark(set *fieldpath.Set) string {
	content, err := set.ToJSON()
	if err != nil {
		return "" // a set that was read or computed can be written
	}
	return markOf(content)
}

func markOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// entryOf is our entry among an object's managedFields; nil when there is none.
// Its status, or another part of its own, does not count.
func entryOf(entries []metav1.ManagedFieldsEntry) *metav1.ManagedFieldsEntry {
	for i, e := range entries {
		if e.Manager == render.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return &entries[i]
		}
	}
	return nil
}

// marks tells whether an entry holds the very fields that a mark stands for. Servers
// of other versions may order them otherwise.
func marks(e *metav1.ManagedFieldsEntry, annotation string) bool {
	return annotation != "" && e.FieldsV1 != nil && (markOf(e.FieldsV1.GetRawBytes()) == annotation || mark(setOf(e)) == annotation)
}

// setOf are the fields of an entry; none when they cannot be read.
func setOf(e *metav1.ManagedFieldsEntry) *fieldpath.Set {
	set := &fieldpath.Set{}
	if e == nil || e.FieldsV1 == nil || set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())) != nil {
		return fieldpath.NewSet()
	}
	return set
}

// fields computes what our entry must hold after an apply; nil when the server's
// schema cannot tell, in which case its answer will.
func (t *term) fields(ctx context.Context, id render.ObjectID, object *unstructured.Unstructured) *fieldpath.Set {
	converter, err := t.client.types.of(ctx, id)
	if err != nil {
		t.shard.log.Debug("cannot tell an object's fields before it is written", "kind", id.KindName(), "error", err)
		return nil
	}
	set, err := fieldsOf(converter, object)
	if err != nil {
		return nil // the server will say what is wrong with the object
	}
	return set
}

// rival finds out who took which of our fields, before they are taken back. The
// names alone are told, never a value.
func (t *term) rival(id render.ObjectID, want *fieldpath.Set) (field, rival string) {
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id, accept: asMetadata})
	if err != nil {
		return "", ""
	}
	return taken(found.GetManagedFields(), want)
}

// taken names a field that our entry should hold and does not, and the manager
// that holds it now: of several the one that wrote last. Who removes a field holds
// nothing of it; then nobody is named. An unknown want takes whoever wrote since.
func taken(entries []metav1.ManagedFieldsEntry, want *fieldpath.Set) (field, rival string) {
	ours := entryOf(entries)
	if want == nil {
		want = fieldpath.NewSet()
		for _, e := range entries {
			if ours != nil && e.Subresource == "" && !written(e).Before(written(*ours)) {
				want = want.Union(setOf(&e))
			}
		}
	}
	lost := want.Difference(setOf(ours))
	others := slices.DeleteFunc(slices.Clone(entries), func(e metav1.ManagedFieldsEntry) bool {
		return e.Subresource != "" || ours != nil && e.Manager == ours.Manager && e.Operation == ours.Operation
	})
	slices.SortStableFunc(others, func(a, b metav1.ManagedFieldsEntry) int { return written(b).Compare(written(a)) })
	for _, e := range others {
		if field := first(lost.Intersection(setOf(&e))); field != "" {
			return field, fmt.Sprintf("%s (%s)", e.Manager, e.Operation)
		}
	}
	return first(lost), ""
}

func written(e metav1.ManagedFieldsEntry) time.Time {
	if e.Time == nil {
		return time.Time{}
	}
	return e.Time.Time
}

// first names a set's first field.
func first(set *fieldpath.Set) (name string) {
	set.Iterate(func(p fieldpath.Path) {
		if name == "" {
			name = nameOf(p)
		}
	})
	return name
}

// nameOf names a field for people. Of items that are told apart by their values the
// list is named.
func nameOf(p fieldpath.Path) (name string) {
	for _, element := range p {
		if element.Value != nil {
			break
		}
		name += element.String()
	}
	return strings.TrimPrefix(name, ".")
}
