package shard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

func (e *edge) create(ns, name, uid string) *corev1.ConfigMap {
	e.t.Helper()
	m := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{render.LabelUID: uid}}, Data: map[string]string{"key": "value"},
	}
	m, err := e.client.CoreV1().ConfigMaps(ns).Create(e.t.Context(), m, metav1.CreateOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

func TestSyncedComesAfterAllThatIsThere(t *testing.T) {
	e := begin(t, config(t))
	owner, ns := e.tenant("acme")
	for _, name := range []string{"a", "b", "c"} {
		e.create(ns, name, owner.UID)
	}
	synced := e.watch([]string{configMaps, "apps/v1/Deployment", "example.org/v1/Absent", "apps/v9/Deployment"})
	if want := []string{"apps/v1/Deployment", configMaps}; !slices.Equal(synced.Kinds, want) {
		t.Errorf("kinds are %v, want %v", synced.Kinds, want)
	}
	if want := []string{"apps/v9/Deployment", "example.org/v1/Absent"}; !slices.Equal(synced.Unknown, want) {
		t.Errorf("unknown are %v, want %v", synced.Unknown, want)
	}
	seen := 0
	for _, o := range e.objects {
		if o.OwnerUID == owner.UID {
			seen++
			if o.Content != nil {
				t.Error("content of a kind that is not judged was reported")
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d objects came before Synced", seen)
	}

	// From now on the same kind is judged: its content comes, too.
	e.watch([]string{configMaps}, configMaps)
	id := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: "a"}
	if o := e.seen(id); o.Content == nil {
		t.Error("content of a kind that is judged now was not reported")
	}
}

func TestChangesAreFollowed(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	made := e.create(ns, "a", owner.UID)
	id := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: "a"}
	key := id.String()
	e.until("the object", func() bool { return e.objects[key] != nil })
	if o := e.seen(id); o.UID != string(made.UID) || o.ResourceVersion != made.ResourceVersion || o.Ours || o.Self != "" {
		t.Errorf("reported as %+v", o)
	}

	made.Labels[render.LabelUID] = "another-owner"
	made, err := maps.Update(t.Context(), made, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.until("its new owner", func() bool { return e.objects[key] != nil && e.objects[key].OwnerUID == "another-owner" })
	if !e.told(core.Gone{OwnerUID: owner.UID, ID: id}) {
		t.Error("its old owner was not told that it is gone")
	}

	delete(made.Labels, render.LabelUID)
	if made, err = maps.Update(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("it is not labelled any more", func() bool { return e.objects[key] == nil })

	made.Labels = map[string]string{render.LabelUID: owner.UID}
	if _, err = maps.Update(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("it is back", func() bool { return e.objects[key] != nil })
	if err := maps.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("it is gone", func() bool { return e.objects[key] == nil })
}

func (e *edge) told(g core.Gone) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.events {
		if o, ok := event.(core.Observed); ok && slices.Contains(o.Gone, g) {
			return true
		}
	}
	return false
}

func TestKindThatIsServedLater(t *testing.T) {
	e := begin(t, config(t))
	group := fmt.Sprintf("t%d.tenantry.io", time.Now().UnixNano())
	kind := group + "/v1/Late"
	if s := e.watch([]string{kind}); !slices.Equal(s.Unknown, []string{kind}) {
		t.Fatalf("synced is %+v", s)
	}
	owner, ns := e.tenant("acme")
	late := rendered(t, owner, render.ObjectID{Group: group, Version: "v1", Kind: "Late", Namespace: ns, Name: "x"}, nil)
	if f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: late}}}); len(f) != 1 || f[0].Reason != "NoKind" {
		t.Errorf("failures are %+v", f)
	}
	client, err := dynamic.NewForConfig(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "lates." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced", "names": map[string]any{"plural": "lates", "singular": "late", "kind": "Late"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		},
	}}
	if _, err := crds.Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crds.Delete(t.Context(), "lates."+group, metav1.DeleteOptions{}) })
	e.until("the kind is served", func() bool {
		return slices.Equal(last[core.Synced](e).Kinds, []string{kind})
	})
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: late}}})
	if e.seen(late.ID) == nil {
		t.Error("the object was not reported")
	}
}

