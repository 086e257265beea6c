package shard

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/render"
)

func TestChanges(t *testing.T) {
	tests := []struct {
		name, reason string
		live, become string
		want         []Change
	}{
		{
			name: "noise", reason: "what the server keeps is nobody's declaration",
			live:   "metadata: {name: x, uid: a, resourceVersion: '1', generation: 1, managedFields: [{}], creationTimestamp: t}\nstatus: {ready: 1}",
			become: "metadata: {name: x, uid: a, resourceVersion: '2', generation: 2, managedFields: []}\nstatus: {ready: 2}",
		},
		{
			name: "value", reason: "the field and both values", live: "spec: {replicas: 3}", become: "spec: {replicas: 1}",
			want: []Change{{"spec.replicas", 3.0, 1.0}},
		},
		{
			name: "absent", reason: "what is not there is nothing", live: "data: {a: x}", become: "data: {b: z}",
			want: []Change{{"data.a", "x", nil}, {"data.b", nil, "z"}},
		},
		{
			name: "dots", reason: "keys with dots stay whole", live: "metadata: {annotations: {a.b/c: x}}", become: "metadata: {annotations: {a.b/c: z}}",
			want: []Change{{"metadata.annotations[a.b/c]", "x", "z"}},
		},
		{
			name: "items", reason: "items are told apart by their names, wherever they stand",
			live:   "spec: {containers: [{name: a, image: one}, {name: b, image: two}]}",
			become: "spec: {containers: [{name: b, image: three}, {name: a, image: one}]}",
			want:   []Change{{"spec.containers[name=b].image", "two", "three"}},
		},
		{
			name: "lists", reason: "other lists are one value", live: "spec: {args: [a, b]}", become: "spec: {args: [a]}",
			want: []Change{{"spec.args", []any{"a", "b"}, []any{"a"}}},
		},
		{
			name: "twins", reason: "names that are there twice tell nothing apart",
			live: "spec: {ports: [{name: a, port: 1}, {name: a, port: 2}]}", become: "spec: {ports: [{name: a, port: 1}]}",
			want: []Change{{"spec.ports", []any{map[string]any{"name": "a", "port": 1.0}, map[string]any{"name": "a", "port": 2.0}}, []any{map[string]any{"name": "a", "port": 1.0}}}},
		},
		{
			name: "shape", reason: "a value may become of another shape", live: "spec: {a: {b: c}}", become: "spec: {a: [b]}",
			want: []Change{{"spec.a", map[string]any{"b": "c"}, []any{"b"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var live, become map[string]any
			for text, into := range map[string]*map[string]any{tt.live: &live, tt.become: &become} {
				if err := yaml.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, changes(live, become)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// Whatever of a Secret may hold what it keeps is hidden: an annotation of kubectl's
// quotes all of it.
func TestHide(t *testing.T) {
	all := []Change{
		{"data", nil, map[string]any{"password": "c2VjcmV0"}},
		{"data.password", "c2VjcmV0", nil},
		{"metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]", `{"data":{"password":"c2VjcmV0"}}`, nil},
		{"metadata.labels[tenantry.io/tenant]", "x", "acme"},
		{"type", "Opaque", "kubernetes.io/tls"},
	}
	hide(all)
	want := []Change{
		{"data", nil, Hidden}, {"data.password", Hidden, nil},
		{"metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]", Hidden, nil},
		{"metadata.labels[tenantry.io/tenant]", "x", "acme"}, {"type", "Opaque", "kubernetes.io/tls"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOthers(t *testing.T) {
	entry := func(manager, operation, part, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), Subresource: part, FieldsV1: metav1.NewFieldsV1(fields),
		}
	}
	got := others([]metav1.ManagedFieldsEntry{
		entry(render.FieldManager, "Apply", "", `{"f:spec":{"f:replicas":{},"f:list":{"k:{\"name\":\"a\"}":{".":{},"f:name":{}}}}}`),
		entry("argo", "Apply", "", `{"f:spec":{"f:replicas":{}}}`),
		entry("hpa", "Update", "", `{"f:spec":{"f:min":{},"f:list":{"k:{\"name\":\"a\"}":{"f:x":{}}}},"f:status":{"f:y":{}}}`),
		entry("controller", "Update", "status", `{"f:spec":{"f:z":{}}}`),
	})
	want := []Other{{Manager: "hpa (Update)", Fields: []string{"spec.min", `spec.list[name="a"].x`}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
