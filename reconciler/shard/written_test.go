package shard_test

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// What controllers write back into an object of ours, as those of Cluster API and Kamaji
// do, is theirs: it is no drift, and the next apply leaves it alone.
func TestWhatControllersWriteBackIsTheirs(t *testing.T) {
	e := begin(t, config(t))
	client, err := dynamic.NewForConfig(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	define(t, client, "testdata/planes.yaml")
	e.watch([]string{configMaps, "shard.example.com/v1/Plane"})
	e.until("the kind", func() bool { return len(last[core.Synced](e).Unknown) == 0 })
	owner, ns := e.tenant("acme")
	var body map[string]any
	if err := yaml.Unmarshal([]byte("spec: {replicas: 2, addons: {dns: {tag: v1}}}"), &body); err != nil {
		t.Fatal(err)
	}
	object := rendered(t, owner, render.ObjectID{Group: "shard.example.com", Version: "v1", Kind: "Plane", Namespace: ns, Name: "acme"}, body)
	parent := configMap(t, owner, ns, "parent", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: parent}, {Object: object}}})
	made := e.seen(object.ID)

	// A controller reads it into types of its own, and writes it as a whole.
	to := client.Resource(schema.GroupVersionResource{Group: "shard.example.com", Version: "v1", Resource: "planes"}).Namespace(ns)
	u, err := to.Get(t.Context(), "acme", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := u.Object["spec"].(map[string]any)
	spec["service"] = map[string]any{"metadata": map[string]any{"labels": map[string]any{"where": "192.0.2.9"}}}
	spec["addons"].(map[string]any)["proxy"] = map[string]any{}
	u.SetFinalizers([]string{"example.com/finalizer"})
	labels := u.GetLabels()
	labels["example.com/cluster"] = "acme"
	u.SetLabels(labels)
	u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "parent", UID: types.UID(e.seen(parent.ID).UID)}})
	u.SetManagedFields(nil)
	if u, err = to.Update(t.Context(), u, metav1.UpdateOptions{FieldManager: "controller"}); err != nil {
		t.Fatal(err)
	}
	e.until("what was written back", func() bool { return e.objects[object.ID.String()].ResourceVersion == u.GetResourceVersion() })
	if o := e.seen(object.ID); o.Drifted || !o.Owned() || !slices.Equal(o.Parents, []string{e.seen(parent.ID).UID}) {
		t.Errorf("it is reported as %+v", o)
	}

	if healed := e.heal(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, UID: made.UID}}}); len(healed) > 0 {
		t.Errorf("the next apply healed %+v", healed)
	}
	after, err := to.Get(t.Context(), "acme", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after.GetResourceVersion() != u.GetResourceVersion() {
		t.Errorf("the next apply made %v of it", after.Object)
	}
	after.SetFinalizers(nil)
	if _, err := to.Update(t.Context(), after, metav1.UpdateOptions{FieldManager: "controller"}); err != nil {
		t.Fatal(err)
	}
}
