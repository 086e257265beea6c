package shard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// define has the API server serve a kind, once for all tests.
func define(t *testing.T, client dynamic.Interface, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	definition := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &definition.Object); err != nil {
		t.Fatal(err)
	}
	kinds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	watch, err := kinds.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + definition.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if _, err := kinds.Apply(t.Context(), definition.GetName(), definition, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
		t.Fatal(err)
	}
	limit := time.After(patience)
	for {
		select {
		case e := <-watch.ResultChan():
			o, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				t.Fatalf("watch: %+v", e)
			}
			conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
			for _, c := range conditions {
				if c := c.(map[string]any); c["type"] == "Established" && c["status"] == "True" {
					return
				}
			}
		case <-limit:
			t.Fatal("the API server does not serve it")
		}
	}
}

// nulls is an API server that makes null of a mapping whose last child is applied no
// more, as those do that have no better server-side apply than this: it refuses such an
// apply until the mapping is empty.
type nulls struct {
	http.RoundTripper
	planes  dynamic.ResourceInterface
	refused atomic.Int32
}

func (n *nulls) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPatch || r.Header.Get("Content-Type") != string(types.ApplyPatchType) || !strings.Contains(r.URL.Path, "/planes/") {
		return n.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var applied unstructured.Unstructured
	if err := json.Unmarshal(body, &applied.Object); err != nil {
		return nil, err
	}
	stored, err := n.planes.Get(r.Context(), applied.GetName(), metav1.GetOptions{})
	if err != nil {
		return n.RoundTripper.RoundTrip(r)
	}
	var causes []metav1.StatusCause
	for _, path := range []string{"spec.addons", "spec.service.metadata"} {
		had, _, _ := unstructured.NestedMap(stored.Object, strings.Split(path, ".")...)
		if _, keeps, _ := unstructured.NestedMap(applied.Object, strings.Split(path, ".")...); len(had) > 0 && !keeps {
			causes = append(causes, metav1.StatusCause{
				Type: metav1.CauseTypeFieldValueInvalid, Field: path,
				Message: `Invalid value: "null": ` + path + ` in body must be of type object: "null"`,
			})
		}
	}
	if len(causes) == 0 {
		return n.RoundTripper.RoundTrip(r)
	}
	n.refused.Add(1)
	answer, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Message: "invalid", Details: &metav1.StatusDetails{Causes: causes},
	})
	return &http.Response{
		StatusCode: http.StatusUnprocessableEntity, Header: http.Header{"Content-Type": []string{"application/json"}},
		Body: io.NopCloser(bytes.NewReader(answer)), Request: r,
	}, err
}

// A controller writes whole Go structs, and owns mappings that it leaves empty. What
// we had put into one goes when it is declared no more, on every API server.
func TestLastChildOfAnEmptyMapping(t *testing.T) {
	for _, refuses := range []bool{false, true} {
		t.Run(fmt.Sprintf("Refused=%t", refuses), func(t *testing.T) { testLastChild(t, refuses) })
	}
}

func testLastChild(t *testing.T, refuses bool) {
	cfg := config(t)
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	define(t, client, "testdata/planes.yaml")
	server := &nulls{}
	if refuses {
		cfg = rest.CopyConfig(cfg)
		cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
			server.RoundTripper = next
			return server
		})
	}
	e := begin(t, cfg)
	owner, ns := e.tenant("acme")
	e.watch([]string{"shard.example.com/v1/Plane"}, "shard.example.com/v1/Plane")
	id := render.ObjectID{Group: "shard.example.com", Version: "v1", Kind: "Plane", Namespace: ns, Name: "acme"}
	planes := client.Resource(schema.GroupVersionResource{Group: id.Group, Version: id.Version, Resource: "planes"}).Namespace(ns)
	server.planes = planes
	apply := func(spec map[string]any) []core.Failure {
		uid := ""
		if o := e.seen(id); o != nil {
			uid = o.UID
		}
		return e.do(core.Work{Owner: owner, Epoch: 1, Apply: []core.Apply{{Object: rendered(t, owner, id, map[string]any{"spec": spec}), UID: uid, Judged: true}}})
	}
	stored := func() map[string]any {
		o, err := planes.Get(t.Context(), id.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		return spec
	}

	if f := apply(map[string]any{"replicas": int64(1)}); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	// The controller's first Update.
	_, err = planes.Patch(t.Context(), id.Name, types.MergePatchType, []byte(`{"spec": {"addons": {}, "service": {"metadata": {}}}}`), metav1.PatchOptions{FieldManager: "controller"})
	if err != nil {
		t.Fatal(err)
	}
	full := map[string]any{
		"replicas": int64(1),
		"addons":   map[string]any{"dns": map[string]any{}, "proxy": map[string]any{"tag": "v1"}},
		"service":  map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}},
	}
	if f := apply(full); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	if f := apply(map[string]any{"replicas": int64(2)}); len(f) > 0 {
		t.Fatalf("what is declared no more cannot be taken away: %+v", f)
	}
	spec := stored()
	if addons, there := spec["addons"].(map[string]any); !there || len(addons) > 0 || spec["replicas"] != int64(2) {
		t.Errorf("stored is %v", spec)
	}
	if labels, there, _ := unstructured.NestedMap(spec, "service", "metadata", "labels"); there && len(labels) > 0 {
		t.Errorf("stored is %v", spec)
	}
	if o := e.seen(id); !o.Owned() {
		t.Errorf("it is not ours any more: %+v", o)
	}
	if refused := server.refused.Load() > 0; refused != refuses {
		t.Errorf("refused: %t", refused)
	}
	// And back again.
	if f := apply(full); len(f) > 0 {
		t.Fatalf("failures are %+v", f)
	}
	if tag, _, _ := unstructured.NestedString(stored(), "addons", "proxy", "tag"); tag != "v1" {
		t.Errorf("stored is %v", stored())
	}
}
