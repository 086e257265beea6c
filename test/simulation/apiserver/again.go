package apiserver

import (
	"bytes"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Most applies send what was applied before with a value or two changed. What the field
// manager makes of such a one can be told without it, at a tenth of the cost: nobody's
// fields become more or fewer, and the values are what was sent. That holds while the
// applier is the only one who owns anything beside the status, and still owns all that it
// applied last: then what it owns is what it sent.

// sentBefore is what an object's applier sent last.
type sentBefore struct {
	by    string
	patch Object
}

// remembered is an apply as it is compared with the next.
func remembered(manager string, patch Object) *sentBefore {
	meta := maps.Clone(metaOf(patch))
	delete(meta, "uid")
	return &sentBefore{manager, set(patch, meta, "metadata")}
}

// again is what an apply makes of an object of which only values change; nil when more
// than that may change.
func (s *Server) again(w write, was *stored, patch Object) *object {
	if s.slow || was == nil || was.sent == nil || was.sent.by != w.manager || w.subresource != "" || !alone(was) {
		return nil
	}
	meta := metaOf(patch)
	if uid, there := meta["uid"]; there && uid != metaOf(was.content)["uid"] || meta["resourceVersion"] != nil {
		return nil
	}
	content, ok := changed(was.content, was.sent.patch, remembered(w.manager, patch).patch)
	if !ok {
		return nil
	}
	next := newObject(content, was.managed)
	if same(content, was.content) {
		return next
	}
	next.managed = slices.Clone(was.managed)
	now := metav1.NewTime(s.now().Truncate(1e9))
	for i, e := range next.managed {
		if e.Subresource == "" {
			next.managed[i].Time = &now
		}
	}
	return next
}

// rewritten is what an update makes of an object of which only values change while its
// author alone has ever written it: all of it is the author's, and stays so. Renewals of
// Leases are of that kind. It is nil when more than that may change.
func (s *Server) rewritten(w write, was *stored, o Object, entries []metav1.ManagedFieldsEntry) *object {
	if s.slow || was.author == "" || was.author != w.manager || w.subresource != "" || w.kind.Status || len(was.managed) != 1 {
		return nil
	}
	if entries != nil && !sameFields(entries, was.managed) {
		return nil
	}
	content, ok := changed(was.content, was.content, o)
	if !ok || textOf(metaOf(o), "creationTimestamp") != textOf(metaOf(was.content), "creationTimestamp") {
		return nil
	}
	next := newObject(o, was.managed)
	if !same(content, was.content) {
		entry := was.managed[0]
		now := metav1.NewTime(s.now().Truncate(1e9))
		entry.Time = &now
		next.managed = []metav1.ManagedFieldsEntry{entry}
	}
	return next
}

// alone tells whether the applier is the only one who owns anything beside the status.
func alone(st *stored) bool {
	for _, e := range st.managed {
		if e.Subresource == "" && (e.Manager != st.sent.by || e.Operation != metav1.ManagedFieldsOperationApply || e.APIVersion != st.kind.apiVersion()) {
			return false
		}
	}
	return len(st.managed) > 0
}

// changed gives an object with the values that differ between two applies of it; ok is
// false when more than values differs: keys, types, or anything in a list.
func changed(live, before, after Object) (next Object, ok bool) {
	if len(before) != len(after) {
		return nil, false
	}
	next = live
	for name, value := range after {
		old, there := before[name]
		if !there || value == nil {
			return nil, false
		}
		switch value := value.(type) {
		case Object:
			was, ok := old.(Object)
			if !ok {
				return nil, false
			}
			if len(was) == 0 && len(value) == 0 {
				continue
			}
			inner, ok := live[name].(Object)
			if !ok {
				return nil, false
			}
			into, ok := changed(inner, was, value)
			if !ok {
				return nil, false
			}
			if !same(into, inner) {
				next = set(next, into, name)
			}
		case []any:
			if !equal(old, value) {
				return nil, false
			}
		case string:
			if _, ok := old.(string); !ok {
				return nil, false
			}
			if old != value {
				next = set(next, value, name)
			}
		default:
			if old != value {
				return nil, false // rare enough
			}
		}
	}
	return next, true
}

// keepsSent tells whether what was sent last still is what its applier owns.
func keepsSent(was *stored, managed []metav1.ManagedFieldsEntry) bool {
	if was == nil || was.sent == nil {
		return false
	}
	fields := func(entries []metav1.ManagedFieldsEntry) []byte {
		for _, e := range entries {
			if e.Manager == was.sent.by && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" && e.FieldsV1 != nil {
				return e.FieldsV1.GetRawBytes()
			}
		}
		return nil
	}
	before := fields(was.managed)
	return before != nil && bytes.Equal(before, fields(managed))
}
