package apiserver

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// write is a request that changes an object.
type write struct {
	kind                       *kind
	verb, subresource, manager string
	namespace, name            string
	dry                        bool
}

func (w write) fields() *managedfields.FieldManager {
	if w.subresource == "status" {
		return w.kind.status
	}
	return w.kind.fields
}

func (w write) key() Key { return keyOf(w.kind, w.namespace, w.name) }

func (w write) notFound() error { return apierrors.NewNotFound(w.kind.group, w.name) }

func (w write) conflict(format string, args ...any) error {
	return apierrors.NewConflict(w.kind.group, w.name, fmt.Errorf(format, args...))
}

const locked = "the object has been modified; please apply your changes to the latest version and try again"

// create makes an object that must not be there.
func (s *Server) create(w write, o Object) (*stored, error) {
	o, err := w.read(o)
	if err != nil {
		return nil, err
	}
	if metaOf(o)["resourceVersion"] != nil {
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "resourceVersion should not be set on objects to be created",
		}}
	}
	return s.begun(w, o)
}

// begun makes an object of what was sent.
func (s *Server) begun(w write, o Object) (*stored, error) {
	o = set(o, set(metaOf(o), nil, "resourceVersion"), "metadata")
	entries := entriesOf(o)
	o, err := w.sound(o)
	if err != nil {
		return nil, err
	}
	next, ok := w.kind.fields.UpdateNoErrors(newObject(w.kind.blank, nil), newObject(o, entries), w.manager).(*object)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("create %s: no object", w.name))
	}
	return s.insert(w, next)
}

// insert stores an object that was not there.
func (s *Server) insert(w write, next *object) (*stored, error) {
	if err := s.admitted(w, next, nil); err != nil {
		return nil, err
	}
	if w.kind.get(w.namespace, w.name) != nil {
		return nil, apierrors.NewAlreadyExists(w.kind.group, w.name)
	}
	meta := maps.Clone(metaOf(next.Object))
	for _, name := range []string{"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "selfLink"} {
		delete(meta, name)
	}
	if s.version > 0 || meta["uid"] == nil { // the first namespace has its uid from the options
		meta["uid"] = s.uid()
	}
	meta["creationTimestamp"] = stamp(metav1.NewTime(s.now()))
	content := s.begin(w.kind, set(next.Object, meta, "metadata"))
	if wrong := append(w.kind.misnamed(w.name), w.kind.wrong(content)...); len(wrong) > 0 {
		return nil, apierrors.NewInvalid(w.kind.gvk.GroupKind(), w.name, wrong)
	}
	st := s.store(w, nil, content, s.timed(nil, next.managed))
	if (w.verb == "create" || w.verb == "update") && !next.touched {
		st.author = w.manager
	}
	return st, nil
}

// update replaces an object by what was sent. Some kinds are made by it when they are
// not there.
func (s *Server) update(w write, o Object) (st *stored, created bool, err error) {
	if o, err = w.read(o); err != nil {
		return nil, false, err
	}
	was, uid, live := w.kind.get(w.namespace, w.name), textOf(metaOf(o), "uid"), ""
	if was != nil {
		live = textOf(metaOf(was.content), "uid")
	}
	switch {
	case was == nil && !w.kind.rules.made:
		return nil, false, w.notFound()
	case uid != "" && uid != live:
		return nil, false, w.conflict("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, live)
	case was == nil:
		st, err = s.begun(w, o)
		return st, err == nil, err
	}
	st, err = s.replace(w, was, o)
	return st, false, err
}

// replace makes an object what an update or a patch makes of it.
func (s *Server) replace(w write, was *stored, o Object) (*stored, error) {
	meta := maps.Clone(metaOf(o))
	o = maps.Clone(o)
	o["metadata"] = meta
	entries := entriesOf(o)
	o, err := w.sound(o)
	if err != nil {
		return nil, err
	}
	next := s.rewritten(w, was, o, entries)
	if next == nil {
		var ok bool
		if next, ok = w.fields().UpdateNoErrors(was.object(), newObject(o, entries), w.manager).(*object); !ok {
			return nil, apierrors.NewInternalError(fmt.Errorf("update %s: no object", w.name))
		}
	}
	return s.change(w, was, next)
}

// change stores what has become of an object, if anything has.
func (s *Server) change(w write, was *stored, next *object) (*stored, error) {
	if err := s.admitted(w, next, was); err != nil {
		return nil, err
	}
	sent, before := metaOf(next.Object), metaOf(was.content)
	switch version, _ := sent["resourceVersion"].(string); {
	case (version == "" || version == "0") && !w.kind.rules.unconditional:
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: w.kind.Group, Kind: w.kind.Resource}, w.name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update"),
		})
	case version != "" && version != "0" && version != versionText(was.version):
		return nil, w.conflict(locked)
	}
	var wrong field.ErrorList
	ofStatus := w.kind.custom && w.subresource == "status" // metadata count for nothing
	if uid, _ := sent["uid"].(string); uid != "" && uid != before["uid"] && !ofStatus {
		wrong = append(wrong, field.Invalid(field.NewPath("metadata", "uid"), uid, immutable))
	}
	meta := maps.Clone(sent)
	for _, name := range []string{"uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		delete(meta, name)
		if value, there := before[name]; there {
			meta[name] = value
		}
	}
	tidy(meta)
	content := w.kind.keep(w.subresource, was.content, set(next.Object, meta, "metadata"))
	content = w.kind.raise(w.subresource, was.content, s.carry(w.kind, was.content, content))
	wrong = append(wrong, w.kind.refuse(was.content, content)...)
	if wrong = append(wrong, w.kind.wrong(content)...); len(wrong) > 0 {
		return nil, apierrors.NewInvalid(w.kind.gvk.GroupKind(), w.name, wrong)
	}
	if before["deletionTimestamp"] != nil && len(finalizersOf(content)) == 0 && w.kind.Kind.Kind != "Namespace" {
		last := w
		last.dry = true
		if !w.dry {
			s.erase(w.kind, was, w.verb, w.manager)
		}
		return s.store(last, was, content, s.timed(was.managed, next.managed)), nil
	}
	if equal(was.content, content) && sameFields(was.managed, next.managed) {
		return was, nil
	}
	st := s.store(w, was, content, s.timed(was.managed, next.managed))
	if next.touched {
		st.sent = nil // what is there may not be what was sent
	} else if was.author == w.manager && w.verb == "update" && w.subresource == "" {
		st.author = was.author
	}
	return st, nil
}

