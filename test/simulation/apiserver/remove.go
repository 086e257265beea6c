package apiserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// remove deletes an object: at once, or it is marked and waits for its finalizers.
// It gives the object as it is then, and whether it is gone.
func (s *Server) remove(w write, options metav1.DeleteOptions) (st *stored, gone bool, err error) {
	was := w.kind.get(w.namespace, w.name)
	if was == nil {
		return nil, false, w.notFound()
	}
	namespace := w.kind.Kind.Kind == "Namespace" && !w.kind.custom
	if namespace && slices.Contains([]string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic}, w.name) {
		return nil, false, apierrors.NewForbidden(w.kind.group, w.name, errors.New("this namespace may not be deleted"))
	}
	meta := metaOf(was.content)
	if p := options.Preconditions; p != nil {
		record := schema.GroupResource{Group: w.kind.Group, Resource: w.kind.Kind.Kind}
		switch {
		case p.UID != nil && string(*p.UID) != textOf(meta, "uid"):
			return nil, false, apierrors.NewConflict(record, w.name, fmt.Errorf(
				"the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *p.UID, meta["uid"]))
		case p.ResourceVersion != nil && *p.ResourceVersion != versionText(was.version):
			return nil, false, apierrors.NewConflict(record, w.name, fmt.Errorf(
				"the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified",
				*p.ResourceVersion, versionText(was.version)))
		}
	}
	if err := s.admitted(w, nil, was); err != nil {
		return nil, false, err
	}
	waits := namespace || len(finalizersOf(was.content)) > 0
	switch {
	case meta["deletionTimestamp"] != nil && namespace:
		return nil, false, w.conflict("The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will automatically be purged by the system.")
	case meta["deletionTimestamp"] != nil:
		return was, false, nil
	case !waits && w.dry:
		return was, true, nil
	case !waits:
		s.erase(w.kind, was, w.verb, w.manager)
		return was, true, nil
	}
	marked := maps.Clone(meta)
	marked["deletionTimestamp"] = stamp(metav1.NewTime(s.now()))
	if generation, ok := meta["generation"].(int64); ok {
		marked["generation"] = generation + 1
	}
	content := set(was.content, marked, "metadata")
	if namespace {
		content = set(content, "Terminating", "status", "phase")
	} else {
		marked["deletionGracePeriodSeconds"] = int64(0)
	}
	return s.store(w, was, content, was.managed), false, nil
}

// open tells whether something may be made in a namespace.
func (s *Server) open(w write) error {
	ns := s.kindNamed("", "v1", "Namespace").get("", w.namespace)
	if ns == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, w.namespace)
	}
	if metaOf(ns.content)["deletionTimestamp"] == nil {
		return nil
	}
	err := apierrors.NewForbidden(w.kind.group, w.name, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", w.namespace))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", w.namespace), Field: "metadata.namespace",
	}}
	return err
}

// Finalize does what ends a namespace that was deleted: it deletes what is in it, and
// the namespace once nothing is left there that waits for finalizers, nor finalizers of
// its own. It tells whether the namespace is gone.
func (s *Server) Finalize(namespace string) bool {
	spaces := s.kindNamed("", "v1", "Namespace")
	ns := spaces.get("", namespace)
	if ns == nil {
		return true
	}
	if metaOf(ns.content)["deletionTimestamp"] == nil {
		return false
	}
	const manager = "kube-controller-manager"
	left := false
	for _, k := range s.kinds {
		if !k.Namespaced {
			continue
		}
		for _, p := range slices.Clone(k.order) {
			st := k.objects[p]
			if st == nil || st.key.Namespace != namespace {
				continue
			}
			w := write{kind: k, namespace: namespace, name: st.key.Name, verb: "delete", manager: manager}
			if _, gone, err := s.remove(w, metav1.DeleteOptions{}); err != nil || !gone {
				left = true
			}
		}
	}
	if ns = spaces.get("", namespace); left || len(finalizersOf(ns.content)) > 0 {
		return false
	}
	s.erase(spaces, ns, "delete", manager)
	return true
}

func asStatus(err error, status *apierrors.APIStatus) bool { return errors.As(err, status) }
