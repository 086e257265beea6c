package kamaji

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// finalizer is Kamaji's own.
const finalizer = "finalizer.kamaji.clastix.io"

// manager is its name in managedFields.
const manager = "kamaji"

// clock remembers when objects came into a state, to stay there for a while.
type clock struct {
	mu    sync.Mutex
	times map[string]time.Time
}

func newClock() *clock { return &clock{times: map[string]time.Time{}} }

// left is how much of pause there is, from the first time that key was asked for.
func (c *clock) left(key string, pause time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.times[key]; !known {
		c.times[key] = time.Now()
	}
	return pause - time.Since(c.times[key])
}

func (c *clock) forget(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.times, func(key string, _ time.Time) bool { return strings.HasPrefix(key, prefix) })
}

// controlPlane takes one control plane a step further, and says when to look again.
func (r *responder) controlPlane(ctx context.Context, i item) (time.Duration, error) {
	found, err := r.planes.ByNamespace(i.namespace).Get(i.name)
	if apierrors.IsNotFound(err) {
		r.since.forget(i.namespace + "/" + i.name + " ")
		r.wakeStores()
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	o := found.(*unstructured.Unstructured) //nolint:forcetypeassert // a dynamic lister has nothing else
	planes := r.client.Resource(controlPlanes()).Namespace(i.namespace)
	switch _, paused := o.GetAnnotations()["kamaji.clastix.io/paused"]; {
	case paused:
		return 0, nil
	case o.GetDeletionTimestamp() != nil:
		return 0, r.finalize(ctx, controlPlanes(), o)
	case !slices.Contains(o.GetFinalizers(), finalizer):
		// An Update of the whole Go struct: what is empty in it becomes an empty mapping.
		changed := o.DeepCopy()
		changed.SetFinalizers(append(changed.GetFinalizers(), finalizer))
		for _, path := range []string{"addons", "writePermissions", "controlPlane.deployment.additionalMetadata", "controlPlane.deployment.podAdditionalMetadata", "controlPlane.service.additionalMetadata"} {
			fields := append([]string{"spec"}, strings.Split(path, ".")...)
			if _, there, _ := unstructured.NestedFieldNoCopy(changed.Object, fields...); !there {
				if err := unstructured.SetNestedMap(changed.Object, map[string]any{}, fields...); err != nil {
					return 0, err
				}
			}
		}
		_, err := planes.Update(ctx, changed, metav1.UpdateOptions{FieldManager: manager})
		return 0, ignoreConflict(err)
	}
	store, _, _ := unstructured.NestedString(o.Object, "spec", "dataStore")
	ds, err := r.stores.Get(store)
	switch {
	case apierrors.IsNotFound(err), err == nil && !ready(ds.(*unstructured.Unstructured)): //nolint:forcetypeassert // as above
		return 0, nil // woken when it is
	case err != nil:
		return 0, err
	}
	status, again := r.status(o)
	if err := r.secret(ctx, o); err != nil {
		return 0, err
	}
	return again, r.report(ctx, controlPlanes(), o, status)
}

// status is what comes next for a control plane, and after which time more.
func (r *responder) status(o *unstructured.Unstructured) (map[string]any, time.Duration) {
	replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "controlPlane", "deployment", "replicas")
	want, _, _ := unstructured.NestedString(o.Object, "spec", "kubernetes", "version")
	have, _, _ := unstructured.NestedString(o.Object, "status", "kubernetesResources", "version", "version")
	was, _, _ := unstructured.NestedString(o.Object, "status", "kubernetesResources", "version", "status")
	word, again := "Ready", time.Duration(0)
	stay := func(state string) bool {
		left := r.since.left(fmt.Sprintf("%s/%s %d %s", o.GetNamespace(), o.GetName(), o.GetGeneration(), state), r.opts.Pause)
		if left > 0 {
			word, again = state, left
		}
		return left > 0
	}
	switch {
	case replicas == 0:
		word = "Sleeping"
	case was == "Ready" && have != want:
		stay("Upgrading")
	case was == "Upgrading" && stay("Upgrading"):
	case was == "Sleeping", was == "NotReady":
		stay("NotReady")
	case was == "" || was == "Provisioning":
		if !stay("Provisioning") {
			stay("NotReady")
		}
	}
	store, _, _ := unstructured.NestedString(o.Object, "spec", "dataStore")
	observed := o.GetGeneration()
	if held, _, _ := unstructured.NestedString(o.Object, "status", "storage", "dataStoreName"); held != "" && held != store && stay("Migrating") {
		store = held // until its state is there
		observed, _, _ = unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	}
	version := map[string]any{"status": word}
	switch {
	case word == "Ready" || word == "Sleeping":
		version["version"] = want
	case have != "":
		version["version"] = have
	}
	address, _, _ := unstructured.NestedString(o.Object, "spec", "networkProfile", "address")
	if address == "" {
		address = "192.0.2.1"
	}
	schemaName, said, _ := unstructured.NestedString(o.Object, "spec", "dataStoreSchema")
	if !said {
		schemaName = strings.ReplaceAll(string(o.GetUID()), "-", "_")
	}
	return map[string]any{
		"observedGeneration":   observed,
		"controlPlaneEndpoint": address + ":6443",
		"kubeconfig": map[string]any{"admin": map[string]any{
			"secretName": o.GetName() + "-admin-kubeconfig", "checksum": "1", "lastUpdate": o.GetCreationTimestamp().UTC().Format(time.RFC3339),
		}},
		"kubernetesResources": map[string]any{"version": version, "deployment": map[string]any{"replicas": replicas, "name": o.GetName()}},
		"storage":             map[string]any{"dataStoreName": store, "setup": map[string]any{"schema": schemaName, "user": schemaName}},
	}, again
}

// secret makes the kubeconfig, once.
func (r *responder) secret(ctx context.Context, o *unstructured.Unstructured) error {
	if made, _, _ := unstructured.NestedString(o.Object, "status", "kubeconfig", "admin", "secretName"); made != "" {
		return nil
	}
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{
			"name": o.GetName() + "-admin-kubeconfig", "namespace": o.GetNamespace(),
			"labels": map[string]any{"kamaji.clastix.io/name": o.GetName(), "kamaji.clastix.io/project": "kamaji"},
		},
		"data": map[string]any{"admin.conf": base64.StdEncoding.EncodeToString(r.conf)},
	}}
	secret.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: group + "/" + version, Kind: "TenantControlPlane", Name: o.GetName(), UID: o.GetUID()}})
	secrets := r.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(o.GetNamespace())
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: manager})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// report writes a status, if it says something else than it does.
func (r *responder) report(ctx context.Context, kind schema.GroupVersionResource, o *unstructured.Unstructured, status map[string]any) error {
	if was, _, _ := unstructured.NestedMap(o.Object, "status"); reflect.DeepEqual(was, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = r.client.Resource(kind).Namespace(o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// finalize lets an object go.
func (r *responder) finalize(ctx context.Context, kind schema.GroupVersionResource, o *unstructured.Unstructured) error {
	changed := o.DeepCopy()
	changed.SetFinalizers(slices.DeleteFunc(changed.GetFinalizers(), func(f string) bool { return f == finalizer }))
	if len(changed.GetFinalizers()) == len(o.GetFinalizers()) {
		return nil
	}
	_, err := r.client.Resource(kind).Namespace(o.GetNamespace()).Update(ctx, changed, metav1.UpdateOptions{FieldManager: manager})
	return ignoreConflict(err)
}

// ignoreConflict: a newer one is on its way to us.
func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
