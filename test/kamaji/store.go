package kamaji

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// lookAgain is how often missing Secrets are looked for.
const lookAgain = 500 * time.Millisecond

// dataStore judges one datastore: its Secrets are there, or not. One that is in use
// stays.
func (r *responder) dataStore(ctx context.Context, i item) (time.Duration, error) {
	found, err := r.stores.Get(i.name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	o := found.(*unstructured.Unstructured) //nolint:forcetypeassert // a dynamic lister has nothing else
	users, err := r.users(i.name)
	if err != nil {
		return 0, err
	}
	switch {
	case o.GetDeletionTimestamp() != nil && len(users) == 0:
		return 0, r.finalize(ctx, dataStores(), o)
	case o.GetDeletionTimestamp() != nil:
		return 0, nil // woken when the last one goes
	case !slices.Contains(o.GetFinalizers(), finalizer):
		changed := o.DeepCopy()
		changed.SetFinalizers(append(changed.GetFinalizers(), finalizer))
		_, err := r.client.Resource(dataStores()).Update(ctx, changed, metav1.UpdateOptions{FieldManager: manager})
		return 0, ignoreConflict(err)
	}
	missing, err := r.missing(ctx, o)
	if err != nil {
		return 0, err
	}
	condition := map[string]any{
		"type": "kamaji.clastix.io/DataStoreValidation", "status": "True", "reason": "Valid", "message": "all Secrets are there",
		"lastTransitionTime": o.GetCreationTimestamp().UTC().Format(time.RFC3339),
	}
	again := time.Duration(0)
	if missing != "" {
		condition["status"], condition["reason"], condition["message"] = "False", "Invalid", missing
		again = lookAgain
	}
	status := map[string]any{"ready": missing == "", "observedGeneration": o.GetGeneration(), "conditions": []any{condition}}
	if err := r.report(ctx, dataStores(), o, status); err != nil {
		return 0, err
	}
	if missing == "" && ready(o) {
		for _, u := range users {
			r.queue.Add(u)
		}
	}
	return again, nil
}

func ready(o *unstructured.Unstructured) bool {
	ready, _, _ := unstructured.NestedBool(o.Object, "status", "ready")
	return ready
}

// users are the control planes that name a datastore.
func (r *responder) users(store string) ([]item, error) {
	all, err := r.planes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	var users []item
	for _, found := range all {
		o := found.(*unstructured.Unstructured) //nolint:forcetypeassert // a dynamic lister has nothing else
		if name, _, _ := unstructured.NestedString(o.Object, "spec", "dataStore"); name == store {
			users = append(users, item{controlPlanes(), o.GetNamespace(), o.GetName()})
		}
	}
	return users, nil
}

// wakeStores has datastores looked at that wait for their last control plane to go.
func (r *responder) wakeStores() {
	all, err := r.stores.List(labels.Everything())
	if err != nil {
		return
	}
	for _, found := range all {
		if o := found.(*unstructured.Unstructured); o.GetDeletionTimestamp() != nil { //nolint:forcetypeassert // as above
			r.queue.Add(item{dataStores(), "", o.GetName()})
		}
	}
}

// missing names a Secret that a datastore refers to and that is not there.
func (r *responder) missing(ctx context.Context, o *unstructured.Unstructured) (string, error) {
	for _, ref := range references(o.Object["spec"]) {
		namespace, name := fmt.Sprint(ref["namespace"]), fmt.Sprint(ref["name"])
		secrets := r.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(namespace)
		switch _, err := secrets.Get(ctx, name, metav1.GetOptions{}); {
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("secret %s/%s is missing", namespace, name), nil
		case err != nil:
			return "", err
		}
	}
	return "", nil
}

// references are all secretReferences below a node, in a steady order.
func references(node any) []map[string]any {
	fields, ok := node.(map[string]any)
	if !ok {
		return nil
	}
	var all []map[string]any
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if ref, ok := fields[key].(map[string]any); ok && key == "secretReference" {
			all = append(all, ref)
		} else {
			all = append(all, references(fields[key])...)
		}
	}
	return all
}
