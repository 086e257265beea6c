package shard

import (
	"encoding/json"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tenantry/tenantry/reconciler/core"
)

// delete removes one object if it still is the very one, as it was when that was
// decided. What it leaves behind (finalizers, children) goes in the background.
func (t *term) delete(w *core.Work, d core.Delete) *core.Failure {
	uid, background := types.UID(d.UID), metav1.DeletePropagationBackground
	if d.UID == "" || d.ResourceVersion == "" {
		return failure(d.ID, &problem{ReasonInternal, "nothing is deleted without its uid and resourceVersion"})
	}
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:          metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		Preconditions:     &metav1.Preconditions{UID: &uid, ResourceVersion: &d.ResourceVersion},
		PropagationPolicy: &background,
	})
	if err != nil {
		return failure(d.ID, &problem{ReasonInternal, "the options of a delete cannot be written as JSON"})
	}
	left, _, err := t.client.do(t.ctx, call{verb: http.MethodDelete, id: d.ID, body: body, accept: asMetadata})
	switch {
	case isNotFound(err):
	case err != nil:
		return failure(d.ID, err)
	case left.GetDeletionTimestamp() != nil:
		t.saw(observe(d.ID, left, false)) // it waits for its finalizers
		return nil
	}
	t.shard.view.deleted(t.number, w.Owner.UID, d.ID, d.ResourceVersion)
	return nil
}
