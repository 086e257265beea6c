package shard

import (
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// atOnce bounds the objects of one owner that are applied at the same time.
const atOnce = 4

// applyAll applies objects, a few at once and begun in their order. One that
// fails does not stop the others; failures come in the objects' order.
func (t *term) applyAll(w *core.Work, all []core.Apply, done *outcome) {
	type result struct {
		failure *core.Failure
		healed  *core.Healed
	}
	results := make([]result, len(all))
	var tasks errgroup.Group
	tasks.SetLimit(atOnce)
	for i, a := range all {
		tasks.Go(func() error {
			h, err := t.apply(w, a)
			results[i] = result{failure(a.Object.ID, err), h}
			return nil
		})
	}
	_ = tasks.Wait()
	for _, r := range results {
		done.add(r.failure, r.healed)
	}
}

func (t *term) apply(w *core.Work, a core.Apply) (healed *core.Healed, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked(w.Owner)
			err = &problem{ReasonInternal, panicMessage}
		}
	}()
	object := map[string]any{}
	if err := json.Unmarshal(a.Object.JSON, &object); err != nil {
		return nil, &problem{ReasonInternal, "the rendered object is no JSON"}
	}
	return t.write(w, writing{
		id: a.Object.ID, uid: a.UID, adopts: a.Object.Adopts, digest: a.Object.Digest, object: object, judged: a.Judged, heals: a.Heals,
	})
}

// writing is one object to be written.
type writing struct {
	id     render.ObjectID
	uid    string // empty: it is expected to be absent, or is not ours yet
	adopts string // render.Object.Adopts
	digest string
	object map[string]any
	judged bool
	heals  bool
}

// write makes the object as wanted by one forced server-side apply, and reports
// what it became. Without a uid it makes sure first that nobody else's is there, or that
// the one that is to be adopted stays as it is.
//
// The annotation with the mark of our fields goes with it, as the schema says that
// the server will see them. When the server sees them otherwise, it is written once
// more with what the answer shows: what a forced apply leaves is the whole truth.
func (t *term) write(w *core.Work, o writing) (*core.Healed, error) {
	if err := t.stays(o.id); err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: o.object}
	annotate(u, render.AnnotationEpoch, strconv.FormatInt(w.Epoch, 10))
	annotate(u, render.AnnotationFields, "")
	if o.uid == "" {
		found, err := t.ours(w.Owner, o.id, o.adopts != "")
		if err != nil {
			return nil, err
		}
		o.uid = found
	}
	left, want := "", t.fields(t.ctx, o.id, u)
	if want != nil {
		left = mark(want)
	}
	var healed *core.Healed
	if o.heals && o.uid != "" {
		healed = &core.Healed{ID: o.id, Digest: o.digest}
		healed.Field, healed.Rival = t.rival(o.id, want)
	}
	if o.uid == "" && o.adopts != "" {
		version, err := t.adopt(w.Owner, o, u)
		if err != nil {
			return nil, err
		}
		o.uid = o.adopts
		u.SetResourceVersion(version)
	}
	annotate(u, render.AnnotationFields, left)
	stored, err := t.send(o, u)
	if err != nil {
		return nil, err
	}
	if e := entryOf(stored.GetManagedFields()); e != nil && !marks(e, left) {
		if want != nil {
			t.shard.log.Debug("the shard tells an object's fields apart otherwise than its schema says", "object", o.id.String())
			t.client.types.forget() // it may have changed
		}
		annotate(u, render.AnnotationFields, mark(setOf(e)))
		u.SetResourceVersion("")
		o.uid = string(stored.GetUID())
		if stored, err = t.send(o, u); err != nil {
			return nil, err
		}
	}
	t.saw(observe(o.id, stored, o.judged))
	return healed, nil
}

