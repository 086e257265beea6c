package shard_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

const configMaps = "v1/ConfigMap"

func TestApplyIsObservedBeforeDone(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps}, configMaps)
	owner, ns := e.tenant("acme")
	object := configMap(t, owner, ns, "settings", "one")

	e.mustDo(core.Work{Shard: "eu-1", Owner: owner, Epoch: 7, Apply: []core.Apply{{Object: object, Judged: true}}})
	o := e.seen(object.ID)
	if o == nil {
		t.Fatal("the object was not reported before Done")
	}
	switch {
	case !o.Owned(), o.OwnerUID != owner.UID, o.Epoch != 7, o.Digest != "0123", o.UID == "", o.ResourceVersion == "":
		t.Errorf("reported as %+v", o)
	case o.Content["data"].(map[string]any)["key"] != "one":
		t.Errorf("content is %v", o.Content)
	case o.Content["metadata"].(map[string]any)["managedFields"] != nil:
		t.Error("content holds managedFields")
	}

	// The same object again, changed, by its uid: one write, a newer version.
	object = configMap(t, owner, ns, "settings", "two")
	e.mustDo(core.Work{Shard: "eu-1", Owner: owner, Epoch: 8, Apply: []core.Apply{{Object: object, UID: o.UID, Judged: true}}})
	if again := e.seen(object.ID); again.UID != o.UID || again.Epoch != 8 || again.ResourceVersion == o.ResourceVersion {
		t.Errorf("reported as %+v after %+v", again, o)
	}
	stored, err := e.client.CoreV1().ConfigMaps(ns).Get(t.Context(), "settings", metav1.GetOptions{})
	if err != nil || stored.Data["key"] != "two" {
		t.Errorf("stored is %v, %v", stored.Data, err)
	}
}

func TestForeignObjectIsLeftAlone(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	ours := configMap(t, owner, ns, "ours", "x")
	cases := []struct {
		name, reason string
		labels       map[string]string
		annotations  map[string]string
	}{
		{name: "plain", reason: "an unlabelled object is never adopted"},
		{
			name: "copied-label", reason: "labels are easily copied with the rest",
			labels: map[string]string{render.LabelUID: owner.UID},
		},
		{
			name: "copied-all", reason: "so are annotations; the managedFields entry is not",
			labels:      map[string]string{render.LabelUID: owner.UID},
			annotations: map[string]string{render.AnnotationObject: "ConfigMap/" + ns + "/copied-all", render.AnnotationDigest: "0123"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before, err := maps.Create(t.Context(), &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: c.name, Labels: c.labels, Annotations: c.annotations},
				Data:       map[string]string{"key": "theirs"},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			failures := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{
				{Object: configMap(t, owner, ns, c.name, "mine")}, {Object: ours},
			}})
			if len(failures) != 1 || failures[0].Reason != "Foreign" || !strings.Contains(failures[0].Message, "ConfigMap/"+ns+"/"+c.name+" exists already") {
				t.Fatalf("failures are %+v (%s)", failures, c.reason)
			}
			after, err := maps.Get(t.Context(), c.name, metav1.GetOptions{})
			if err != nil || after.ResourceVersion != before.ResourceVersion {
				t.Errorf("it was written: %v, %v (%s)", after, err, c.reason)
			}
			if _, err := maps.Get(t.Context(), "ours", metav1.GetOptions{}); err != nil {
				t.Errorf("its neighbour was not written: %v", err)
			}
			if c.labels != nil {
				if o := e.seen(render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: c.name}); o == nil || o.Owned() {
					t.Errorf("a copied label makes it %+v (%s)", o, c.reason)
				}
			}
		})
	}
}

func TestOwnObjectThatWasNotKnownIsGoneOnWith(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	apply := []core.Apply{{Object: configMap(t, owner, ns, "settings", "one")}}
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: apply})
	first := e.seen(apply[0].Object.ID)
	// A replica that was killed before it heard: it takes the object for absent.
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: apply})
	if o := e.seen(apply[0].Object.ID); o.UID != first.UID {
		t.Errorf("it was made anew: %s, before %s", o.UID, first.UID)
	}
	other := render.Owner{Kind: render.OwnerTenant, Name: "other", UID: "other-uid"}
	failures := e.do(core.Work{Owner: other, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, other, ns, "settings", "two")}}})
	if len(failures) != 1 || failures[0].Reason != "Foreign" || !strings.Contains(failures[0].Message, owner.UID) {
		t.Errorf("another owner of ours gets %+v", failures)
	}
}

func TestRecreatedObjectIsNotOverwrittenByItsNamesake(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	uid := e.seen(object.ID).UID
	if err := maps.Delete(t.Context(), "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	change := core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "settings", "two"), UID: uid}}}
	if f := e.do(change); len(f) != 1 || f[0].Reason != "Conflict" {
		t.Errorf("writing to what is gone gives %+v", f)
	}
	if _, err := maps.Get(t.Context(), "settings", metav1.GetOptions{}); err == nil {
		t.Error("a change made anew what is gone")
	}
	if _, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if f := e.do(change); len(f) != 1 || f[0].Reason != "Conflict" {
		t.Errorf("writing to its namesake gives %+v", f)
	}
}

func TestFailuresNameWhatFailedAndNothingElseStops(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	bad := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Service", Namespace: ns, Name: "bad"},
		map[string]any{"spec": map[string]any{"ports": []any{map[string]any{"port": 70000}}}})
	unknown := rendered(t, owner, render.ObjectID{Group: "example.org", Version: "v1", Kind: "Thing", Namespace: ns, Name: "t"}, nil)
	elsewhere := configMap(t, owner, "nowhere-"+ns, "x", "y")
	good := configMap(t, owner, ns, "good", "y")
	failures := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{
		{Object: bad}, {Object: unknown}, {Object: elsewhere}, {Object: good},
	}})
	got := map[string]string{}
	for _, f := range failures {
		got[f.ID.Name] = f.Reason
	}
	if len(got) != 3 || got["bad"] != "Invalid" || got["t"] != "NoKind" || got["x"] != "NotFound" {
		t.Errorf("failures are %+v", failures)
	}
	if !strings.Contains(failures[0].Message, "spec.ports[0].port") {
		t.Errorf("the API server's message is lost: %s", failures[0].Message)
	}
	if e.seen(good.ID) == nil {
		t.Error("the good one was not applied")
	}

	// What does not exist yet stops what would live in it, and deletes wait for all.
	space := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Namespace", Name: "Bad_Name"}, nil)
	failures = e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: space}, {Object: configMap(t, owner, ns, "later", "y")}},
		Delete: []core.Delete{{ID: good.ID, UID: e.seen(good.ID).UID, ResourceVersion: e.seen(good.ID).ResourceVersion}}})
	if len(failures) != 1 || failures[0].ID.Kind != "Namespace" || failures[0].Reason != "Invalid" {
		t.Errorf("failures are %+v", failures)
	}
	list, err := e.client.CoreV1().ConfigMaps(ns).List(t.Context(), metav1.ListOptions{LabelSelector: render.LabelUID})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "good" {
		t.Errorf("there is %v, %v", list.Items, err)
	}
}
