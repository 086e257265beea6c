package shard

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

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

// empty takes our children out of mappings, where that is what was refused: as the
// object was when it was looked at, and only it.
func (t *term) empty(id render.ObjectID, uid string, mappings [][]string) error {
	found, _, err := t.client.do(t.ctx, call{verb: http.MethodGet, id: id})
	if err != nil {
		return err
	}
	patch, err := emptying(found, mappings)
	if err != nil {
		return err
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

// emptying is the merge patch for it. What somebody else has put there meanwhile stays.
func emptying(found *unstructured.Unstructured, mappings [][]string) (map[string]any, error) {
	ours, patch := setOf(entryOf(found.GetManagedFields())), map[string]any{}
	for _, path := range mappings {
		children, _, err := unstructured.NestedMap(found.Object, path...)
		if err != nil {
			return nil, &problem{ReasonInvalid, strings.Join(path, ".") + " is no mapping"}
		}
		within := ours
		for _, name := range path {
			within = within.WithPrefix(fieldpath.PathElement{FieldName: &name})
		}
		for name := range children {
			if e := (fieldpath.PathElement{FieldName: &name}); within.Members.Has(e) || !within.WithPrefix(e).Empty() {
				children[name] = nil
			} else {
				delete(children, name)
			}
		}
		if err := unstructured.SetNestedMap(patch, children, path...); err != nil {
			return nil, &problem{ReasonInternal, "two mappings are one"}
		}
	}
	return patch, nil
}
