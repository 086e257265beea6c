package core

import (
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
)

func remove(w *world, names ...string) {
	gone := map[string]string{}
	for _, n := range names {
		gone["tenants/web/"+n+"/tenant.yaml"] = ""
	}
	w.commit(gone)
	w.settle()
}

func TestRemoveAndRevert(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	st := w.wantPhase("t1", Removed)
	e := w.ledger().Tenants["t1"]
	if st.PurgeAfter == nil || !st.PurgeAfter.Equal(e.Tombstone.Since.Add(time.Hour)) || !strings.Contains(e.Tombstone.Declaration, "name: t1") {
		t.Errorf("tombstone: %+v", e.Tombstone)
	}
	if n := replicas(w, "tenant-t1"); n != 0 {
		t.Errorf("a removed tenant runs %d replicas", n)
	}
	if len(w.shards["one"].deletes) != 0 {
		t.Errorf("deleted within retention: %v", w.shards["one"].deletes)
	}
	w.commit(map[string]string{"tenants/web/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.settle()
	w.wantPhase("t1", Ready)
	if e := w.ledger().Tenants["t1"]; e.UID != uid || e.Epoch != 3 || e.Tombstone != nil {
		t.Errorf("revived entry: %+v", e)
	}
	if n := replicas(w, "tenant-t1"); n != 1 {
		t.Errorf("a revived tenant runs %d replicas", n)
	}
}

func TestRemoveWhileDown(t *testing.T) {
	w := withTenants(t, 3)
	w.restart()
	remove(w, "t1")
	w.wantPhase("t1", Removed)
}

func TestPurge(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	w.pass(59 * time.Minute)
	if len(w.shards["one"].deletes) != 0 {
		t.Fatalf("deleted within retention: %v", w.shards["one"].deletes)
	}
	w.pass(2 * time.Minute)
	e := w.ledger().Tenants["t1"]
	if e.Lifecycle != ledger.Purged || e.Tombstone.PurgedAt == nil {
		t.Fatalf("entry: %+v", e)
	}
	for id, o := range w.shards["one"].objects {
		if o.OwnerUID == uid {
			t.Errorf("%s is left", id)
		}
	}
	works := w.shards["one"].works
	last := works[len(works)-1]
	if len(last.Delete) != 1 || !strings.HasPrefix(last.Delete[0].ID.Name, "remove-") {
		t.Errorf("the teardown's Job should go last: %+v", last)
	}
	if w.tenant("t1") != nil {
		t.Error("a purged tenant still has a status")
	}
	// The name is free again, for another tenant.
	w.commit(map[string]string{"tenants/web/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.settle()
	w.wantPhase("t1", Ready)
	if w.ledger().Tenants["t1"].UID == uid {
		t.Error("a new tenant took over the identity of the purged one")
	}
}

func TestBrake(t *testing.T) {
	tests := []struct {
		name, reason string
		remove       []string
		settings     string
		want         Phase
	}{
		{"ThreeMayGo", "max(3, 5 %) go within a day", []string{"t0", "t1", "t2"}, "", Removed},
		{"FourMayNot", "more asks a person", []string{"t0", "t1", "t2", "t3"}, "", Held},
		{"RaisedLimit", "fleet.yaml is the person's answer", []string{"t0", "t1", "t2", "t3"}, "limit: 4", Removed},
		{"TheLastMayNot", "an empty fleet is a mistake until said otherwise", []string{"t0", "t1", "t2", "t3", "t4", "acme"}, "limit: 10", Held},
		{"TheLastIfAllowed", "and it can be said", []string{"t0", "t1", "t2", "t3", "t4", "acme"}, "limit: 10, allowLast: true", Removed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := withTenants(t, 5)
			if tt.settings != "" {
				w.commit(map[string]string{"fleet.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: Fleet\nmetadata: {name: test}\nspec: {deletion: {" + tt.settings + "}}\n"})
			}
			remove(w, tt.remove...)
			for _, name := range tt.remove {
				if st := w.tenant(name); st.Phase != tt.want {
					t.Errorf("%s: %s: want %s, got %s", tt.reason, name, tt.want, st.Phase)
				}
			}
		})
	}
}

func TestBrakeCountsTheDay(t *testing.T) {
	w := withTenants(t, 5)
	remove(w, "t0", "t1")
	remove(w, "t2", "t3")
	w.wantPhase("t1", Removed)
	w.wantPhase("t2", Held)
	w.pass(24*time.Hour + 2*time.Minute)
	w.wantPhase("t2", Removed)
}

func TestNothingIsDeletedWithoutAFreshTip(t *testing.T) {
	w := withTenants(t, 3)
	remove(w, "t1")
	w.down = true
	w.pass(2 * time.Hour)
	if got := w.shards["one"].deletes; len(got) != 0 {
		t.Fatalf("deleted while Git was down: %v", got)
	}
	w.down = false
	w.pass(10 * time.Minute)
	if w.ledger().Tenants["t1"].Lifecycle != ledger.Purged {
		t.Error("not purged although Git is back")
	}
}

func TestDataStoreIsNeverRemoved(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{"datastores/two-a.yaml": ""})
	w.pass(200 * time.Hour)
	if e := w.ledger().DataStores["two-a"]; e == nil || e.Held == nil || e.Held.Reason != "Removed" {
		t.Errorf("entry: %+v", e)
	}
	if len(w.shards["two"].deletes) != 0 {
		t.Errorf("deleted: %v", w.shards["two"].deletes)
	}
}

func replicas(w *world, namespace string) int64 {
	for id, o := range w.shards["one"].objects {
		if id.Kind == "Deployment" && id.Namespace == namespace {
			return o.Content["spec"].(map[string]any)["replicas"].(int64)
		}
	}
	return -1
}

func TestPurgeIsNotStoppedByANewDeclaration(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	w.down = true // nothing is deleted, but the purge is due
	w.pass(2 * time.Hour)
	w.down = false
	w.commit(map[string]string{"tenants/web/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.pass(10 * time.Minute)
	w.wantPhase("t1", Ready)
	t.Logf("uid before %s, after %s", uid, w.ledger().Tenants["t1"].UID)
}
