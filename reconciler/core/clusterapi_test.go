package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/render"
)

// clusterStatus is what Cluster API and Kamaji's provider say of objects that work: each
// kind reads of it what it has.
func clusterStatus(replicas int64) map[string]any {
	var conditions []any
	for _, name := range []string{"TenantControlPlaneCreated", "KubeadmResourcesCreated", "KamajiControlPlaneIsReady", "Available"} {
		conditions = append(conditions, map[string]any{
			"type": name, "status": "True", "observedGeneration": int64(1), "lastTransitionTime": "2026-03-01T10:00:00Z",
		})
	}
	return map[string]any{
		"observedGeneration": int64(1), "ready": replicas > 0, "readyReplicas": replicas, "version": "v1.36.3", "conditions": conditions,
		"initialization": map[string]any{"infrastructureProvisioned": true, "controlPlaneInitialized": true},
	}
}

// byClusterAPI is a world with one tenant that has infrastructure and machines.
func byClusterAPI(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "eu-1")
	const inside = "metadata: {name: TENANT-NAME, namespace: TENANT-NAMESPACE}\n"
	w.commit(map[string]string{
		"fleet.yaml":                       "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {retention: 1h, allowLast: true}}\n",
		"shards/eu-1.yaml":                 "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.1-10.0.0.9]}\n",
		"datastores/sql.yaml":              strings.Replace(storeOn("eu-1"), "provider: kamaji", "provider: cluster-api", 1),
		"classes/metal/class.yaml":         "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: metal}\nspec: {provider: cluster-api, version: v1.36.3, replicas: 2}\n",
		"classes/metal/cluster.yaml":       "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: MetalCluster\n" + inside,
		"classes/metal/workers.yaml":       "apiVersion: cluster.x-k8s.io/v1beta2\nkind: MachineDeployment\n" + inside + "spec: {replicas: 3}\n",
		"classes/metal/kustomization.yaml": "resources: [../../providers/cluster-api, cluster.yaml, workers.yaml]\n",
		"tenants/web/acme/tenant.yaml":     "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: metal}\n",
	})
	w.settle()
	return w
}

// see has the shard show an object changed.
func (w *world) see(kind string, change func(*Object)) {
	w.t.Helper()
	s, seen := w.shards["eu-1"], false
	for id, o := range s.objects {
		if id.Kind != kind {
			continue
		}
		seen = true
		changed := *o
		s.version++
		changed.ResourceVersion = fmt.Sprint(s.version)
		change(&changed)
		s.objects[id] = &changed
		w.queue = append(w.queue, Observed{Shard: "eu-1", Objects: []*Object{&changed}})
	}
	if !seen {
		w.t.Fatalf("the shard has no %s", kind)
	}
}

// A tenant's kinds are known by name once a class brings them; machines that are lacking
// are told, and are no lack of the tenant.
func TestClusterAPITenantComes(t *testing.T) {
	w := byClusterAPI(t)
	st := w.wantPhase("acme", Ready)
	if k := st.Kubeconfig; k == nil || k.Secret != "acme-kubeconfig" || k.Key != "value" || st.Version != "v1.36.3" || st.Endpoint != "https://10.0.0.1:6443" {
		t.Errorf("status is %+v, %+v", st, k)
	}
	kinds := w.ledger().Shards["eu-1"].Kinds
	if !slices.Contains(kinds, "infrastructure.cluster.x-k8s.io/v1beta2/MetalCluster") || strings.Contains(fmt.Sprint(kinds), "*") {
		t.Errorf("the ledger lists %v", kinds)
	}
	w.see("MachineDeployment", func(o *Object) {
		o.Content = map[string]any{"metadata": map[string]any{"name": "acme"}, "spec": map[string]any{}}
	})
	w.settle()
	if st := w.wantPhase("acme", Ready); reasonOf(st, "Ready") != "Workers" {
		t.Errorf("conditions are %+v", st.Conditions)
	}
	applied := len(w.shards["eu-1"].works)
	w.see("Cluster", func(o *Object) { o.Parents = nil }) // whatever controllers write
	w.settle()
	if len(w.shards["eu-1"].works) != applied {
		t.Errorf("what a controller wrote was work: %+v", w.shards["eu-1"].works[applied:])
	}
}

// Removed it is stopped, and keeps its machines' objects; purged the Cluster goes before
// what it owns.
func TestClusterAPITenantGoes(t *testing.T) {
	w := byClusterAPI(t)
	s := w.shards["eu-1"]
	var cluster string
	w.see("Cluster", func(o *Object) { cluster = o.UID })
	for _, kind := range []string{"KamajiControlPlane", "MetalCluster", "MachineDeployment"} {
		w.see(kind, func(o *Object) { o.Parents = []string{cluster} })
	}
	w.settle()
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	if st := w.wantPhase("acme", Removed); st.Kubeconfig == nil {
		t.Error("a stopped tenant's kubeconfig is forgotten")
	}
	id := render.ObjectID{Group: "controlplane.cluster.x-k8s.io", Version: "v1alpha2", Kind: "KamajiControlPlane", Namespace: "tenant-acme", Name: "acme"}
	if spec, _ := s.objects[id].Content["spec"].(map[string]any); fmt.Sprint(spec["replicas"]) != "0" {
		t.Errorf("it has %v replicas", spec["replicas"])
	}
	w.see("KamajiControlPlane", func(o *Object) { o.Parents = []string{cluster} }) // it was written anew
	w.settle()
	w.pass(2 * time.Hour)
	if st := w.tenant("acme"); st != nil {
		t.Errorf("it is %s", st.Phase)
	}
	if want := []string{"Cluster.cluster.x-k8s.io/tenant-acme/acme", "Namespace/tenant-acme"}; !slices.Equal(s.deletes, want) {
		t.Errorf("deleted was %v, want %v", s.deletes, want)
	}
}

// Whoever owns itself, or its owner, goes as well: references say what somebody wrote.
func TestThoseWhoOwnEachOtherGo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		parents map[string]string
	}{
		{"itself", map[string]string{"MetalCluster": "MetalCluster"}},
		{"each other", map[string]string{"MetalCluster": "MachineDeployment", "MachineDeployment": "MetalCluster"}},
		{"in a circle with the first", map[string]string{"Cluster": "MetalCluster", "MetalCluster": "MachineDeployment", "MachineDeployment": "Cluster", "KamajiControlPlane": "Cluster"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := byClusterAPI(t)
			w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
			w.settle()
			for child, parent := range tt.parents {
				var uid string
				w.see(parent, func(o *Object) { uid = o.UID })
				w.see(child, func(o *Object) { o.Parents = []string{uid} })
			}
			w.settle()
			w.pass(4 * time.Hour)
			if st := w.tenant("acme"); st != nil {
				t.Errorf("it is %s after %v were deleted", st.Phase, w.shards["eu-1"].deletes)
			}
		})
	}
}

// Infrastructure and templates stay while the tenant lives, whatever its class brings; a
// MachineDeployment goes.
func TestClusterAPIKeepsWhatMachinesNeed(t *testing.T) {
	w := byClusterAPI(t)
	w.commit(map[string]string{"classes/metal/kustomization.yaml": "resources: [../../providers/cluster-api]\n"})
	w.settle()
	w.wantPhase("acme", Ready)
	if want := []string{"MachineDeployment.cluster.x-k8s.io/tenant-acme/acme"}; !slices.Equal(w.shards["eu-1"].deletes, want) {
		t.Errorf("deleted was %v, want %v", w.shards["eu-1"].deletes, want)
	}
}
