package shard

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/render"
)

var deployment = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}

// document is what a Kubernetes API server (v1.36.3) says of apps/v1, as far as a
// Deployment is made of it, without descriptions.
func document(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/apps.v1.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func deploymentType(t testing.TB) managedfields.TypeConverter {
	t.Helper()
	converter, err := typeOf(document(t), deployment)
	if err != nil {
		t.Fatal(err)
	}
	return converter
}

func parsed(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	content, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(content); err != nil {
		t.Fatal(err)
	}
	return u
}

const head = "apiVersion: apps/v1\nkind: Deployment\n"

func TestFieldsOf(t *testing.T) {
	tests := []struct {
		name, reason, object, want string
		deduced                    bool
	}{
		{
			name: "metadata", reason: "who it is is nobody's field",
			object: head + "metadata: {name: x, namespace: ns, uid: z, resourceVersion: '1', labels: {a: b}, annotations: {c: d}}",
			want:   `{"f:metadata":{"f:annotations":{"f:c":{}},"f:labels":{"f:a":{}}}}`,
		},
		{
			name: "items with a key", reason: "containers are told apart by name, env too",
			object: head + "spec: {template: {spec: {containers: [{name: api, image: i, env: [{name: E, value: v}]}]}}}",
			want:   `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{".":{},"f:env":{"k:{\"name\":\"E\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{}}}}}}}`,
		},
		{
			name: "a key by default", reason: "the protocol of a port is part of its key although nobody wrote it",
			object: head + "spec: {template: {spec: {containers: [{name: api, ports: [{containerPort: 6443}]}]}}}",
			want:   `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{".":{},"f:name":{},"f:ports":{"k:{\"containerPort\":6443,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}`,
		},
		{
			name: "atomic", reason: "a list of arguments, and a selector, belong to one manager as a whole",
			object: head + "spec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: api, args: [one, two]}]}}}",
			want:   `{"f:spec":{"f:selector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{".":{},"f:args":{},"f:name":{}}}}}}}`,
		},
		{
			name: "empty", reason: "an empty struct is a field, an empty list of items with keys is none",
			object: head + "spec: {template: {spec: {securityContext: {}, containers: []}}}",
			want:   `{"f:spec":{"f:template":{"f:spec":{"f:securityContext":{}}}}}`,
		},
		{
			name: "no schema", reason: "a kind without one has lists as a whole and maps apart", deduced: true,
			object: "apiVersion: a/v1\nkind: B\nspec: {list: [{a: 1}, 2], map: {deep: {er: true}}, float: 1.5}",
			want:   `{"f:spec":{".":{},"f:float":{},"f:list":{},"f:map":{".":{},"f:deep":{".":{},"f:er":{}}}}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			converter := deploymentType(t)
			if tt.deduced {
				converter = managedfields.NewDeducedTypeConverter()
			}
			set, err := fieldsOf(converter, parsed(t, tt.object))
			if err != nil {
				t.Fatal(err)
			}
			got, err := set.ToJSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
	if _, err := fieldsOf(deploymentType(t), parsed(t, head+"spec: {unknown: 1}")); err == nil || !strings.Contains(err.Error(), "Deployment") {
		t.Errorf("an unknown field gives %v", err)
	}
}

func TestMarks(t *testing.T) {
	entry := func(fields string) *metav1.ManagedFieldsEntry {
		return &metav1.ManagedFieldsEntry{FieldsV1: metav1.NewFieldsV1(fields)}
	}
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("data", "a"), fieldpath.MakePathOrDie("data", "b"))
	tests := []struct {
		name, reason string
		entry        *metav1.ManagedFieldsEntry
		annotation   string
		want         bool
	}{
		{"Same", "as we left it", entry(`{"f:data":{"f:a":{},"f:b":{}}}`), mark(set), true},
		{"Order", "a server of another version may order them otherwise", entry(`{"f:data": {"f:b":{},"f:a":{}}}`), mark(set), true},
		{"Less", "a field was taken", entry(`{"f:data":{"f:a":{}}}`), mark(set), false},
		{"More", "an older write of ours", entry(`{"f:data":{"f:a":{},"f:b":{},"f:c":{}}}`), mark(set), false},
		{"NoMark", "an older version of ours wrote it", entry(`{"f:data":{"f:a":{},"f:b":{}}}`), "", false},
		{"Unreadable", "what cannot be read is not as we left it", entry(`{`), mark(set), false},
		{"Nothing", "nor is nothing", &metav1.ManagedFieldsEntry{}, mark(set), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := marks(tt.entry, tt.annotation); got != tt.want {
				t.Errorf("marks is %t: %s", got, tt.reason)
			}
		})
	}
	if m := mark(set); len(m) != 16 {
		t.Errorf("a mark is %q", m)
	}
}

func TestTaken(t *testing.T) {
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)}
	}
	entry := func(manager, operation string, minute int, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), Time: at(minute), FieldsV1: metav1.NewFieldsV1(fields),
		}
	}
	status := entry("controller", "Update", 9, `{"f:data":{"f:a":{}}}`)
	status.Subresource = "status"
	want := fieldpath.NewSet(fieldpath.MakePathOrDie("data", "a"), fieldpath.MakePathOrDie("data", "b"))
	ours := entry(render.FieldManager, "Apply", 5, `{"f:data":{"f:b":{}}}`)
	tests := []struct {
		name, reason string
		entries      []metav1.ManagedFieldsEntry
		want         *fieldpath.Set
		field, rival string
	}{
		{"One", "who holds it now", []metav1.ManagedFieldsEntry{ours, entry("kubectl-edit", "Update", 3, `{"f:data":{"f:a":{}}}`)}, want, "data.a", "kubectl-edit (Update)"},
		{"Innocent", "who wrote later, but something else, has taken nothing", []metav1.ManagedFieldsEntry{
			ours, entry("kubectl-edit", "Update", 3, `{"f:data":{"f:a":{}}}`), entry("hpa", "Update", 9, `{"f:data":{"f:z":{}}}`),
		}, want, "data.a", "kubectl-edit (Update)"},
		{"Last", "of several the last", []metav1.ManagedFieldsEntry{
			ours, entry("argo", "Apply", 8, `{"f:data":{"f:a":{}}}`), entry("kubectl-edit", "Update", 7, `{"f:data":{"f:a":{}}}`),
		}, want, "data.a", "argo (Apply)"},
		{"Removed", "who removes a field holds none of it", []metav1.ManagedFieldsEntry{ours, entry("hpa", "Update", 9, `{"f:data":{"f:z":{}}}`)}, want, "data.a", ""},
		{"Status", "another part of the object is another matter", []metav1.ManagedFieldsEntry{ours, status}, want, "data.a", ""},
		{"Nothing", "nothing was taken", []metav1.ManagedFieldsEntry{entry(render.FieldManager, "Apply", 5, `{"f:data":{"f:a":{},"f:b":{}}}`)}, want, "", ""},
		{"NoSchema", "without a schema it is who wrote since", []metav1.ManagedFieldsEntry{
			ours, entry("old", "Update", 1, `{"f:data":{"f:x":{}}}`), entry("argo", "Apply", 8, `{"f:data":{"f:a":{}}}`),
		}, nil, "data.a", "argo (Apply)"},
		{"OurUpdate", "our name in another operation is somebody else", []metav1.ManagedFieldsEntry{ours, entry(render.FieldManager, "Update", 8, `{"f:data":{"f:a":{}}}`)}, want, "data.a", "tenantry (Update)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if field, rival := taken(tt.entries, tt.want); field != tt.field || rival != tt.rival {
				t.Errorf("taken are %q by %q: %s", field, rival, tt.reason)
			}
		})
	}
	secret := value.NewValueInterface("value")
	if name := first(fieldpath.NewSet(fieldpath.MakePathOrDie("metadata", "finalizers", secret))); name != "metadata.finalizers" {
		t.Errorf("an item that is told by its value is called %s", name)
	}
}

func TestTypeOf(t *testing.T) {
	if _, err := typeOf([]byte(`{"components":{"schemas":{"A":{"type":"object","x-kubernetes-group-version-kind":[{"group":"apps","version":"v1","kind":"Deployment"}],"properties":{"spec":{"$ref":"#/components/schemas/B"}}}}}}`), deployment); err == nil || !strings.Contains(err.Error(), "definition B is missing") {
		t.Errorf("a torn document gives %v", err)
	}
	if _, err := typeOf([]byte(`{`), deployment); err == nil {
		t.Error("no document gives no error")
	}
	converter, err := typeOf(document(t), deployment.GroupVersion().WithKind("Unheard"))
	if err != nil {
		t.Fatal(err)
	}
	if set, err := fieldsOf(converter, parsed(t, "apiVersion: apps/v1\nkind: Unheard\nspec: {a: [1]}")); err != nil || !set.Has(fieldpath.MakePathOrDie("spec", "a")) {
		t.Errorf("a kind that the document lacks gives %v, %v", set, err)
	}
}

func TestSchemasAreBounded(t *testing.T) {
	s := NewSchemas()
	for i := range 10 * most {
		s.put(typeKey{hash: fmt.Sprint(i)}, managedfields.NewDeducedTypeConverter())
	}
	if n := len(s.types); n > most {
		t.Errorf("%d types are kept", n)
	}
	if s.get(typeKey{hash: fmt.Sprint(10*most - 1)}) == nil {
		t.Error("the newest is not kept")
	}
}

const controlPlane = head + `
metadata:
  name: control-plane
  namespace: tenant-acme
  labels: {tenantry.io/uid: a, tenantry.io/tenant: acme, app.kubernetes.io/managed-by: tenantry}
  annotations: {tenantry.io/object: a, tenantry.io/digest: b, tenantry.io/epoch: '1', tenantry.io/fields: c}
spec:
  replicas: 2
  selector: {matchLabels: {app: control-plane}}
  template:
    metadata: {labels: {app: control-plane}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: api
          image: example.org/api:v1
          args: [--a=1, --b=2, --c=3, --d=4, --e=5, --f=6, --g=7, --h=8]
          env: [{name: LEVEL, value: info}, {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
          ports: [{name: https, containerPort: 6443}]
          livenessProbe: {httpGet: {path: /livez, port: https, scheme: HTTPS}, periodSeconds: 10}
          readinessProbe: {httpGet: {path: /readyz, port: https, scheme: HTTPS}, periodSeconds: 1}
          resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 2Gi}}
          volumeMounts: [{name: tls, mountPath: /tls, readOnly: true}, {name: ca, mountPath: /ca, readOnly: true}]
        - {name: controllers, image: example.org/controllers:v1, args: [--a=1, --b=2, --c=3]}
        - {name: scheduler, image: example.org/scheduler:v1, args: [--a=1, --b=2]}
      volumes: [{name: tls, secret: {secretName: tls}}, {name: ca, secret: {secretName: ca, items: [{key: tls.crt, path: ca.crt}]}}]
`

// What computing a mark adds to an apply, which costs an API server some four
// milliseconds.
func BenchmarkFields(b *testing.B) {
	converter, u := deploymentType(b), parsed(b, controlPlane)
	b.ReportAllocs()
	for b.Loop() {
		set, err := fieldsOf(converter, u)
		if err != nil || mark(set) == "" {
			b.Fatal(err)
		}
	}
}

// What it costs to see that an object has not drifted, and that it has.
func BenchmarkMarks(b *testing.B) {
	set, err := fieldsOf(deploymentType(b), parsed(b, controlPlane))
	if err != nil {
		b.Fatal(err)
	}
	content, err := set.ToJSON()
	if err != nil {
		b.Fatal(err)
	}
	entry := &metav1.ManagedFieldsEntry{FieldsV1: metav1.NewFieldsV1(string(content))}
	for name, annotation := range map[string]string{"quiet": mark(set), "drifted": "0123456789abcdef"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if marks(entry, annotation) != (name == "quiet") {
					b.Fatal("it is told wrong")
				}
			}
		})
	}
}

// What a kind's schema costs to read, and what of it stays. Two hundred kinds are
// to fit into a few dozen MiB.
func BenchmarkSchema(b *testing.B) {
	const atMost = 1 << 20
	content := document(b)
	var kept []managedfields.TypeConverter
	before := heap()
	for b.Loop() {
		converter, err := typeOf(content, deployment)
		if err != nil {
			b.Fatal(err)
		}
		kept = append(kept, converter)
	}
	each := float64(heap()-before) / float64(len(kept))
	b.ReportMetric(each, "B/kind")
	if each > atMost {
		b.Errorf("%.0f bytes a kind, want %d at most", each, atMost)
	}
	runtime.KeepAlive(kept)
}

// What somebody has put into a mapping since the apply was refused is not ours to take.
func TestEmptyingTakesWhatIsOurs(t *testing.T) {
	found := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "acme"},
		"spec": map[string]any{"addons": map[string]any{
			"dns": map[string]any{}, "proxy": map[string]any{"tag": "v1"}, "theirs": map[string]any{"tag": "v2"},
		}},
	}}
	found.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: render.FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(
			`{"f:spec":{"f:addons":{"f:dns":{},"f:proxy":{"f:tag":{}}}}}`)},
		{Manager: "controller", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(
			`{"f:spec":{"f:addons":{".":{},"f:theirs":{".":{},"f:tag":{}}}}}`)},
	})
	got, err := emptying(found, [][]string{{"spec", "addons"}})
	want := map[string]any{"spec": map[string]any{"addons": map[string]any{"dns": nil, "proxy": nil}}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v, patch (-want +got):\n%s", err, d)
	}
	if spec, _, _ := unstructured.NestedMap(found.Object, "spec", "addons"); len(spec) != 3 {
		t.Errorf("what was found is changed: %v", spec)
	}
}
