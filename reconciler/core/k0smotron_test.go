package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// k0smotronWorks has k0smotron say that a Cluster works, and write into its spec what is
// its own.
func (w *world) k0smotronWorks() {
	w.t.Helper()
	w.see("Cluster", func(o *Object) {
		content := map[string]any{}
		for key, value := range o.Content {
			content[key] = value
		}
		spec := map[string]any{}
		for key, value := range content["spec"].(map[string]any) {
			spec[key] = value
		}
		spec["externalAddress"] = "10.0.0.1"
		content["spec"] = spec
		var conditions []any
		for _, name := range []string{"ControlPlaneUpToDate", "ControlPlaneFunctional", "KubeconfigSecretAvailable"} {
			conditions = append(conditions, map[string]any{
				"type": name, "status": "True", "observedGeneration": int64(1), "lastTransitionTime": "2026-03-01T10:00:00Z",
			})
		}
		n := spec["replicas"]
		content["status"] = map[string]any{"replicas": n, "updatedReplicas": n, "readyReplicas": n, "conditions": conditions}
		o.Content = content
	})
	w.settle()
}

// A tenant on k0smotron lives without a datastore, runs on when it is removed, and goes
// with its Cluster before the namespace that has its volumes.
func TestK0smotronTenantLives(t *testing.T) {
	w := newWorld(t, "eu-1")
	tenant := func(replicas string) string {
		return "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: plain, replicas: " + replicas + "}\n"
	}
	w.commit(map[string]string{
		"fleet.yaml":                   "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {retention: 1h, allowLast: true}}\n",
		"shards/eu-1.yaml":             "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.1-10.0.0.9]}\n",
		"classes/plain/class.yaml":     "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: plain}\nspec: {provider: k0smotron, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": tenant("3"),
	})
	w.settle()
	if st := w.wantPhase("acme", Provisioning); reasonOf(st, "Ready") != "NotObserved" {
		t.Errorf("conditions are %+v", st.Conditions)
	}
	w.k0smotronWorks()
	st := w.wantPhase("acme", Ready)
	if k := st.Kubeconfig; k == nil || k.Secret != "acme-kubeconfig" || k.Key != "value" || st.Version != "v1.36.3" || st.Endpoint != "https://10.0.0.1:6443" {
		t.Errorf("status is %+v, %+v", st, k)
	}
	if e := w.ledger().Tenants["acme"]; e.Placement != (ledger.Placement{Shard: "eu-1", Address: "10.0.0.1"}) {
		t.Errorf("it is placed at %+v", e.Placement)
	}
	s := w.shards["eu-1"]
	applied := len(s.works)
	w.k0smotronWorks()
	if len(s.works) != applied {
		t.Errorf("what k0smotron wrote was work: %+v", s.works[applied:])
	}
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	w.k0smotronWorks()
	w.wantPhase("acme", Removed)
	w.see("Cluster", func(o *Object) {
		if spec, _ := o.Content["spec"].(map[string]any); spec["replicas"] != float64(3) && spec["replicas"] != int64(3) {
			t.Errorf("removed, it has %v replicas", spec["replicas"])
		}
	})
	if len(s.deletes) > 0 {
		t.Errorf("within its retention %v is deleted", s.deletes)
	}
	w.pass(2 * time.Hour)
	if want := []string{"Cluster.k0smotron.io/tenant-acme/acme", "Namespace/tenant-acme"}; !slices.Equal(s.deletes, want) {
		t.Errorf("deleted was %v, want %v", s.deletes, want)
	}
}

// A tenant that cannot be had in the way that it was placed says what helps.
func TestK0smotronTenantIsRefused(t *testing.T) {
	w := newWorld(t, "eu-1")
	w.commit(map[string]string{
		"fleet.yaml":                   "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n",
		"shards/eu-1.yaml":             "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {domain: eu-1.example.com}\n",
		"classes/plain/class.yaml":     "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: plain}\nspec: {provider: k0smotron, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: plain}\n",
	})
	w.settle()
	n := w.core.notes["acme"]
	if n.reason != "NotRendered" || !strings.Contains(n.message, "have the class say spec.ingress with this name as apiHost") {
		t.Errorf("it is told %+v, status %+v", n, w.tenant("acme"))
	}
}
