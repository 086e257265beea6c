package core

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// openClass lets its tenants patch, and add what the provider itself does not have.
const openClass = `apiVersion: tenantry.io/v1alpha1
kind: ControlPlaneClass
metadata: {name: open}
spec:
  provider: native
  version: v1.36.3
  allow:
    patches: [{kind: apps/v1/Deployment, name: control-plane, fields: [spec.template.spec.nodeSelector]}]
    resources: [v1/LimitRange]
`

const component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

func patchOf(lines string) string {
	return component + "patches:\n- target: {kind: Deployment, name: control-plane}\n  patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: control-plane}\n    spec: {" + lines + "}\n"
}

// withComponent is a world with one tenant whose own Component is good.
func withComponent(t *testing.T) *world {
	t.Helper()
	w := begun(t)
	w.commit(map[string]string{
		"classes/open/class.yaml":            openClass,
		"tenants/web/own/tenant.yaml":        "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: own}\nspec: {class: open, shard: one}\n",
		"tenants/web/own/kustomization.yaml": patchOf("template: {spec: {nodeSelector: {disk: fast}}}"),
	})
	w.settle()
	w.wantPhase("own", Ready)
	return w
}

// A Component that loads may still not be rendered: the tenant is held as it was last
// rendered, however many bad commits there are since.
func TestUnrenderableTenantIsHeld(t *testing.T) {
	w := withComponent(t)
	good, works := w.head.id, len(w.shards["one"].works)
	w.commit(map[string]string{"tenants/web/own/kustomization.yaml": patchOf("replicas: 7")})
	w.commit(map[string]string{"tenants/web/own/kustomization.yaml": patchOf("replicas: 8")})
	w.settle()
	for range 2 {
		w.wantPhase("own", Held)
		if e := w.ledger().Tenants["own"]; e.Held == nil || e.Held.Commit != good || e.Held.Reason != "NotRendered" {
			t.Fatalf("entry: %+v, want it held at %s", e.Held, good)
		}
		if n := len(w.shards["one"].works) - works; n != 0 {
			t.Errorf("it was worked on %d times", n)
		}
		w.restart()
		w.settle()
	}
	w.commit(map[string]string{"tenants/web/own/kustomization.yaml": patchOf("template: {spec: {nodeSelector: {disk: slow}}}")})
	w.settle()
	w.wantPhase("own", Ready)
	if e := w.ledger().Tenants["own"]; e.Held != nil {
		t.Errorf("still held: %+v", e.Held)
	}
	if len(w.shards["one"].works) == works {
		t.Error("the mended Component was not applied")
	}
}

// What broke while the daemon was down is held all the same.
func TestUnrenderableSinceBeforeTheStart(t *testing.T) {
	w := withComponent(t)
	good := w.head.id
	w.commit(map[string]string{"tenants/web/own/kustomization.yaml": patchOf("replicas: 7")})
	w.restart()
	w.settle()
	w.wantPhase("own", Held)
	if e := w.ledger().Tenants["own"]; e.Held == nil || e.Held.Commit != good {
		t.Errorf("entry: %+v, want it held at %s", e.Held, good)
	}
}

// A kind that a living tenant comes to need is listed in the ledger before anything
// of it is applied: what is not listed is not watched.
func TestNewKindIsListedFirst(t *testing.T) {
	w := withComponent(t)
	const kind = "v1/LimitRange"
	if slices.Contains(w.ledger().Shards["one"].Kinds, kind) {
		t.Fatalf("%s is listed already", kind)
	}
	w.commit(map[string]string{
		"tenants/web/own/kustomization.yaml": component + "resources: [budget.yaml]\n",
		"tenants/web/own/budget.yaml":        "apiVersion: v1\nkind: LimitRange\nmetadata: {name: own, namespace: tenant-own}\nspec: {limits: [{type: Container, max: {memory: 4Gi}}]}\n",
	})
	w.settle()
	w.wantPhase("own", Ready)
	if !slices.Contains(w.ledger().Shards["one"].Kinds, kind) {
		t.Errorf("%s is not listed", kind)
	}
	works := len(w.shards["one"].works)
	if !slices.ContainsFunc(w.shards["one"].works[works-1].Apply, func(a Apply) bool { return a.Object.ID.Kind == "LimitRange" }) {
		t.Error("it was not applied")
	}
	w.restart()
	w.settle()
	if n := len(w.shards["one"].works) - works; n != 0 {
		t.Errorf("it was worked on %d times after a restart", n)
	}
}

// What a tenant waits for is asked for until it is decided: the push may fail, or the
// decision wait for something else of the same commit.
func TestNewKindIsNotForgotten(t *testing.T) {
	const kind = "v1/LimitRange"
	tests := []struct {
		name, reason string
		declare      map[string]string
		refuse       error
	}{
		{"PushFails", "the tip has not moved, so nothing is read anew", nil, errors.New("refused")},
		{"MoreToProve", "a new tenant elsewhere is proven first", map[string]string{fileOf("bee"): tenantFile("bee", "shard: two")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := withComponent(t)
			w.refuse = tt.refuse
			files := map[string]string{
				"tenants/web/own/kustomization.yaml": component + "resources: [budget.yaml]\n",
				"tenants/web/own/budget.yaml":        "apiVersion: v1\nkind: LimitRange\nmetadata: {name: own, namespace: tenant-own}\nspec: {limits: [{type: Container, max: {memory: 4Gi}}]}\n",
			}
			maps.Copy(files, tt.declare)
			w.commit(files)
			w.settle()
			w.refuse = nil
			w.pass(5 * time.Minute)
			if !slices.Contains(w.ledger().Shards["one"].Kinds, kind) {
				t.Errorf("%s: %s is not listed: %+v", tt.reason, kind, w.applied("own"))
			}
			w.wantPhase("own", Ready)
		})
	}
}
