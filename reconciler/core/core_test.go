package core

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func fleetFiles() map[string]string {
	head := "apiVersion: tenantry.io/v1alpha1\nkind: "
	return map[string]string{
		"fleet.yaml":                   head + "Fleet\nmetadata: {name: test}\nspec: {deletion: {retention: 1h}}\n",
		"shards/one.yaml":              head + "Shard\nmetadata: {name: one}\nspec: {addressPool: [10.1.0.1-10.1.0.99]}\n",
		"shards/two.yaml":              head + "Shard\nmetadata: {name: two}\nspec: {addressPool: [10.2.0.1-10.2.0.99]}\n",
		"datastores/one-a.yaml":        head + "DataStore\nmetadata: {name: one-a}\nspec: {driver: etcd, shards: [one], managed: {replicas: 1}}\n",
		"datastores/two-a.yaml":        head + "DataStore\nmetadata: {name: two-a}\nspec: {driver: etcd, shards: [two], managed: {replicas: 1}}\n",
		"classes/small/class.yaml":     head + "ControlPlaneClass\nmetadata: {name: small}\nspec: {provider: native, version: v1.36.3}\n",
		"tenants/web/acme/tenant.yaml": tenantFile("acme", "shard: one"),
	}
}

func tenantFile(name, more string) string {
	return fmt.Sprintf("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: %s}\nspec: {class: small, %s}\n", name, more)
}

func begun(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "one", "two")
	w.commit(fleetFiles())
	w.settle()
	w.wantPhase("acme", Ready)
	return w
}

func TestOnboard(t *testing.T) {
	w := begun(t)
	st := w.tenant("acme")
	if st.Kubeconfig == nil || st.Kubeconfig.Secret != "acme-kubeconfig" || st.Endpoint != "https://10.1.0.1:6443" || st.Version != "v1.36.3" {
		t.Errorf("status: %+v", st)
	}
	works := len(w.shards["one"].works)
	ledgers, statuses := len(w.ledgers), w.statuses
	w.pass(24 * time.Hour)
	if len(w.shards["one"].works) != works || len(w.ledgers) != ledgers || w.statuses != statuses {
		t.Errorf("a quiet day made %d works, %d ledger commits, %d status commits",
			len(w.shards["one"].works)-works, len(w.ledgers)-ledgers, w.statuses-statuses)
	}
	w.commit(map[string]string{"tenants/web/globex/tenant.yaml": tenantFile("globex", "replicas: 1")})
	w.settle()
	if st := w.wantPhase("globex", Ready); st.Shard != "two" {
		t.Errorf("globex went to %s, want the emptier shard two", st.Shard)
	}
}

func TestTenantWaitsForItsDataStore(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.shards["one"].stuck = true
	w.commit(fleetFiles())
	w.settle()
	st := w.wantPhase("acme", Pending)
	if r := reasonOf(st, "Applied"); r != "WaitingForDataStore" {
		t.Errorf("Applied: want WaitingForDataStore, got %s", r)
	}
	for id := range w.shards["one"].objects {
		if id.Namespace == "tenant-acme" {
			t.Fatalf("%s was applied before the datastore was ready", id)
		}
	}
}

func TestRestartChangesNothing(t *testing.T) {
	w := begun(t)
	works, ledgers, statuses := len(w.shards["one"].works), len(w.ledgers), w.statuses
	w.restart()
	w.settle()
	w.wantPhase("acme", Ready)
	if len(w.shards["one"].works) != works || len(w.ledgers) != ledgers || w.statuses != statuses {
		t.Errorf("a restart made %d works, %d ledger commits and %d status commits",
			len(w.shards["one"].works)-works, len(w.ledgers)-ledgers, w.statuses-statuses)
	}
}

func TestChange(t *testing.T) {
	w := begun(t)
	ledgers := len(w.ledgers)
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "version: v1.36.4")})
	w.settle()
	if st := w.wantPhase("acme", Ready); st.Version != "v1.36.4" {
		t.Errorf("version %s, want v1.36.4", st.Version)
	}
	if len(w.ledgers) != ledgers {
		t.Error("a change that decides nothing was pushed to the ledger")
	}
}

func withTenants(t *testing.T, n int) *world {
	t.Helper()
	w := begun(t)
	more := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("t%d", i)
		more["tenants/web/"+name+"/tenant.yaml"] = tenantFile(name, "shard: one")
	}
	w.commit(more)
	w.settle()
	return w
}

func TestRefusedLedgerKeepsPlacedTenantsGoing(t *testing.T) {
	w := begun(t)
	w.refuse = fmt.Errorf("protected branch")
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml":   tenantFile("acme", "version: v1.36.4"),
		"tenants/web/globex/tenant.yaml": tenantFile("globex", "shard: one"),
	})
	w.settle()
	if st := w.wantPhase("acme", Ready); st.Version != "v1.36.4" {
		t.Errorf("acme stopped at %s", st.Version)
	}
	w.wantPhase("globex", Pending)
	w.refuse = nil
	w.pass(10 * time.Minute)
	w.wantPhase("globex", Ready)
}

func reasonOf(st *TenantStatus, kind string) string {
	for _, c := range st.Conditions {
		if c.Type == kind {
			return c.Reason
		}
	}
	return ""
}

func TestNothingIsDecidedBeforeEveryShardWasHeard(t *testing.T) {
	w := newWorld(t, "one", "two")
	var late Event
	w.queue = slices.DeleteFunc(w.queue, func(e Event) bool {
		l, ok := e.(Lease)
		if ok && l.Shard == "two" {
			late = l
		}
		return ok && l.Shard == "two"
	})
	w.commit(fleetFiles())
	w.settle()
	if len(w.ledgers) != 1 {
		t.Fatal("a ledger was begun before shard two said whether it remembers one")
	}
	w.queue = append(w.queue, late)
	w.settle()
	w.wantPhase("acme", Ready)
}
