package shard

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/render"
)

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
