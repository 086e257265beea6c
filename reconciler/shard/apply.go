package shard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// atOnce bounds the objects of one owner that are applied at the same time.
const atOnce = 4

// applyAll applies objects, a few at once and begun in their order. One that
// fails does not stop the others; failures come in the objects' order.
func (t *term) applyAll(w *core.Work, all []core.Apply) []core.Failure {
	results := make([]*core.Failure, len(all))
	var tasks errgroup.Group
	tasks.SetLimit(atOnce)
	for i, a := range all {
		tasks.Go(func() error {
			results[i] = failure(a.Object.ID, t.apply(w, a))
			return nil
		})
	}
	_ = tasks.Wait()
	var failures []core.Failure
	for _, f := range results {
		if f != nil {
			failures = append(failures, *f)
		}
	}
	return failures
}

func (t *term) apply(w *core.Work, a core.Apply) error {
	object := map[string]any{}
	if err := json.Unmarshal(a.Object.JSON, &object); err != nil {
		return &problem{ReasonInternal, "the rendered object is no JSON"}
	}
	return t.write(w, a.Object.ID, a.UID, object, a.Judged)
}

// write makes the object as wanted by one forced server-side apply, and reports
// what it became. Without a uid it makes sure first that nobody else's is there.
func (t *term) write(w *core.Work, id render.ObjectID, uid string, object map[string]any, judged bool) error {
	if uid == "" {
		found, err := t.ours(w.Owner, id)
		if err != nil {
			return err
		}
		uid = found
	}
	u := &unstructured.Unstructured{Object: object}
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[render.AnnotationEpoch] = strconv.FormatInt(w.Epoch, 10)
	u.SetAnnotations(annotations)
	if uid != "" {
		u.SetUID(types.UID(uid))
	}
	body, err := json.Marshal(object)
	if err != nil {
		return &problem{ReasonInternal, "the object to be applied cannot be written as JSON"}
	}
	r := call{
		verb: http.MethodPatch, id: id, patch: types.ApplyPatchType, body: body,
		params: map[string]string{"fieldManager": render.FieldManager},
	}
	// What is expected to be absent is not forced: should a foreign object have
	// appeared since we looked, the API server refuses to take its fields.
	if uid != "" {
		r.params["force"] = "true"
	}
	if !judged && !isSecret(id) {
		r.accept = asMetadata
	}
	stored, code, err := t.client.do(t.ctx, r)
	if err != nil {
		return err
	}
	if uid == "" && code != http.StatusCreated {
		t.release(id, stored)
		return foreign(id)
	}
	t.saw(observe(id, stored, judged))
	return nil
}

// ours looks for an object that is expected to be absent: it gives the uid of one
// that is ours (it was made, but its report has not arrived), nothing when it is
// absent indeed, and an error when somebody else's is there.
func (t *term) ours(owner render.Owner, id render.ObjectID) (uid string, err error) {
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
