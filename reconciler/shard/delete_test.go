package shard_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

func TestDelete(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	first := e.seen(object.ID)
	remove := func(uid, version string) []core.Failure {
		return e.do(core.Work{Owner: owner, Epoch: 1, Delete: []core.Delete{{ID: object.ID, UID: uid, ResourceVersion: version}}})
	}

	cases := []struct{ name, reason, uid, version, want string }{
		{"no uid", "a name alone is never enough", "", first.ResourceVersion, "Internal"},
		{"no version", "what has changed since was not judged", first.UID, "", "Internal"},
		{"another uid", "a namesake is not the one that was judged", "another", first.ResourceVersion, "Conflict"},
		{"another version", "somebody has changed it since", first.UID, "1", "Conflict"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if f := remove(c.uid, c.version); len(f) != 1 || f[0].Reason != c.want || f[0].ID != object.ID {
				t.Errorf("failures are %+v, want %s: %s", f, c.want, c.reason)
			}
			if _, err := maps.Get(t.Context(), "settings", metav1.GetOptions{}); err != nil {
				t.Errorf("it is gone: %s", c.reason)
			}
		})
	}

	if f := remove(first.UID, first.ResourceVersion); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	if e.seen(object.ID) != nil {
		t.Error("it was not reported gone before Done")
	}
	if _, err := maps.Get(t.Context(), "settings", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	if f := remove(first.UID, first.ResourceVersion); len(f) > 0 {
		t.Errorf("deleting what is gone fails: %+v", f)
	}
	// The name can be used again, and what the watch still had to tell of the first
	// one does not hide the second.
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	if second := e.seen(object.ID); second == nil || second.UID == first.UID {
		t.Errorf("the second one is reported as %+v", second)
	}
}

func TestDeletedWithFinalizerIsReportedAsDeleting(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	object := configMap(t, owner, ns, "settings", "one")
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: object}}})
	stored, err := maps.Get(t.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stored.Finalizers = []string{"example.org/wait"}
	if stored, err = maps.Update(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Delete: []core.Delete{
		{ID: object.ID, UID: string(stored.UID), ResourceVersion: stored.ResourceVersion},
	}})
	if o := e.seen(object.ID); o == nil || !o.Deleting {
		t.Fatalf("reported as %+v", o)
	}
	again := []core.Apply{{Object: object}}
	if f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: again}); len(f) != 1 || f[0].Reason != "Terminating" {
		t.Errorf("making it anew gives %+v", f)
	}
	if stored, err = maps.Get(t.Context(), "settings", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	stored.Finalizers = nil
	if _, err := maps.Update(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("it is gone", func() bool { return e.objects[object.ID.String()] == nil })
}

func TestNamespaceOnItsWayOut(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	space, err := e.client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	space.Finalizers = []string{"example.org/wait"}
	if _, err := e.client.CoreV1().Namespaces().Update(t.Context(), space, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := e.client.CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: configMap(t, owner, ns, "late", "x")}}})
	if len(f) != 1 || f[0].Reason != "Terminating" {
		t.Errorf("failures are %+v", f)
	}
	if space, err = e.client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	space.Finalizers = nil
	if _, err := e.client.CoreV1().Namespaces().Update(t.Context(), space, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestAnchor(t *testing.T) {
	e := begin(t, config(t))
	e.watch(nil)
	owner, _ := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps("tenantry-system")
	name := "anchor-" + owner.UID
	raise := func(epoch int64, version string) []core.Failure {
		return e.do(core.Work{Owner: owner, Epoch: epoch, RaiseAnchor: true, AnchorVersion: version})
	}
	known := func() core.Anchor {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.anchors[owner.UID]
	}
	if f := raise(3, ""); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	first := known()
	stored, err := maps.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil || stored.Data["owner"] != owner.String() || stored.Data["epoch"] != "3" || stored.ResourceVersion != first.ResourceVersion || first.Epoch != 3 {
		t.Fatalf("stored is %v, %v; reported %+v", stored, err, first)
	}
	cases := []struct {
		name, reason, version, want string
		epoch                       int64
	}{
		{"made twice", "another replica was faster", "", "Conflict", 4},
		{"raised on an old version", "another replica was faster", "1", "Conflict", 4},
		{"lowered", "an epoch never goes back", first.ResourceVersion, "Superseded", 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if f := raise(c.epoch, c.version); len(f) != 1 || f[0].Reason != c.want || f[0].ID != (render.ObjectID{}) {
				t.Errorf("failures are %+v, want %s: %s", f, c.want, c.reason)
			}
			if got, err := maps.Get(t.Context(), name, metav1.GetOptions{}); err != nil || got.ResourceVersion != first.ResourceVersion {
				t.Errorf("it was written: %v, %v: %s", got, err, c.reason)
			}
		})
	}
	if f := raise(4, first.ResourceVersion); len(f) > 0 || known().Epoch != 4 {
		t.Fatalf("failures are %+v, reported %+v", f, known())
	}

	// What a person does to it is seen; what cannot be read stops everything.
	stored, err = maps.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stored.Data["epoch"] = "five"
	if stored, err = maps.Update(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("the spoilt anchor", func() bool { return e.anchors[owner.UID].ResourceVersion == stored.ResourceVersion })
	if f := raise(6, stored.ResourceVersion); len(f) != 1 || f[0].Reason != "Superseded" {
		t.Errorf("on a spoilt anchor, failures are %+v", f)
	}
	if err := maps.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.until("the anchor's end", func() bool { return e.anchors[owner.UID] == core.Anchor{OwnerUID: owner.UID} })
	if f := raise(6, stored.ResourceVersion); len(f) != 1 || f[0].Reason != "Conflict" {
		t.Errorf("on a deleted anchor, failures are %+v", f)
	}
	if f := raise(6, ""); len(f) > 0 || known().Epoch != 6 {
		t.Errorf("failures are %+v, reported %+v", f, known())
	}
}

func TestNothingOfALowerEpochIsApplied(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps})
	owner, ns := e.tenant("acme")
	e.mustDo(core.Work{Owner: owner, Epoch: 5, RaiseAnchor: true})
	f := e.do(core.Work{Owner: owner, Epoch: 4, Apply: []core.Apply{{Object: configMap(t, owner, ns, "old", "x")}}})
	if len(f) != 1 || f[0].Reason != "Superseded" {
		t.Errorf("failures are %+v", f)
	}
	if _, err := e.client.CoreV1().ConfigMaps(ns).Get(t.Context(), "old", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it was applied: %v", err)
	}
}