func TestWatchSurvivesAnOutage(t *testing.T) {
	run := fixture.Start(t)
	e := begin(t, config(t))
	e.watch([]string{configMaps}, configMaps)
	owner, ns := e.tenant("acme")
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object, Judged: true}}})
	uid := e.seen(object.ID).UID

	run.Down(t, run.Shards[0].Name)
	change := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "settings", "two"), UID: uid, Judged: true}}}
	if f := e.do(change); len(f) != 1 || f[0].Reason != "Unreachable" {
		t.Errorf("while it is down, failures are %+v", f)
	}
	run.Up(t, run.Shards[0].Name)

	e.mustDo(change)
	e.create(ns, "theirs", owner.UID)
	theirs := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: "theirs"}.String()
	e.until("what was made after the outage", func() bool { return e.objects[theirs] != nil })
	if err := e.client.CoreV1().ConfigMaps(ns).Delete(t.Context(), "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("what was deleted after it", func() bool { return e.objects[object.ID.String()] == nil })
}

func TestWhatVanishesBetweenTwoTermsIsGone(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	for _, name := range []string{"stays", "goes"} {
		e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, name, "x")}}})
	}
	e.mustDo(core.Work{Owner: owner, Epoch: 3, RaiseAnchor: true})
	id := func(name string) render.ObjectID {
		return render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: name}
	}

	e.keeper.set(core.Lease{Holder: "another", Identity: "this-cluster"})
	e.until("the end of the term", func() bool { return !last[core.Lease](e).Held })
	refused := core.Work{Owner: owner, Epoch: 3, Apply: []core.Apply{{Object: configMap(t, owner, ns, "refused", "x")}}}
	if f := e.do(refused); len(f) != 1 || f[0].Reason != "NoLease" {
		t.Errorf("without the lease, failures are %+v", f)
	}
	if err := e.client.CoreV1().ConfigMaps(ns).Delete(t.Context(), "goes", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := e.client.CoreV1().ConfigMaps("tenantry-system").Delete(t.Context(), "anchor-"+owner.UID, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if e.seen(id("goes")) == nil {
		t.Fatal("watched without the lease")
	}

	// The same cluster was asked to be watched before: it is again, unasked.
	e.keeper.set(core.Lease{Held: true, Identity: "this-cluster"})
	e.until("it is gone", func() bool { return e.objects[id("goes").String()] == nil })
	e.until("its anchor is gone", func() bool { return e.anchors[owner.UID].ResourceVersion == "" })
	if e.seen(id("stays")) == nil {
		t.Error("what stayed is gone, too")
	}
	e.mustDo(refused)

	// Another cluster is not touched before the core has seen who it is.
	e.keeper.set(core.Lease{Held: true, Identity: "another-cluster"})
	e.until("the other cluster", func() bool { return last[core.Lease](e).Identity == "another-cluster" })
	if f := e.do(core.Work{Owner: owner, Epoch: 3, Apply: []core.Apply{{Object: configMap(t, owner, ns, "lost", "x")}}}); len(f) != 1 || f[0].Reason != "NoLease" {
		t.Errorf("on another cluster, failures are %+v", f)
	}
}

func TestNoRequestOutlivesTheLease(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	e.keeper.mu.Lock()
	e.keeper.deadline = time.Now().Add(-time.Millisecond)
	e.keeper.mu.Unlock()
	f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "late", "x")}}})
	if len(f) != 1 || f[0].Reason != "NoLease" {
		t.Errorf("failures are %+v", f)
	}
	list, err := e.client.CoreV1().ConfigMaps(ns).List(t.Context(), metav1.ListOptions{LabelSelector: render.LabelUID})
	if err != nil || len(list.Items) > 0 {
		t.Errorf("there is %v, %v", list.Items, err)
	}
}

func TestEndReleasesAndRemembers(t *testing.T) {
	e := begin(t, config(t))
	e.watch(nil)
	e.shard.Handle(core.Remember{Shard: "eu-1", Tip: "t", Accepted: "c"})
	e.stop()
	if !e.keeper.released || !slices.Equal(e.keeper.memory, []string{"t c"}) {
		t.Errorf("released: %v, remembered: %v", e.keeper.released, e.keeper.memory)
	}
}
