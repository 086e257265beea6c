package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// object is an object as the field manager has it: its managedFields stand beside its
// content, where reading and writing them costs nothing. Neither its content nor any
// part of that is ever changed in place, so that versions share what is the same.
type object struct {
	unstructured.Unstructured
	managed []metav1.ManagedFieldsEntry
	// touched says that admission has changed it.
	touched bool
}

func newObject(content Object, managed []metav1.ManagedFieldsEntry) *object {
	return &object{Unstructured: unstructured.Unstructured{Object: content}, managed: managed}
}

// GetManagedFields gives what is beside the content.
func (o *object) GetManagedFields() []metav1.ManagedFieldsEntry { return o.managed }

// SetManagedFields puts them beside the content.
func (o *object) SetManagedFields(entries []metav1.ManagedFieldsEntry) { o.managed = entries }

// DeepCopyObject shares the content, which nobody changes.
func (o *object) DeepCopyObject() runtime.Object { return newObject(o.Object, o.managed) }

// stored is one version of an object. It never changes.
type stored struct {
	kind    *kind
	key     Key
	version int64
	content Object // without managedFields
	managed []metav1.ManagedFieldsEntry
	labels  labels.Set
	sent    *sentBefore // nil when it is not known, or says nothing
	// author alone has written it, by creating and updating it, and owns all of it.
	author string

	// Made when they are asked for.
	whole Object
	text  []byte
	brief []byte
}

func (st *stored) object() *object { return newObject(st.content, st.managed) }

// entire is the object with its managedFields in it.
func (st *stored) entire() Object {
	if st == nil {
		return nil
	}
	if st.whole == nil {
		entries := make([]any, 0, len(st.managed))
		for _, e := range st.managed {
			entries = append(entries, entryObject(e))
		}
		st.whole = st.with(entries, len(entries) > 0)
	}
	return st.whole
}

func (st *stored) with(managed any, some bool) Object {
	whole, meta := maps.Clone(st.content), maps.Clone(metaOf(st.content))
	if some {
		meta["managedFields"] = managed
	}
	whole["metadata"] = meta
	return whole
}

func entryObject(e metav1.ManagedFieldsEntry) Object {
	o := Object{"manager": e.Manager, "operation": string(e.Operation), "apiVersion": e.APIVersion, "fieldsType": e.FieldsType}
	if e.Time != nil {
		o["time"] = stamp(*e.Time)
	}
	if e.Subresource != "" {
		o["subresource"] = e.Subresource
	}
	if e.FieldsV1 != nil {
		fields := Object{}
		if err := kjson.Unmarshal(e.FieldsV1.GetRawBytes(), &fields); err == nil {
			o["fieldsV1"] = fields
		}
	}
	return o
}

// json is the object as it is sent.
func (st *stored) json() []byte {
	if st.text == nil {
		st.text = encode(st.with(st.managed, len(st.managed) > 0))
	}
	return st.text
}

// metadata is the object without its content, as it is sent.
func (st *stored) metadata() []byte {
	if st.brief == nil {
		meta := maps.Clone(metaOf(st.content))
		if len(st.managed) > 0 {
			meta["managedFields"] = st.managed
		}
		st.brief = encode(Object{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
	}
	return st.brief
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("write an object as JSON: %v", err)) // it was read from JSON
	}
	return text
}

func metaOf(o Object) Object {
	meta, _ := o["metadata"].(Object)
	return meta
}

func textOf(o Object, name string) string {
	text, _ := o[name].(string)
	return text
}

func stringsOf(o Object, name string) map[string]string {
	values, _ := o[name].(Object)
	if len(values) == 0 {
		return nil
	}
	all := make(map[string]string, len(values))
	for k, v := range values {
		all[k], _ = v.(string)
	}
	return all
}

func finalizersOf(o Object) []any {
	all, _ := metaOf(o)["finalizers"].([]any)
	return all
}

func stamp(t metav1.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func versionText(v int64) string { return strconv.FormatInt(v, 10) }

// set gives an object with one field of it changed, or taken away (nil); the object
// itself stays.
func set(o Object, value any, path ...string) Object {
	next := maps.Clone(o)
	if next == nil {
		next = Object{}
	}
	switch {
	case len(path) > 1:
		inner, _ := o[path[0]].(Object)
		next[path[0]] = set(inner, value, path[1:]...)
	case value == nil:
		delete(next, path[0])
	default:
		next[path[0]] = value
	}
	return next
}

// at gives the value at a path, nil when there is none.
func at(o Object, path ...string) any {
	var value any = o
	for _, name := range path {
		inner, ok := value.(Object)
		if !ok {
			return nil
		}
		value = inner[name]
	}
	return value
}

// equal tells whether two values of JSON are the same.
func equal(a, b any) bool {
	switch a := a.(type) {
	case Object:
		b, ok := b.(Object)
		if !ok || len(a) != len(b) {
			return false
		}
		if same(a, b) {
			return true
		}
		for k, v := range a {
			other, there := b[k]
			if !there || !equal(v, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	return a == b
}

// same tells whether two objects are one in memory.
func same(a, b Object) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// normal gives a value in the types that JSON is read into.
func normal(value any) any {
	switch v := value.(type) {
	case nil, string, bool, int64, float64:
		return v
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case Object:
		next := make(Object, len(v))
		for k, inner := range v {
			next[k] = normal(inner)
		}
		return next
	case []any:
		next := make([]any, len(v))
		for i, inner := range v {
			next[i] = normal(inner)
		}
		return next
	}
	var next any
	if err := kjson.Unmarshal(encode(value), &next); err != nil {
		panic(fmt.Sprintf("read a value from its own JSON: %v", err))
	}
	return next
}
