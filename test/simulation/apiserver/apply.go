package apiserver

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// apply makes an object what a server-side apply makes of it.
func (s *Server) apply(w write, o Object, force bool) (st *stored, created bool, err error) {
	was := w.kind.get(w.namespace, w.name)
	if was == nil && w.subresource != "" {
		return nil, false, w.notFound()
	}
	next := s.again(w, was, o)
	read := next != nil && sameBut(next.Object, was.content, "metadata") // nothing in it needs to be read anew
	if next == nil {
		if next, err = w.applied(was, o, force); err != nil {
			return nil, false, err
		}
	}
	if uid := textOf(metaOf(next.Object), "uid"); was == nil && uid != "" {
		return nil, false, w.conflict("uid mismatch: the provided object specified uid %s, and no existing object was found", uid)
	}
	if next.Object, err = w.read(next.Object); err != nil {
		return nil, false, err
	}
	if was != nil && w.kind.custom {
		var wrong field.ErrorList
		if next.Object, wrong = s.mend(was.content, next.Object); len(wrong) > 0 {
			return nil, false, apierrors.NewInvalid(w.kind.gvk.GroupKind(), w.name, wrong)
		}
	}
	if was == nil || !read && !same(next.Object, was.content) {
		if next.Object, err = w.sound(next.Object); err != nil {
			return nil, false, err
		}
	}
	if was == nil {
		st, err = s.insert(w, next)
	} else {
		st, err = s.change(w, was, next)
	}
	if err == nil && !w.dry && w.subresource == "" {
		if st.sent = remembered(w.manager, o); next.touched {
			st.sent = nil
		}
	}
	return st, err == nil && was == nil, err
}

// applied is what an apply makes of an object.
func (w write) applied(was *stored, o Object, force bool) (*object, error) {
	if _, there := metaOf(o)["managedFields"]; there {
		return nil, apierrors.NewBadRequest("metadata.managedFields must be nil")
	}
	if was == nil && o["kind"] == w.kind.Kind.Kind && o["apiVersion"] == w.kind.apiVersion() {
		return w.kind.first(o, w.manager)
	}
	live := newObject(w.kind.blank, nil)
	if was != nil {
		live = was.object()
	}
	merged, err := w.fields().Apply(live, newObject(o, nil), w.manager, force)
	if err != nil {
		return nil, err
	}
	next, ok := merged.(*object)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("apply %s: no object", w.name))
	}
	return next, nil
}
