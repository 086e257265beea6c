package shard

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tenantry/tenantry/render"
)

// Where a controller writes whole Go structs it owns mappings that it leaves empty. Some
// API servers' server-side apply makes null of such a mapping when its last child is
// applied no more, and refuse that by the custom resource's schema: 422, however often
// and by force too. The children are taken out by a merge patch then, which leaves {},
// and the apply goes through.

// emptied are the mappings of which an apply was refused because it would have left
// null there, as paths of keys.
func emptied(err error) [][]string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Code != http.StatusUnprocessableEntity || status.Status().Details == nil {
		return nil
	}
	var all [][]string
	for _, c := range status.Status().Details.Causes {
		if strings.Contains(c.Message, `must be of type object: "null"`) && !strings.ContainsAny(c.Field, "[]") {
			all = append(all, strings.Split(c.Field, "."))
		}
	}
	return all
}

// empty takes all children out of mappings, where that is what was refused: as the
// object was when it was looked at, and only it.
func (t *term) empty(id render.ObjectID, uid string, mappings [][]string) error {
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id})
	if err != nil {
		return err
	}
	patch := map[string]any{}
	for _, path := range mappings {
		children, _, err := unstructured.NestedMap(found.Object, path...)
		if err != nil {
			return &problem{ReasonInvalid, strings.Join(path, ".") + " is no mapping"}
		}
		for key := range children {
			children[key] = nil
		}
		if err := unstructured.SetNestedMap(patch, children, path...); err != nil {
			return &problem{ReasonInternal, "two mappings are one"}
		}
	}
	patch["metadata"] = map[string]any{"uid": uid, "resourceVersion": found.GetResourceVersion()}
	body, err := json.Marshal(patch)
	if err != nil {
		return &problem{ReasonInternal, "the patch cannot be written as JSON"}
	}
	_, _, err = t.client.do(t.ctx, call{
		verb: http.MethodPatch, id: id, patch: types.MergePatchType, body: body, accept: asMetadata,
		params: map[string]string{"fieldManager": render.FieldManager},
	})
	return err
}
