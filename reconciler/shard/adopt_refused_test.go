package shard_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// What is not what was imported is left alone, and told. Nothing is made in its place.
func TestWhatIsNotAdopted(t *testing.T) {
	const spec = "{replicas: 2}"
	tests := []struct {
		name, reason string
		make         func(*strangers)
		uid          string // empty: that of the object
		wants        string
		failure      string
		message      string
		diff         shard.Difference
	}{
		{
			"Differs", "it would be changed", func(s *strangers) { s.apply("helm", "spec: {replicas: 3, addons: {dns: {tag: v1}}}") },
			"", "{replicas: 2, addons: {dns: {tag: v2}}}",
			"NotAdopted", "is not as it is declared, in spec.addons.dns.tag, spec.replicas: run tenantry import again, or declare it so",
			shard.Difference{Action: shard.Adopts, Changes: []shard.Change{{Field: "spec.addons.dns.tag", From: "v1", To: "v2"}, {Field: "spec.replicas", From: 3.0, To: 2.0}}},
		},
		{
			"More", "so it would by a field that it lacks", func(s *strangers) { s.apply("helm", "{}") }, "", "{replicas: 1, tier: big, addons: {dns: {}, proxy: {}}, service: {metadata: {labels: {a: b}}}}",
			"NotAdopted", "is not as it is declared, in spec: run",
			shard.Difference{Action: shard.Adopts, Changes: []shard.Change{{Field: "spec", To: map[string]any{
				"replicas": 1.0, "tier": "big", "addons": map[string]any{"dns": map[string]any{}, "proxy": map[string]any{}}, "service": map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}},
			}}}},
		},
		{
			"Another", "whoever made it anew meant something else", func(s *strangers) { s.apply("helm", "spec: "+spec) }, "some-uid", spec,
			"NotAdopted", "it is another one (uid ",
			shard.Difference{Action: shard.Foreign},
		},
		{
			"Absent", "what is gone is not made anew, its data may be elsewhere", func(*strangers) {}, "some-uid", spec,
			"NotAdopted", "the one that is to be taken over (uid some-uid) is not there; nothing is made in its place",
			shard.Difference{Action: shard.Missing},
		},
		{
			"Terminating", "somebody wants it to go", func(s *strangers) {
				s.apply("helm", "{metadata: {finalizers: [example.org/wait]}, spec: {replicas: 2}}")
				s.remove()
			}, "", spec, "Terminating", "is on its way out; nothing is made in its place",
			shard.Difference{Action: shard.Terminating},
		},
		{
			"AnotherOwner", "it is taken over already, by another", func(s *strangers) {
				other := s.owner
				s.owner = render.Owner{Kind: render.OwnerTenant, Name: "other", UID: "uid-other"}
				s.mustDo(s.work(s.wants("", spec)))
				s.owner = other
			}, "", spec, "Foreign", "belongs to another owner of Tenantry's (uid uid-other)",
			shard.Difference{Action: shard.Foreign},
		},
	}
	e := begin(t, config(t))
	viewer, err := shard.NewViewer(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := meet(t, e)
			tt.make(s)
			before, err := s.planes.List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			uid := tt.uid
			if uid == "" {
				uid = string(before.Items[0].GetUID())
			}
			a := s.wants(uid, tt.wants)
			f := s.do(s.work(a))
			if len(f) != 1 || f[0].Reason != tt.failure || !strings.Contains(f[0].Message, tt.message) {
				t.Errorf("%s: failures are %+v", tt.reason, f)
			}
			got := viewer.Diff(t.Context(), s.owner, a.Object)
			if diff := cmp.Diff(tt.diff, got, cmpopts.IgnoreFields(shard.Difference{}, "Object", "Message", "Others")); diff != "" || got.Message == "" || !got.Differs() {
				t.Errorf("%s: the difference is told as %q (-want +got):\n%s", tt.reason, got.Message, diff)
			}
			after, err := s.planes.List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before.Items, after.Items); diff != "" {
				t.Errorf("%s: something was written (-before +after):\n%s", tt.reason, diff)
			}
		})
	}
}

// remove begins the end of the plane; it ends with the test.
func (s *strangers) remove() {
	s.t.Helper()
	if err := s.planes.Delete(s.t.Context(), "prod", metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { // the test's own context has ended by then
		_, _ = s.planes.Patch(context.Background(), "prod", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	})
}

// What would be taken over as it is is told, and is no difference.
func TestDiffOfWhatIsAdopted(t *testing.T) {
	e := begin(t, config(t))
	s := meet(t, e)
	before := s.apply("helm", "{metadata: {labels: {team: a}}, spec: {replicas: 2}}")
	viewer, err := shard.NewViewer(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	a := s.wants(string(before.GetUID()), "{replicas: 2}")
	got := viewer.Diff(t.Context(), s.owner, a.Object)
	want := shard.Difference{
		Object: a.Object.ID.String(), Action: shard.Adopts, Message: "it would be taken over as it is",
		Others: []shard.Other{{Manager: "helm (Apply)", Fields: []string{"metadata.labels.team"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || got.Differs() {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if after := s.stored(); after.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("looking has changed it: %v", after.Object)
	}
	s.mustDo(s.work(a))
	if got := viewer.Diff(t.Context(), s.owner, a.Object); got.Action != "" {
		t.Errorf("taken over it differs: %+v", got)
	}
}

// What differs of a Secret is named, never shown.
func TestAdoptedSecret(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{secrets})
	owner, ns := e.tenant("acme")
	made, err := e.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "password"}, Data: map[string][]byte{"user": []byte("acme"), "password": []byte("live-secret")},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
	wants := func(password string) render.Object {
		object := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: "password"},
			map[string]any{"data": map[string]any{"user": "YWNtZQ==", "password": base64.StdEncoding.EncodeToString([]byte(password))}})
		object.Adopts = string(made.UID)
		return object
	}
	f := e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: wants("declared-secret")}}})
	if len(f) != 1 || f[0].Reason != "NotAdopted" || !strings.Contains(f[0].Message, "in data.password: run") {
		t.Errorf("failures are %+v", f)
	}
	viewer, err := shard.NewViewer(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := viewer.Diff(t.Context(), owner, wants("declared-secret"))
	if diff := cmp.Diff([]shard.Change{{Field: "data.password", From: shard.Hidden, To: shard.Hidden}}, d.Changes); diff != "" || d.Action != shard.Adopts {
		t.Errorf("it is told as %+v (-want +got):\n%s", d, diff)
	}
	e.mustDo(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: wants("live-secret")}}})
	if o := e.seen(wants("").ID); o == nil || !o.Owned() || o.Drifted || o.UID != string(made.UID) {
		t.Errorf("it is reported as %+v", o)
	}
}