// stays refuses an object that would not be where it says: of a kind that belongs to the
// whole cluster, an API server drops the namespace without a word.
func (t *term) stays(id render.ObjectID) error {
	kind, err := t.client.lookup(t.ctx, id)
	if err != nil {
		return err
	}
	if !kind.namespaced && id.Namespace != "" {
		return &problem{ReasonInvalid, fmt.Sprintf("%s belongs to the whole cluster: it cannot be in namespace %s", id.KindName(), id.Namespace)}
	}
	return nil
}

// send sends one apply.
func (t *term) send(o writing, u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if o.uid != "" {
		u.SetUID(types.UID(o.uid))
	}
	body, err := json.Marshal(u.Object)
	if err != nil {
		return nil, &problem{ReasonInternal, "the object to be applied cannot be written as JSON"}
	}
	r := call{
		verb: http.MethodPatch, id: o.id, patch: types.ApplyPatchType, body: body,
		params: map[string]string{"fieldManager": render.FieldManager},
	}
	// What is expected to be absent is not forced: should a foreign object have
	// appeared since we looked, the API server refuses to take its fields.
	if o.uid != "" {
		r.params["force"] = "true"
	}
	if !o.judged && !isSecret(o.id) {
		r.accept = asMetadata
	}
	stored, code, err := t.client.do(t.ctx, r)
	if mappings := emptied(err); o.uid != "" && len(mappings) > 0 && t.empty(o.id, o.uid, mappings) == nil {
		stored, code, err = t.client.do(t.ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if o.uid == "" && code != http.StatusCreated {
		t.release(o.id, stored)
		return nil, foreign(o.id)
	}
	return stored, nil
}

func annotate(u *unstructured.Unstructured, name, value string) {
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[name] = value
	u.SetAnnotations(annotations)
}

// ours looks for an object that is expected to be absent: it gives the uid of one
// that is ours (it was made, but its report has not arrived), nothing when it is
// absent indeed, and an error when somebody else's is there: one that is nobody's is none
// if it may be adopted.
func (t *term) ours(owner render.Owner, id render.ObjectID, adopts bool) (uid string, err error) {
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id, accept: asMetadata})
	switch {
	case isNotFound(err):
		return "", nil
	case err != nil:
		return "", err
	}
	o := observe(id, found, false)
	switch {
	case o.Owned() && o.OwnerUID == owner.UID && o.Deleting:
		return "", &problem{ReasonTerminating, fmt.Sprintf("%s is on its way out; it is made anew when it is gone", id)}
	case o.Owned() && o.OwnerUID == owner.UID:
		return o.UID, nil
	case o.Owned():
		return "", &problem{ReasonForeign, fmt.Sprintf(
			"%s exists already and belongs to another owner of Tenantry's (uid %s): purge that one first, or choose another name", id, o.OwnerUID)}
	case adopts:
		return "", nil
	}
	return "", foreign(id)
}

func foreign(id render.ObjectID) error {
	return &problem{ReasonForeign, fmt.Sprintf(
		"%s exists already and is not Tenantry's: it is left alone; delete or rename it, or choose another name, then it is tried again", id)}
}

// release gives back what an apply has taken of an object that appeared between
// our look and our write: applying nothing removes all that we own.
func (t *term) release(id render.ObjectID, stored *unstructured.Unstructured) {
	nothing := &unstructured.Unstructured{Object: map[string]any{}}
	nothing.SetAPIVersion(apiVersion(id))
	nothing.SetKind(id.Kind)
	nothing.SetName(id.Name)
	nothing.SetNamespace(id.Namespace)
	nothing.SetUID(stored.GetUID())
	body, err := json.Marshal(nothing.Object)
	if err != nil {
		return
	}
	_, _, err = t.client.do(t.ctx, call{
		verb: http.MethodPatch, id: id, patch: types.ApplyPatchType, body: body, accept: asMetadata,
		params: map[string]string{"fieldManager": render.FieldManager},
	})
	if err != nil {
		t.shard.log.Warn("cannot give back a foreign object", "object", id.String(), "reason", reasonOf(err))
	}
}

func apiVersion(id render.ObjectID) string {
	if id.Group == "" {
		return id.Version
	}
	return id.Group + "/" + id.Version
}