// carry keeps what the server has allocated when a request leaves it out.
func (s *Server) carry(k *kind, was, next Object) Object {
	if k.Kind.Kind != "Service" || k.custom {
		return next
	}
	for _, name := range []string{"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "type", "sessionAffinity", "internalTrafficPolicy"} {
		if value := at(was, "spec", name); value != nil && at(next, "spec", name) == nil {
			next = set(next, value, "spec", name)
		}
	}
	return next
}

// tidy takes empty parts out of metadata, which no API server stores.
func tidy(meta Object) {
	for _, name := range []string{"labels", "annotations"} {
		if o, ok := meta[name].(Object); ok && len(o) == 0 {
			delete(meta, name)
		}
	}
	for _, name := range []string{"finalizers", "ownerReferences"} {
		if l, ok := meta[name].([]any); ok && len(l) == 0 {
			delete(meta, name)
		}
	}
}

// store keeps a new version, and tells of it. A dry run gets it without that.
func (s *Server) store(w write, was *stored, content Object, managed []metav1.ManagedFieldsEntry) *stored {
	meta := maps.Clone(metaOf(content))
	tidy(meta)
	is := &stored{kind: w.kind, key: w.key(), managed: managed}
	if keepsSent(was, managed) {
		is.sent = was.sent
	}
	switch {
	case !w.dry:
		s.version++
		is.version = s.version
		meta["resourceVersion"] = versionText(is.version)
	case was != nil:
		is.version = was.version
	}
	is.content = set(content, meta, "metadata")
	is.labels = labels.Set(stringsOf(meta, "labels"))
	if w.dry {
		return is
	}
	w.kind.put(was, is)
	w.kind.history.add(event{version: is.version, was: was, is: is})
	s.told(w, was, is)
	return is
}

// erase takes an object away for good.
func (s *Server) erase(k *kind, was *stored, verb, manager string) {
	s.version++
	last := *was
	last.version, last.whole, last.text, last.brief = s.version, nil, nil, nil
	last.content = set(was.content, versionText(s.version), "metadata", "resourceVersion")
	k.put(was, nil)
	k.history.add(event{version: s.version, was: was, last: &last})
	s.told(write{kind: k, namespace: was.key.Namespace, name: was.key.Name, verb: verb, manager: manager}, was, nil)
}

func (s *Server) told(w write, was, is *stored) {
	if s.Changed != nil {
		s.Changed(Change{Key: w.key(), Verb: w.verb, Subresource: w.subresource, Manager: w.manager, Was: was.entire(), Is: is.entire()})
	}
}

// admitted has admission look at what is to be stored: first the rule of all API servers
// that nothing is made in a namespace that is not there or on its way out.
func (s *Server) admitted(w write, next *object, was *stored) error {
	if was == nil && w.kind.Namespaced {
		if err := s.open(w); err != nil {
			return err
		}
	}
	if s.Admit == nil {
		return nil
	}
	attempt := &Attempt{Key: w.key(), Verb: w.verb, Manager: w.manager}
	if next != nil {
		attempt.Object = runtime.DeepCopyJSON(next.Object)
	}
	if err := s.Admit(attempt); err != nil {
		if status := apierrors.APIStatus(nil); asStatus(err, &status) {
			return err
		}
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: err.Error(),
		}}
	}
	if next != nil && !equal(next.Object, attempt.Object) {
		next.Object, next.touched = attempt.Object, true
	}
	return nil
}

// parseVersion reads a resourceVersion.
func parseVersion(text string) (int64, error) {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 {
		return 0, apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("ListOptions").GroupKind(), "", field.ErrorList{
			field.Invalid(field.NewPath("resourceVersion"), text, "strconv.ParseUint: parsing \""+text+"\": invalid syntax"),
		})
	}
	return v, nil
}
