package core

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/render"
)

// boundedShard declares shard one with a bound, and cordons shard two.
func boundedShard(capacity string) map[string]string {
	const head = "apiVersion: tenantry.io/v1alpha1\nkind: Shard\n"
	return map[string]string{
		"shards/one.yaml": head + "metadata: {name: one}\nspec: {addressPool: [10.1.0.1-10.1.0.99], capacity: {" + capacity + "}}\n",
		"shards/two.yaml": head + "metadata: {name: two}\nspec: {addressPool: [10.2.0.1-10.2.0.99], cordon: true}\n",
	}
}

// What a tenant requests is what its class in force renders.
func TestPlacesByWhatClassesRequest(t *testing.T) {
	w := begun(t)
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	cost, err := r.Footprint(w.head.fleet.Classes["small"], "1")
	if err != nil || cost.MilliCPU == 0 {
		t.Fatalf("a tenant requests %+v, %v", cost, err)
	}
	files := boundedShard(fmt.Sprintf("cpu: %dm", 2*cost.MilliCPU-1))
	files["tenants/web/globex/tenant.yaml"] = tenantFile("globex", "replicas: 1")
	w.commit(files)
	w.settle()
	got := w.wantPhase("globex", Pending).Conditions[0]
	want := fmt.Sprintf("its tenants request %dm of %dm CPU, and a tenant of class small requests %[1]dm", cost.MilliCPU, 2*cost.MilliCPU-1)
	if got.Reason != "Unplaceable" || !strings.Contains(got.Message, want) || !strings.Contains(got.Message, "the nearest fix: ") {
		t.Errorf("got %s: %s, want %s", got.Reason, got.Message, want)
	}
	w.commit(boundedShard(fmt.Sprintf("cpu: %dm", 2*cost.MilliCPU)))
	w.settle()
	w.wantPhase("globex", Ready)
}

// A tenant that cannot be read any more is of its group still: also in the round in which
// its last good declaration is not known yet.
func TestAHeldTenantIsOfItsGroup(t *testing.T) {
	for _, restart := range []bool{false, true} {
		w := begun(t)
		w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "shard: one, spread: {group: front}")})
		w.settle()
		if restart {
			w.restart()
		}
		w.commit(map[string]string{
			"tenants/web/acme/tenant.yaml":    "kind: [\n",
			"tenants/web/globex/tenant.yaml":  tenantFile("globex", "spread: {group: front}"),
			"tenants/web/initech/tenant.yaml": tenantFile("initech", "shard: one, spread: {group: front}"),
			"tenants/art/other/tenant.yaml":   tenantFile("other", "shard: one, spread: {group: front}"),
		})
		w.settle()
		w.wantPhase("acme", Held)
		if st := w.wantPhase("globex", Ready); st.Shard != "two" {
			t.Errorf("globex is on %s, where acme of its group is", st.Shard)
		}
		if got := w.wantPhase("initech", Pending).Conditions[0]; got.Reason != "Unplaceable" || !strings.Contains(got.Message, "group front of team web") {
			t.Errorf("initech: %s: %s", got.Reason, got.Message)
		}
		w.wantPhase("other", Ready)
	}
}
