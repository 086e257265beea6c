package shard_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const planeKind = "shard.example.com/v1/Plane"

// strangers are planes that others have made, and what becomes of them.
type strangers struct {
	*edge
	planes dynamic.ResourceInterface
	owner  render.Owner
	ns     string
}

func meet(t *testing.T, e *edge) *strangers {
	t.Helper()
	client, err := dynamic.NewForConfig(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	define(t, client, "testdata/planes.yaml")
	described(t, e.client.RESTClient())
	e.watch([]string{configMaps, secrets, planeKind}, planeKind)
	s := &strangers{edge: e}
	s.owner, s.ns = e.tenant("acme")
	s.planes = client.Resource(schema.GroupVersionResource{Group: "shard.example.com", Version: "v1", Resource: "planes"}).Namespace(s.ns)
	return s
}

// described waits until the API server gives the planes' schema, which takes it longer
// than to serve them.
func described(t *testing.T, client rest.Interface) {
	t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		raw, err := client.Get().AbsPath("/openapi/v3/apis/shard.example.com/v1").Do(t.Context()).Raw()
		if err == nil && strings.Contains(string(raw), `"kind":"Plane"`) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the API server does not give the schema: %v", err)
		}
	}
}

func (s *strangers) id() render.ObjectID {
	return render.ObjectID{Group: "shard.example.com", Version: "v1", Kind: "Plane", Namespace: s.ns, Name: "prod"}
}

