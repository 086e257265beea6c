package kamaji

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/tenantry/tenantry/test/cluster"
)

var fixture = cluster.New(cluster.Options{})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

// object is {apiVersion, kind, metadata, spec} of one of the kinds.
func object(kind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": group + "/" + version, "kind": kind, "spec": spec}}
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// await waits until the object is so, and gives it; nil when it is gone.
func await(t *testing.T, resource dynamic.ResourceInterface, name, what string, so func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	news, err := resource.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	defer news.Stop()
	// It may have gone before the watch began.
	if _, err := resource.Get(ctx, name, metav1.GetOptions{}); apierrors.IsNotFound(err) && so(nil) {
		return nil
	}
	var last *unstructured.Unstructured
	for event := range news.ResultChan() {
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			t.Fatalf("watch: %+v", event)
		}
		if last = o; event.Type == "DELETED" {
			o = nil
		}
		if so(o) {
			return o
		}
	}
	t.Fatalf("waited for: %s; it is %v", what, last)
	return nil
}

func word(o *unstructured.Unstructured) string {
	s, _, _ := unstructured.NestedString(o.Object, "status", "kubernetesResources", "version", "status")
	return s
}

func TestResponder(t *testing.T) {
	cfg := fixture.Start(t).Shards[0].Config(t)
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := Install(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := Run(ctx, cfg, Options{Pause: 50 * time.Millisecond}); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	create := func(resource schema.GroupVersionResource, o *unstructured.Unstructured) {
		t.Helper()
		if _, err := client.Resource(resource).Namespace(o.GetNamespace()).Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	planes, stores := client.Resource(controlPlanes()).Namespace("default"), client.Resource(dataStores())
	reference := map[string]any{"secretReference": map[string]any{"namespace": "default", "name": "db", "keyPath": "password"}}
	create(dataStores(), object("DataStore", "", "a", map[string]any{
		"driver": "MySQL", "endpoints": []any{"db:3306"}, "basicAuth": map[string]any{"username": reference, "password": reference},
	}))
	await(t, stores, "a", "what is missing", func(o *unstructured.Unstructured) bool {
		return o != nil && !ready(o) && o.Object["status"] != nil
	})
	create(controlPlanes(), object("TenantControlPlane", "default", "acme", map[string]any{
		"dataStore": "a", "dataStoreSchema": "s", "kubernetes": map[string]any{"version": "v1.36.3", "kubelet": map[string]any{}},
		"controlPlane": map[string]any{"service": map[string]any{"serviceType": "LoadBalancer"}, "deployment": map[string]any{"replicas": int64(1)}},
	}))
	born := await(t, planes, "acme", "the finalizer", func(o *unstructured.Unstructured) bool { return len(o.GetFinalizers()) == 1 })
	if _, there, _ := unstructured.NestedMap(born.Object, "spec", "addons"); !there || born.GetGeneration() != 2 || word(born) != "" {
		t.Errorf("it began as %v", born.Object)
	}
	secret := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db", "namespace": "default"}}}
	create(secrets, secret)
	await(t, planes, "acme", "NotReady, observed", func(o *unstructured.Unstructured) bool { return word(o) == "NotReady" })
	await(t, planes, "acme", "Ready", func(o *unstructured.Unstructured) bool { return word(o) == "Ready" })
	conf, err := client.Resource(secrets).Namespace("default").Get(t.Context(), "acme-admin-kubeconfig", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, there, _ := unstructured.NestedString(conf.Object, "data", "admin.conf"); !there {
		t.Error("there is no admin.conf")
	}
	patch := func(text string) {
		t.Helper()
		if _, err := planes.Patch(t.Context(), "acme", types.MergePatchType, []byte(text), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	patch(`{"spec": {"controlPlane": {"deployment": {"replicas": 0}}}}`)
	await(t, planes, "acme", "Sleeping", func(o *unstructured.Unstructured) bool { return word(o) == "Sleeping" })
	patch(`{"spec": {"controlPlane": {"deployment": {"replicas": 1}}, "kubernetes": {"version": "v1.36.4"}}}`)
	await(t, planes, "acme", "Ready again", func(o *unstructured.Unstructured) bool { return word(o) == "Ready" })

	if err := stores.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if o, err := stores.Get(t.Context(), "a", metav1.GetOptions{}); err != nil || o.GetDeletionTimestamp() == nil {
		t.Errorf("a datastore in use went: %v", err)
	}
	if err := planes.Delete(t.Context(), "acme", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, resource := range map[string]dynamic.ResourceInterface{"acme": planes, "a": stores} {
		await(t, resource, name, name+" gone", func(o *unstructured.Unstructured) bool { return o == nil })
	}
}
