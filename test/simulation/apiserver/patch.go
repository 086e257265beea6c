package apiserver

import (
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
)

func needsManager() error {
	return apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("PatchOptions").GroupKind(), "", field.ErrorList{
		field.Required(field.NewPath("fieldManager"), "is required for apply patch"),
	})
}

// patched is an object with a patch in it.
func patched(k *kind, how types.PatchType, o Object, content []byte) (Object, error) {
	patch := Object{}
	if err := kjson.Unmarshal(content, &patch); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	switch {
	case how == types.MergePatchType:
		next, _ := mergePatch(o, patch).(Object)
		return next, nil
	case how == types.StrategicMergePatchType && !k.custom:
		like, err := scheme.Scheme.New(k.gvk)
		if err != nil {
			return nil, apierrors.NewInternalError(err)
		}
		next, err := strategicpatch.StrategicMergeMapPatch(maps.Clone(o), patch, like)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return next, nil
	}
	return nil, &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: 415, Reason: metav1.StatusReasonUnsupportedMediaType,
		Message: "the body of the request was in an unknown format - accepted media types include: " +
			"application/merge-patch+json, application/apply-patch+yaml",
	}}
}

// mergePatch is a merge patch as RFC 7386 has it.
func mergePatch(target, patch any) any {
	p, ok := patch.(Object)
	if !ok {
		return patch
	}
	t, _ := target.(Object)
	next := maps.Clone(t)
	if next == nil {
		next = Object{}
	}
	for name, value := range p {
		if value == nil {
			delete(next, name)
		} else {
			next[name] = mergePatch(next[name], value)
		}
	}
	return next
}