// apply has a manager of that name apply content by force.
func (s *strangers) apply(manager, content string) *unstructured.Unstructured {
	s.t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(content), &u.Object); err != nil {
		s.t.Fatal(err)
	}
	u.SetAPIVersion("shard.example.com/v1")
	u.SetKind("Plane")
	u.SetName("prod")
	u, err := s.planes.Apply(s.t.Context(), "prod", u, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// update has a manager of that name write content into it.
func (s *strangers) update(manager, content string, subresources ...string) *unstructured.Unstructured {
	s.t.Helper()
	patch, err := yaml.YAMLToJSON([]byte(content))
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := s.planes.Patch(s.t.Context(), "prod", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager}, subresources...)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

func (s *strangers) stored() *unstructured.Unstructured {
	s.t.Helper()
	u, err := s.planes.Get(s.t.Context(), "prod", metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// wants is the rendered object that takes over the one with this uid.
func (s *strangers) wants(uid, spec string) core.Apply {
	s.t.Helper()
	var body map[string]any
	if err := yaml.Unmarshal([]byte("spec: "+spec), &body); err != nil {
		s.t.Fatal(err)
	}
	object := rendered(s.t, s.owner, s.id(), body)
	object.JSON = bytes.Replace(object.JSON, []byte(`"labels":{`), fmt.Appendf(nil, `"labels":{%q:%q,`, render.LabelManagedBy, render.FieldManager), 1)
	object.Adopts = uid
	return core.Apply{Object: object, Judged: true}
}

func (s *strangers) work(a core.Apply) core.Work {
	return core.Work{Shard: "eu-1", Owner: s.owner, Epoch: 1, Apply: []core.Apply{a}}
}

// holds are the fields that an object's managers hold, as the server writes them.
func holds(u *unstructured.Unstructured) map[string]string {
	all := map[string]string{}
	for _, e := range u.GetManagedFields() {
		all[fmt.Sprintf("%s (%s)%s", e.Manager, e.Operation, e.Subresource)] = string(e.FieldsV1.GetRawBytes())
	}
	return all
}

// What runs is taken over as it is: its fields go from all who have set them to us, and
// what we do not declare stays with whom it was.
func TestAdoptedAsItIs(t *testing.T) {
	e, r := tripping(t)
	s := meet(t, e)
	s.apply("helm", "{metadata: {labels: {app.kubernetes.io/managed-by: Helm, team: a}}, spec: {replicas: 2, addons: {dns: {tag: v1}}}}")
	s.update("controller", "spec: {addons: {proxy: {tag: v2}}, service: {metadata: {labels: {where: here}}}}")
	before := s.update("controller", "status: {ready: true}", "status")
	patches(r)

	a := s.wants(string(before.GetUID()), "{replicas: 2, addons: {dns: {tag: v1}, proxy: {tag: v2}}}")
	s.mustDo(s.work(a))
	after, o := s.stored(), s.seen(a.Object.ID)
	if o == nil || !o.Owned() || o.OwnerUID != s.owner.UID || o.Drifted {
		t.Errorf("it is reported as %+v", o)
	}
	if n := patches(r); n != 3 {
		t.Errorf("it took %d writes: want a dry run, a handing over and an apply", n)
	}
	if after.GetUID() != before.GetUID() || after.GetGeneration() != before.GetGeneration() {
		t.Errorf("it became %s in generation %d, it was %s in %d", after.GetUID(), after.GetGeneration(), before.GetUID(), before.GetGeneration())
	}
	if diff := cmp.Diff(before.Object["spec"], after.Object["spec"]) + cmp.Diff(before.Object["status"], after.Object["status"]); diff != "" {
		t.Errorf("it was changed (-before +after):\n%s", diff)
	}
	got := holds(after)
	delete(got, "tenantry (Apply)")
	want := map[string]string{
		"helm (Apply)":              `{"f:metadata":{"f:labels":{"f:team":{}}}}`,
		"controller (Update)":       `{"f:spec":{"f:service":{".":{},"f:metadata":{".":{},"f:labels":{".":{},"f:where":{}}}}}}`,
		"controller (Update)status": `{"f:status":{".":{},"f:ready":{}}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("others hold (-want +got):\n%s", diff)
	}

	// It is like any other of ours now: nothing is written again, and what is declared
	// no more goes.
	a.UID = o.UID
	s.mustDo(s.work(a))
	if again := s.stored(); again.GetResourceVersion() != after.GetResourceVersion() {
		t.Errorf("the next apply has written: %v", again.Object)
	}
	less := s.wants(o.UID, "{replicas: 2}")
	less.UID = o.UID
	s.mustDo(s.work(less))
	left := map[string]any{"replicas": int64(2), "tier": "small", "service": map[string]any{"metadata": map[string]any{"labels": map[string]any{"where": "here"}}}}
	if diff := cmp.Diff(left, s.stored().Object["spec"]); diff != "" {
		t.Errorf("of what is declared no more is left (-want +got):\n%s", diff)
	}
}

// Whoever had set what is declared has no part in it any more, whichever way it was done:
// what is declared no more goes.
func TestAdoptedFromAnybody(t *testing.T) {
	const spec = "{replicas: 2, addons: {dns: {tag: v1}}}"
	tests := []struct {
		name, reason string
		make         func(*strangers)
		want         []string // managers
	}{
		{"Applied", "who holds nothing any more goes altogether", func(s *strangers) { s.apply("helm", "spec: "+spec) }, nil},
		{"Shared", "two may hold the same", func(s *strangers) { s.apply("helm", "spec: "+spec); s.apply("flux", "spec: "+spec) }, nil},
		{"Written", "so do those that apply nothing", func(s *strangers) {
			s.apply("helm", "spec: {replicas: 1}")
			s.update("kubectl-edit", "spec: "+spec)
		}, nil},
		{"Mixed", "what is not declared stays with whom it was", func(s *strangers) {
			s.apply("helm", "{metadata: {labels: {team: a}}, spec: {replicas: 2}}")
			s.update("kubectl-edit", "spec: {addons: {dns: {tag: v1}, proxy: {}}}")
		}, []string{"helm (Apply)", "kubectl-edit (Update)"}},
		{"OurName", "a patch in our name is no apply", func(s *strangers) {
			s.apply("helm", "{spec: {replicas: 2}}")
			s.update(render.FieldManager, "spec: "+spec)
		}, nil},
		{"Nobody", "what is nobody's is not taken for somebody's who wrote before", func(s *strangers) {
			s.apply("helm", "spec: "+spec)
			s.update("helm", "metadata: {managedFields: [{}]}")
		}, nil},
	}
	e := begin(t, config(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := meet(t, e)
			tt.make(s)
			before := s.stored()
			a := s.wants(string(before.GetUID()), spec)
			s.mustDo(s.work(a))
			after, o := s.stored(), s.seen(a.Object.ID)
			if o == nil || !o.Owned() || o.Drifted || o.UID != string(before.GetUID()) || after.GetGeneration() != before.GetGeneration() {
				t.Errorf("%s: it is reported as %+v, in generation %d after %d", tt.reason, o, after.GetGeneration(), before.GetGeneration())
			}
			held := holds(after)
			delete(held, "tenantry (Apply)")
			if got := slices.Sorted(maps.Keys(held)); !slices.Equal(got, tt.want) {
				t.Errorf("%s: it is held by %v, want %v", tt.reason, held, tt.want)
			}
			a = s.wants("", "{replicas: 2}")
			a.UID = o.UID
			s.mustDo(s.work(a))
			if dns, there, _ := unstructured.NestedFieldNoCopy(s.stored().Object, "spec", "addons", "dns"); there {
				t.Errorf("%s: what is declared no more is still there: %v", tt.reason, dns)
			}
		})
	}
}

// A server that gives no schema costs one more write here, too.
func TestAdoptedWithoutSchema(t *testing.T) {
	e, r := tripping(t)
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	made, err := e.client.CoreV1().ConfigMaps(ns).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"key": "one"},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
	r.set(func() { r.blind = true })
	patches(r)
	object := configMap(t, owner, ns, "settings", "one")
	object.Adopts = string(made.UID)
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	if o := e.seen(object.ID); !o.Owned() || o.Drifted || o.UID != object.Adopts || patches(r) != 4 {
		t.Errorf("it is reported as %+v", o)
	}
}

// Kinds of the server's own and custom ones, with lists and what is filled in.
func TestAdoptedOfEveryKind(t *testing.T) {
	e := begin(t, config(t))
	client, err := dynamic.NewForConfig(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	kinds(t, client)
	e.watch([]string{configMaps, secrets, deployments, "v1/Service", certificates, shapeless})
	e.until("all kinds", func() bool { return len(last[core.Synced](e).Unknown) == 0 })
	owner, ns := e.tenant("acme")
	for _, d := range driftings {
		t.Run(d.name, func(t *testing.T) {
			var body map[string]any
			if err := yaml.Unmarshal([]byte(d.body), &body); err != nil {
				t.Fatal(err)
			}
			id := d.id
			id.Namespace, id.Name = ns, "x"
			object := rendered(t, owner, id, body)
			u := &unstructured.Unstructured{}
			if err := u.UnmarshalJSON(object.JSON); err != nil {
				t.Fatal(err)
			}
			u.SetLabels(map[string]string{"app": "x"})
			u.SetAnnotations(nil)
			resource := client.Resource(d.gvr()).Namespace(ns)
			before, err := resource.Create(t.Context(), u, metav1.CreateOptions{FieldManager: "kubectl-create"})
			if err != nil {
				t.Fatal(err)
			}
			object.Adopts = string(before.GetUID())
			work := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}}
			failures := e.do(work)
			for len(failures) == 1 && failures[0].Reason == "Conflict" { // controllers write meanwhile
				failures = e.do(work)
			}
			after, err := resource.Get(t.Context(), "x", metav1.GetOptions{})
			if err != nil || len(failures) > 0 {
				t.Fatalf("failures are %+v, %v (%s)", failures, err, d.reason)
			}
			if diff := cmp.Diff(before.Object["spec"], after.Object["spec"]) + cmp.Diff(before.Object["data"], after.Object["data"]); diff != "" {
				t.Errorf("it was changed (-before +after):\n%s", diff)
			}
			if o := e.seen(id); o == nil || !o.Owned() || o.Drifted || o.UID != object.Adopts {
				t.Errorf("it is reported as %+v", o)
			}
			// A new annotation is a new generation of a Deployment, and of nothing else.
			if was, is := before.GetGeneration(), after.GetGeneration(); was != is && d.name != "Deployment" {
				t.Errorf("it is in generation %d after %d", is, was)
			}
			mine := fieldsIn(t, after, render.FieldManager)
			if theirs := fieldsIn(t, after, "kubectl-create"); !theirs.Intersection(mine).Empty() {
				t.Errorf("still shared is %s", theirs.Intersection(mine))
			}
		})
	}
}

// fieldsIn are the fields that a manager holds of an object, but of its status.
func fieldsIn(t *testing.T, u *unstructured.Unstructured, manager string) *fieldpath.Set {
	t.Helper()
	all := fieldpath.NewSet()
	for _, e := range u.GetManagedFields() {
		if e.Manager == manager && e.Subresource == "" {
			set := &fieldpath.Set{}
			if err := set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
				t.Fatal(err)
			}
			all = all.Union(set)
		}
	}
	return all
}
