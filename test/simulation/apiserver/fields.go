package apiserver

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// converter types objects as the field manager has them here.
type converter struct{ types managedfields.TypeConverter }

func (c converter) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	if own, ok := o.(*object); ok {
		o = &own.Unstructured
	}
	return c.types.ObjectToTyped(o, opts...)
}

func (c converter) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	content, ok := v.AsValue().Unstructured().(Object)
	if !ok {
		return nil, fmt.Errorf("read an object: it is no mapping")
	}
	return newObject(content, nil), nil
}

// oneVersion converts between a kind's versions: there is one.
type oneVersion struct{ blank Object }

func (oneVersion) Convert(any, any, any) error {
	return fmt.Errorf("convert an object: it has one version")
}

func (oneVersion) ConvertToVersion(o runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return o, nil
}

func (oneVersion) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// Default does nothing: what the server adds, rules do.
func (oneVersion) Default(runtime.Object) {}

// New makes a blank object.
func (v oneVersion) New(schema.GroupVersionKind) (runtime.Object, error) {
	return newObject(maps.Clone(v.blank), nil), nil
}

func bare(gvk schema.GroupVersionKind) Object {
	return Object{"apiVersion": gvk.GroupVersion().String(), "kind": gvk.Kind}
}

// blank is an object of a kind as the server has it before anything is in it. Of its own
// kinds it has what Go structs cannot leave out.
func blank(gvk schema.GroupVersionKind, custom bool) Object {
	if custom {
		return bare(gvk)
	}
	typed, err := scheme.Scheme.New(gvk)
	if err != nil {
		return bare(gvk)
	}
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return bare(gvk)
	}
	delete(o, "metadata")
	o["apiVersion"], o["kind"] = gvk.GroupVersion().String(), gvk.Kind
	return o
}

// filled is an object with what a blank one has where it has nothing.
func filled(o, blank Object) Object {
	for name, value := range blank {
		there, ok := o[name]
		inner, isObject := value.(Object)
		if outer, both := there.(Object); isObject && both {
			if next := filled(outer, inner); !same(next, outer) {
				o = set(o, next, name)
			}
		} else if !ok {
			o = set(o, value, name)
		}
	}
	return o
}

// fieldManager keeps a kind's managedFields with what real API servers keep them with.
func fieldManager(k *kind, subresource string) *managedfields.FieldManager {
	reset := map[fieldpath.APIVersion]fieldpath.Filter{}
	if unset := k.rules.reset(k, subresource); unset != nil {
		reset[fieldpath.APIVersion(k.apiVersion())] = fieldpath.NewExcludeSetFilter(unset)
	}
	v := oneVersion{k.blank}
	m, err := managedfields.NewDefaultFieldManager(
		k.typing, v, v, v, k.gvk, k.gvk.GroupVersion(), subresource, reset)
	if err != nil {
		panic(fmt.Sprintf("keep the fields of %s: %v", k.gvk, err)) // only without a type converter
	}
	return m
}

// first is what the field manager makes of an apply where nothing is: all that is applied
// belongs to the applier. It comes to the same at a fraction of the cost, since there is
// nothing to compare with.
func (k *kind) first(o Object, manager string) (*object, error) {
	typed, err := k.typing.ObjectToTyped(newObject(o, nil))
	if err != nil {
		meta := metaOf(o)
		return nil, fmt.Errorf("failed to create typed patch object (%s/%s; %s): %w", textOf(meta, "namespace"), textOf(meta, "name"), k.gvk, err)
	}
	set, err := typed.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("tell the fields of %s: %w", k.gvk, err)
	}
	if unset := k.rules.reset(k, ""); unset != nil {
		set = fieldpath.NewExcludeSetFilter(unset).Filter(set)
	}
	next := newObject(filled(o, k.blank), nil)
	if set = set.Difference(unowned()); set.Empty() {
		return next, nil
	}
	content, err := set.ToJSON()
	if err != nil {
		return nil, fmt.Errorf("write the fields of %s: %w", k.gvk, err)
	}
	next.managed = []metav1.ManagedFieldsEntry{{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: k.apiVersion(), FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(string(content)),
	}}
	return next, nil
}

// unowned are the fields that nobody owns.
func unowned() *fieldpath.Set {
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"), fieldpath.MakePathOrDie("metadata"))
	for _, name := range []string{
		"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion",
	} {
		set.Insert(fieldpath.MakePathOrDie("metadata", name))
	}
	return set
}

// timed sets the times of the entries that an operation has written: the field manager
// takes this machine's clock, which is not the cluster's.
func (s *Server) timed(before, after []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	now := metav1.NewTime(s.now().Truncate(1e9))
	for i := range after {
		e := &after[i]
		same := slices.IndexFunc(before, func(b metav1.ManagedFieldsEntry) bool { return sameManager(b, *e) })
		if same < 0 || e.Time == nil || before[same].Time == nil || !e.Time.Equal(before[same].Time) {
			e.Time = &now
		}
	}
	slices.SortStableFunc(after, func(a, b metav1.ManagedFieldsEntry) int {
		return cmp.Or(
			cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Time.Unix(), b.Time.Unix()), cmp.Compare(a.Manager, b.Manager),
			cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Subresource, b.Subresource))
	})
	return after
}

func sameManager(a, b metav1.ManagedFieldsEntry) bool {
	return a.Manager == b.Manager && a.Operation == b.Operation && a.APIVersion == b.APIVersion && a.Subresource == b.Subresource
}

// sameFields tells whether two lists of entries differ in nothing but times.
func sameFields(a, b []metav1.ManagedFieldsEntry) bool {
	if len(a) != len(b) {
		return false
	}
	for _, e := range a {
		i := slices.IndexFunc(b, func(other metav1.ManagedFieldsEntry) bool { return sameManager(e, other) })
		if i < 0 || (e.FieldsV1 == nil) != (b[i].FieldsV1 == nil) {
			return false
		}
		if e.FieldsV1 != nil && !bytes.Equal(e.FieldsV1.GetRawBytes(), b[i].FieldsV1.GetRawBytes()) {
			return false
		}
	}
	return true
}
