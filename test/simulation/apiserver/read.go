package apiserver

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
)

// read checks what was sent against where it was sent to.
func (w write) read(o Object) (Object, error) {
	if kind, version := textOf(o, "kind"), textOf(o, "apiVersion"); kind == "" && version == "" && !w.kind.custom {
		o = set(set(o, w.kind.Kind.Kind, "kind"), w.kind.apiVersion(), "apiVersion")
	} else if kind != w.kind.Kind.Kind || version != w.kind.apiVersion() {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: no kind %q is registered for version %q",
			kind, version, w.kind.Kind.Kind, kind, version))
	}
	meta := metaOf(o)
	switch name := textOf(meta, "name"); {
	case w.name == "":
		return nil, apierrors.NewInvalid(w.kind.gvk.GroupKind(), "", field.ErrorList{
			field.Required(field.NewPath("metadata", "name"), "name or generateName is required"),
		})
	case name == "":
		return nil, apierrors.NewBadRequest("name must be provided")
	case name != w.name:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", name, w.name))
	}
	switch namespace := textOf(meta, "namespace"); {
	case namespace == "" && w.namespace != "":
		o = set(o, w.namespace, "metadata", "namespace")
	case namespace != w.namespace:
		return nil, apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	return o, nil
}

// sound is an object that was sent as the server has it once it has read it: what its
// own kinds do not know or leave out is gone, and what all of them have is there.
func (w write) sound(o Object) (Object, error) {
	k := w.kind
	if k.custom {
		return o, nil
	}
	typed, err := scheme.Scheme.New(k.gvk)
	if err != nil {
		return nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, typed); err != nil {
		return nil, w.unreadable(err)
	}
	if o, err = runtime.DefaultUnstructuredConverter.ToUnstructured(typed); err != nil {
		return nil, err
	}
	o = filled(o, k.rules.defaults)
	if k.rules.more != nil {
		o = k.rules.more(o)
	}
	return o, nil
}

// unreadable says that what was sent is no object of its kind.
func (w write) unreadable(err error) error {
	switch w.verb {
	case "apply":
		return fmt.Errorf("unable to convert unstructured object to %s: %w", w.kind.gvk, err)
	case "patch":
		return apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), "", err.Error())})
	}
	return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v",
		w.kind.Kind.Kind, w.kind.apiVersion(), w.kind.Kind.Kind, err))
}

// entriesOf takes an object's managedFields out of its content.
func entriesOf(o Object) []metav1.ManagedFieldsEntry {
	meta := metaOf(o)
	sent, there := meta["managedFields"]
	if !there {
		return nil
	}
	delete(meta, "managedFields")
	list, _ := sent.([]any)
	entries := make([]metav1.ManagedFieldsEntry, 0, len(list))
	for _, item := range list {
		var e metav1.ManagedFieldsEntry
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.(Object), &e); err == nil {
			entries = append(entries, e)
		}
	}
	return entries
}
