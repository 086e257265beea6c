package core

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

func keptFile(spec string) string {
	return "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {class: keeping" + spec + "}\n"
}

// byKeeper is a world without a datastore, whose provider keeps the state of its tenants.
func byKeeper(t *testing.T, spec string) *world {
	t.Helper()
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test", Providers: os.DirFS("../../render/testdata/keeping")})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "eu-1")
	w.core = New(w.core.cfg, r)
	w.commit(map[string]string{
		"fleet.yaml":                   "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nspec: {deletion: {retention: 1h, allowLast: true}}\n",
		"shards/eu-1.yaml":             "apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-1}\nspec: {addressPool: [10.0.0.1-10.0.0.9]}\n",
		"classes/keeping/class.yaml":   "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: keeping}\nspec: {provider: keeping, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": keptFile(spec),
	})
	w.settle()
	return w
}

// keptReplicas are those that the shard was asked for.
func (w *world) keptReplicas() any {
	w.t.Helper()
	id := render.ObjectID{Group: "apps", Version: "v1", Kind: "StatefulSet", Namespace: "tenant-acme", Name: "control-plane"}
	o := w.shards["eu-1"].objects[id]
	if o == nil {
		return nil
	}
	spec, _ := o.Content["spec"].(map[string]any)
	return spec["replicas"]
}

// A tenant whose provider keeps its state lives a whole life without a datastore.
func TestTenantLivesWithoutADataStore(t *testing.T) {
	w := byKeeper(t, "")
	st := w.wantPhase("acme", Ready)
	if e := w.ledger().Tenants["acme"]; e.Placement != (ledger.Placement{Shard: "eu-1", Address: "10.0.0.1"}) || st.DataStore != "" {
		t.Fatalf("it is placed at %+v, status %+v", e.Placement, st)
	}
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": keptFile(", replicas: 3")})
	w.settle()
	w.wantPhase("acme", Ready)
	if got := w.keptReplicas(); got != int64(3) {
		t.Errorf("changed, it has %v replicas", got)
	}
	w.restart()
	w.settle()
	w.wantPhase("acme", Ready)
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	w.wantPhase("acme", Removed)
	if got := w.keptReplicas(); got != int64(3) {
		t.Errorf("removed, it has %v replicas: it cannot sleep", got)
	}
	uid := w.ledger().Tenants["acme"].UID
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": keptFile("")})
	w.settle()
	w.wantPhase("acme", Ready)
	if e := w.ledger().Tenants["acme"]; e.UID != uid {
		t.Error("reverted, it is another tenant")
	}
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": ""})
	w.settle()
	w.pass(2 * time.Hour)
	if e := w.ledger().Tenants["acme"]; e.Lifecycle != ledger.Purged || w.tenant("acme") != nil {
		t.Errorf("it is %s", e.Lifecycle)
	}
	if got := w.keptReplicas(); got != nil {
		t.Errorf("purged, it has %v replicas", got)
	}
}

func TestTenantAsksForADataStoreInVain(t *testing.T) {
	w := byKeeper(t, "")
	w.commit(map[string]string{
		"datastores/eu-1-a.yaml":       "apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: eu-1-a}\nspec: {provider: keeping, driver: etcd, shards: [eu-1], managed: {replicas: 1, storage: 1Gi}}\n",
		"tenants/web/beta/tenant.yaml": strings.Replace(keptFile(", dataStore: eu-1-a"), "acme", "beta", 1),
	})
	w.settle()
	st := w.wantPhase("beta", Pending)
	if reasonOf(st, "Placed") != "Unplaceable" || !strings.Contains(st.Conditions[0].Message, "keeps the state of its tenants itself (spec.dataStore)") {
		t.Errorf("conditions are %+v", st.Conditions)
	}
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": keptFile(", dataStore: eu-1-a")})
	w.settle()
	if n := w.core.notes["acme"]; n.reason != "Frozen" || !strings.HasPrefix(n.message, "it lives on shard eu-1 and stays there") {
		t.Errorf("it is told %+v", n)
	}
}
