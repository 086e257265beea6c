package shard_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// What an API server itself says of every kind of difference. Nothing is written.
func TestDiff(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{configMaps, secrets}, configMaps)
	owner, ns := e.tenant("acme")
	maps := e.client.CoreV1().ConfigMaps(ns)
	object := func(name, value string) render.Object { return configMap(t, owner, ns, name, value) }
	password := func(value string) render.Object {
		return rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: "password"},
			map[string]any{"data": map[string]any{"password": value}})
	}
	finalized := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: ns, Name: "going"}, nil)
	apply := []core.Apply{
		{Object: object("same", "one")}, {Object: object("drifted", "one")}, {Object: object("outdated", "one")}, {Object: password("b25l")}, {Object: finalized},
	}
	e.mustDo(core.Work{Owner: owner, Epoch: 3, Apply: apply})
	patch := func(name, content string) {
		t.Helper()
		if _, err := maps.Patch(t.Context(), name, types.MergePatchType, []byte(content), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
			t.Fatal(err)
		}
	}
	patch("same", `{"data":{"theirs":"x"}}`)
	patch("drifted", `{"data":{"key":"theirs"}}`)
	patch("going", `{"metadata":{"finalizers":["example.org/wait"]}}`)
	if err := maps.Delete(t.Context(), "going", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's own context has ended by then
		_, _ = maps.Patch(context.Background(), "going", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	})
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "foreign", Labels: map[string]string{render.LabelUID: owner.UID}}}
	if _, err := maps.Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	viewer, err := shard.NewViewer(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := viewer.Identity(t.Context()); err != nil || len(id) != 36 {
		t.Errorf("the cluster is %q, %v", id, err)
	}
	before := e.state(ns)
	if d := viewer.Diff(t.Context(), owner, rendered(t, owner, render.ObjectID{Group: "example.org", Version: "v1", Kind: "First", Namespace: ns, Name: "x"}, nil)); !strings.HasPrefix(d.Message, "NoKind") {
		t.Errorf("of an unknown kind that is asked about first it says %+v", d)
	}
	bad := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Service", Namespace: ns, Name: "bad"},
		map[string]any{"spec": map[string]any{"ports": []any{map[string]any{"port": 70000}}}})
	unheard := rendered(t, owner, render.ObjectID{Group: "example.org", Version: "v1", Kind: "Unheard", Namespace: ns, Name: "x"}, nil)
	misplaced := rendered(t, owner, render.ObjectID{Version: "v1", Kind: "Unheard", Namespace: ns, Name: "x"}, nil)
	outdated := object("outdated", "two")
	outdated.JSON = []byte(strings.ReplaceAll(string(outdated.JSON), `"0123"`, `"4567"`))
	tests := []struct {
		name, reason string
		object       render.Object
		want         shard.Difference
	}{
		{"Same", "what others add is theirs", object("same", "one"), shard.Difference{Others: []shard.Other{{Manager: "kubectl-edit (Update)", Fields: []string{"data.theirs"}}}}},
		{"Drifted", "somebody has changed what was applied", object("drifted", "one"), shard.Difference{Action: shard.Drifted, Message: "changed by kubectl-edit (Update)", Changes: []shard.Change{{Field: "data.key", From: "theirs", To: "one"}}}},
		{"Outdated", "what is declared has changed", outdated, shard.Difference{Action: shard.Outdated, Changes: []shard.Change{{Field: "data.key", From: "one", To: "two"}}}},
		{"Secret", "that it differs is told, not how", password("dHdv"), shard.Difference{Action: shard.Drifted, Changes: []shard.Change{{Field: "data.password", From: shard.Hidden, To: shard.Hidden}}}},
		{"Missing", "it would be made", object("missing", "one"), shard.Difference{Action: shard.Missing}},
		{"Nowhere", "so would its namespace", configMap(t, owner, "nowhere-"+ns, "x", "y"), shard.Difference{Action: shard.Missing}},
		{"Foreign", "a copied label makes nothing ours", object("foreign", "one"), shard.Difference{Action: shard.Foreign}},
		{"Terminating", "it comes back when it is gone", finalized, shard.Difference{Action: shard.Terminating}},
		{"Refused", "the shard would not take it", bad, shard.Difference{Action: shard.Refused, Message: "Invalid"}},
		{"Unheard", "nor what it does not know", unheard, shard.Difference{Action: shard.Refused, Message: "NoKind"}},
		{"UnheardHere", "in a group that it serves, either", misplaced, shard.Difference{Action: shard.Refused, Message: "NoKind"}},
		{"RefusedSecret", "a refusal quotes no Secret", password("c2VjcmV0*"), shard.Difference{Action: shard.Refused, Message: "Unavailable: the API server refused it: 500 Internal Server Error (its message is left out"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := viewer.Diff(t.Context(), owner, tt.object)
			if got.Object != tt.object.ID.String() || !strings.HasPrefix(got.Message, tt.want.Message) {
				t.Errorf("%s: it says %+v", tt.reason, got)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(shard.Difference{}, "Object", "Message")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
	if diff := cmp.Diff(before, e.state(ns)); diff != "" {
		t.Errorf("looking has changed something (-before +after):\n%s", diff)
	}

	seen, synced, err := viewer.Look(t.Context(), core.Watch{Shard: "eu-1", Kinds: []string{configMaps, secrets, "example.org/v1/Unheard"}, Judged: []string{configMaps}})
	if err != nil || !cmp.Equal(synced.Kinds, []string{configMaps, secrets}) || !cmp.Equal(synced.Unknown, []string{"example.org/v1/Unheard"}) {
		t.Fatalf("looking gives %+v, %v", synced, err)
	}
	for _, o := range seen.Objects {
		if o.OwnerUID == owner.UID && o.ID.Name == "drifted" && o.Drifted && o.Content != nil {
			return
		}
	}
	t.Errorf("what drifted is not among %d objects", len(seen.Objects))
}

// state is the resourceVersion of everything in a namespace.
func (e *edge) state(ns string) map[string]string {
	e.t.Helper()
	all := map[string]string{}
	configs, err := e.client.CoreV1().ConfigMaps(ns).List(e.t.Context(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, o := range configs.Items {
		all["ConfigMap/"+o.Name] = o.ResourceVersion
	}
	kept, err := e.client.CoreV1().Secrets(ns).List(e.t.Context(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, o := range kept.Items {
		all["Secret/"+o.Name] = o.ResourceVersion
	}
	services, err := e.client.CoreV1().Services(ns).List(e.t.Context(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, o := range services.Items {
		all["Service/"+o.Name] = o.ResourceVersion
	}
	return all
}

// A derived kubeconfig is compared with what would be made now, and stays hidden.
func TestDiffOfADerivedSecret(t *testing.T) {
	e, r := tripping(t)
	e.watch([]string{secrets}, secrets)
	owner, ns := e.tenant("acme")
	data, _ := issued(t, time.Now().Add(time.Hour))
	derived := render.Derived{
		ID: render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: owner.Name + "-kubeconfig"}, Key: "value",
		Certificate: render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: "admin-tls"},
		Server:      "https://10.0.0.7:6443", Cluster: owner.Name, User: "admin",
	}
	viewer, err := shard.NewViewer(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if d := viewer.DiffDerived(t.Context(), owner, derived); d.Action != shard.Missing || !strings.Contains(d.Message, "admin-tls") {
		t.Errorf("without its certificate it is %+v", d)
	}
	_, err = e.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "admin-tls", Labels: map[string]string{render.LabelUID: owner.UID}}, Type: corev1.SecretTypeTLS, Data: data,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.mustDo(core.Work{Owner: owner, Epoch: 2, Derive: []core.Derive{{Derived: derived, Source: hashed(data), Digest: "d1"}}})
	if d := viewer.DiffDerived(t.Context(), owner, derived); d.Action != "" {
		t.Errorf("as it was made it is %+v", d)
	}
	if _, err := e.client.CoreV1().Secrets(ns).Patch(t.Context(), derived.ID.Name, types.MergePatchType, []byte(`{"data":{"value":"dGhlaXJz"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []shard.Change{{Field: "data.value", From: shard.Hidden, To: shard.Hidden}}
	if d := viewer.DiffDerived(t.Context(), owner, derived); d.Action != shard.Drifted || !cmp.Equal(d.Changes, want) {
		t.Errorf("changed it is %+v", d)
	}
	// The daemon heals it as it does any object.
	e.until("it has drifted", func() bool { return e.objects[derived.ID.String()].Drifted })
	r.set(func() { r.count[http.MethodPatch] = 0 })
	healed := e.heal(core.Work{Owner: owner, Epoch: 2, Derive: []core.Derive{{Derived: derived, UID: e.seen(derived.ID).UID, Source: hashed(data), Digest: "d1", Heals: true}}})
	if len(healed) != 1 || healed[0].Field != "data.value" || patches(r) != 1 || e.seen(derived.ID).Drifted {
		t.Errorf("healed is %+v, it is %+v", healed, e.seen(derived.ID))
	}
}

// busy is an API server that asks to be left alone, once.
type busy struct {
	http.RoundTripper
	asked atomic.Bool
}

func (b *busy) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/configmaps/") && !b.asked.Swap(true) {
		h := http.Header{"Retry-After": {"0"}, "Content-Type": {"text/plain"}}
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: h, Body: http.NoBody, Request: r}, nil
	}
	return b.RoundTripper.RoundTrip(r)
}

// Who writes nothing may ask again.
func TestViewerWaitsForABusyServer(t *testing.T) {
	cfg, server := rest.CopyConfig(config(t)), &busy{}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		server.RoundTripper = next
		return server
	})
	viewer, err := shard.NewViewer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	owner := render.Owner{Kind: render.OwnerTenant, Name: "acme", UID: "u"}
	if d := viewer.Diff(t.Context(), owner, configMap(t, owner, "default", "none", "x")); d.Action != shard.Missing || !server.asked.Load() {
		t.Errorf("it says %+v", d)
	}
}
