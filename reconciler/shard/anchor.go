package shard

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// raiseAnchor sets the anchor of the work's owner to the work's epoch, if it
// still is what the core has seen. It never lowers one.
func (t *term) raiseAnchor(w *core.Work) *core.Failure {
	id := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: namespace, Name: anchorName(w.Owner.UID)}
	f := failure(id, t.swapAnchor(w, id))
	if f != nil {
		f.ID = render.ObjectID{}
	}
	return f
}

func (t *term) swapAnchor(w *core.Work, id render.ObjectID) error {
	anchor := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{}}}
	anchor.SetAPIVersion("v1")
	anchor.SetKind(id.Kind)
	anchor.SetNamespace(id.Namespace)
	anchor.SetName(id.Name)
	verb := http.MethodPost
	if w.AnchorVersion != "" {
		verb = http.MethodPut
		found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id})
		switch {
		case isNotFound(err):
			t.shard.view.forgetAnchor(t.number, w.Owner.UID)
			return &problem{ReasonConflict, fmt.Sprintf("the anchor of %s has been deleted", w.Owner)}
		case err != nil:
			return err
		}
		seen, ok := anchorOf(found)
		if ok {
			t.shard.view.putAnchor(t.number, seen)
		}
		switch {
		case found.GetResourceVersion() != w.AnchorVersion:
			return &problem{ReasonConflict, fmt.Sprintf("the anchor of %s has changed", w.Owner)}
		case ok && seen.Epoch == math.MaxInt64:
			return &problem{ReasonSuperseded, fmt.Sprintf("the anchor of %s (%s) holds no readable epoch: mend it, or delete it if you are sure", w.Owner, id)}
		case ok && seen.Epoch > w.Epoch:
			return &problem{ReasonSuperseded, fmt.Sprintf("the shard has seen epoch %d of %s, this is of epoch %d", seen.Epoch, w.Owner, w.Epoch)}
		}
		anchor = found
		anchor.SetManagedFields(nil)
	}
	labels := anchor.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelAnchor], labels[render.LabelManagedBy] = w.Owner.UID, render.FieldManager
	anchor.SetLabels(labels)
	anchor.Object["data"] = map[string]any{"owner": w.Owner.String(), "epoch": strconv.FormatInt(w.Epoch, 10)}
	body, err := json.Marshal(anchor.Object)
	if err != nil {
		return &problem{ReasonInternal, "the anchor cannot be written as JSON"}
	}
	stored, _, err := t.client.do(t.ctx, call{
		verb: verb, id: id, body: body, params: map[string]string{"fieldManager": render.FieldManager},
	})
	if err != nil {
		return err
	}
	if seen, ok := anchorOf(stored); ok {
		t.shard.view.putAnchor(t.number, seen)
	}
	return nil
}
