package core

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/render"
)

// kamajiStatus is what the operator says of a control plane that works, or sleeps. The
// checksum stands for its kubeconfig.
func kamajiStatus(content map[string]any, checksum string) map[string]any {
	text := fmt.Sprint(content["spec"])
	spec, _ := content["spec"].(map[string]any)
	kubernetes, _ := spec["kubernetes"].(map[string]any)
	word := "Ready"
	if strings.Contains(text, "replicas:0") {
		word = "Sleeping"
	}
	return map[string]any{
		"observedGeneration":   int64(1),
		"controlPlaneEndpoint": "10.0.0.1:6443",
		"kubeconfig":           map[string]any{"admin": map[string]any{"secretName": "x", "checksum": checksum}},
		"kubernetesResources":  map[string]any{"version": map[string]any{"status": word, "version": kubernetes["version"]}},
	}
}

// inspect plays a look at a Secret.
func (w *world) inspect(e Inspect) {
	s := w.shards[e.Shard]
	s.inspects = append(s.inspects, e)
	answer := Inspected{Shard: e.Shard, Owner: e.Owner, Revision: e.Revision}
	if s.hidden {
		answer.Failure = &Failure{Reason: "NotFound", Message: "it is not there"}
	} else {
		answer.Certificate = &Certificate{Fingerprint: "of " + e.Revision, NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	w.queue = append(w.queue, answer)
}

// rotate has the operator make another kubeconfig.
func (w *world) rotate(shard, checksum string) {
	s := w.shards[shard]
	for id, o := range s.objects {
		if id.Kind != "TenantControlPlane" {
			continue
		}
		changed := *o
		changed.Content = maps.Clone(o.Content)
		changed.Content["status"] = kamajiStatus(changed.Content, checksum)
		s.version++
		changed.ResourceVersion = fmt.Sprint(s.version)
		s.objects[id] = &changed
		w.queue = append(w.queue, Observed{Shard: shard, Objects: []*Object{&changed}})
	}
}

func storeOn(shard string) string {
	return "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: sql}\n" +
		"spec:\n  provider: kamaji\n  driver: MySQL\n  shards: [" + shard + "]\n  endpoints: [\"db.data.svc:3306\"]\n" +
		"  basicAuth:\n    username: {namespace: data, name: db, key: u}\n    password: {namespace: data, name: db, key: p}\n"
}

// onKamaji is a world with one tenant that Kamaji runs.
func onKamaji(t *testing.T, prepare func(*world)) *world {
	t.Helper()
	w := newWorld(t, "eu-1")
	w.commit(map[string]string{
		"fleet.yaml":                   "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {retention: 1h, allowLast: true}}\n",
		"shards/eu-1.yaml":             "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.1-10.0.0.9]}\n",
		"datastores/sql.yaml":          storeOn("eu-1"),
		"classes/hosted/class.yaml":    "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: hosted}\nspec: {provider: kamaji, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: hosted}\n",
	})
	if prepare != nil {
		prepare(w)
	}
	w.settle()
	return w
}

func TestForeignKubeconfigIsLookedAtOnceForEachRevision(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	st := w.wantPhase("acme", Ready)
	if len(s.inspects) != 1 || s.inspects[0].Secret != (render.SecretKey{Namespace: "tenant-acme", Name: "acme-admin-kubeconfig", Key: "admin.conf"}) {
		t.Fatalf("looked at %+v", s.inspects)
	}
	if k := st.Kubeconfig; k == nil || k.Fingerprint != "of c1 " || k.Secret != "acme-admin-kubeconfig" || st.Endpoint != "https://10.0.0.1:6443" || st.Version != "v1.36.3" {
		t.Errorf("status is %+v, %+v", st, k)
	}
	w.pass(24 * time.Hour)
	if len(s.inspects) != 1 {
		t.Errorf("at rest it was looked at %d times", len(s.inspects))
	}
	w.rotate("eu-1", "c2")
	w.settle()
	if got := w.wantPhase("acme", Ready).Kubeconfig.Fingerprint; got != "of c2 " || len(s.inspects) != 2 {
		t.Errorf("after a rotation it is %q, looked at %d times", got, len(s.inspects))
	}
	w.restart()
	w.settle()
	if got := w.wantPhase("acme", Ready).Kubeconfig; got == nil || got.Fingerprint != "of c2 " || len(s.inspects) != 3 {
		t.Errorf("a new replica knows %+v, looked at %d times", got, len(s.inspects))
	}
}

func TestForeignKubeconfigThatIsMissing(t *testing.T) {
	w := onKamaji(t, func(w *world) { w.shards["eu-1"].hidden = true })
	s := w.shards["eu-1"]
	st := w.wantPhase("acme", Provisioning)
	if reasonOf(st, "Ready") != "WaitingForKubeconfig" || !strings.Contains(fmt.Sprint(st.Conditions), "it is not there") {
		t.Errorf("conditions are %+v", st.Conditions)
	}
	w.pass(10 * time.Minute)
	if n := len(s.inspects); n < 5 || n > 20 {
		t.Errorf("in ten minutes it was looked for %d times, want less and less often", n)
	}
	s.hidden = false
	w.pass(3 * time.Minute)
	w.wantPhase("acme", Ready)
}

// Removed it sleeps, and keeps its kubeconfig; purged it is gone without a teardown.
func TestKamajiTenantGoes(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	if st := w.wantPhase("acme", Removed); st.Kubeconfig == nil {
		t.Error("a sleeping tenant's kubeconfig is forgotten")
	}
	w.pass(2 * time.Hour)
	if st := w.tenant("acme"); st != nil {
		t.Errorf("it is %s", st.Phase)
	}
	if want := []string{"TenantControlPlane.kamaji.clastix.io/tenant-acme/acme", "Namespace/tenant-acme"}; fmt.Sprint(s.deletes) != fmt.Sprint(want) {
		t.Errorf("deleted was %v, want %v", s.deletes, want)
	}
	if len(w.core.inspections) > 0 {
		t.Error("its kubeconfig is still to be looked at")
	}
	if s.objects[render.ObjectID{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "DataStore", Name: "sql"}] == nil {
		t.Error("its datastore is gone")
	}
}

// A datastore's provider is frozen: its data is in the other one's format.
func TestDataStoreKeepsItsProvider(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	before := len(s.works)
	w.commit(map[string]string{"datastores/sql.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: sql}\n" +
		"spec: {provider: native, driver: etcd, shards: [eu-1], managed: {replicas: 1, storage: 1Gi}}\n"})
	w.settle()
	if len(s.works) != before || len(s.deletes) > 0 {
		t.Errorf("work was done: %+v", s.works[before:])
	}
	if remarks := strings.Join(w.core.Remarks(), "\n"); !strings.Contains(remarks, "datastore sql: it belongs to provider kamaji") {
		t.Errorf("remarks are %s", remarks)
	}
	if e := w.ledger().DataStores["sql"]; e.Provider != "kamaji" {
		t.Errorf("the ledger says %+v", e)
	}
}

// What bears state is not taken from the living, whatever renders no longer.
func TestStatefulKindsAreNotPruned(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	owner := w.ledger().Tenants["acme"]
	for _, kind := range []string{"TenantControlPlane", "ConfigMap"} {
		id := render.ObjectID{Version: "v1", Kind: kind, Namespace: "tenant-acme", Name: "old"}
		if kind == "TenantControlPlane" {
			id.Group, id.Version = "kamaji.clastix.io", "v1alpha1"
		}
		o := s.apply(Work{Owner: render.Owner{UID: owner.UID}, Epoch: 1}, id, "old", "")
		w.queue = append(w.queue, Observed{Shard: "eu-1", Objects: []*Object{o}})
	}
	w.settle()
	if fmt.Sprint(s.deletes) != "[ConfigMap/tenant-acme/old]" {
		t.Errorf("deleted was %v", s.deletes)
	}
}
