package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
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

func TestBrokenTenantIsHeld(t *testing.T) {
	w := begun(t)
	works := len(w.shards["one"].works)
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml":   "kind: [\n",
		"tenants/web/globex/tenant.yaml": tenantFile("globex", "shard: one"),
	})
	w.settle()
	w.wantPhase("globex", Ready)
	w.wantPhase("acme", Held)
	if e := w.ledger().Tenants["acme"]; e.Held == nil || e.Held.Commit != "c0" || e.Held.Reason != "Invalid" {
		t.Fatalf("entry: %+v", e.Held)
	}
	for _, work := range w.shards["one"].works[works:] {
		if work.Owner.Name == "acme" {
			t.Errorf("acme was worked on: %+v", work)
		}
	}
	// What is held is healed, after a restart too.
	w.restart()
	w.settle()
	for id, o := range w.shards["one"].objects {
		if id.Kind == "Deployment" && id.Namespace == "tenant-acme" {
			delete(w.shards["one"].objects, id)
			w.queue = append(w.queue, Observed{Shard: "one", Gone: []Gone{{OwnerUID: o.OwnerUID, ID: id}}})
		}
	}
	w.settle()
	found := false
	for id := range w.shards["one"].objects {
		found = found || (id.Kind == "Deployment" && id.Namespace == "tenant-acme")
	}
	if !found {
		t.Error("the held tenant's Deployment was not healed")
	}
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "shard: one")})
	w.settle()
	w.wantPhase("acme", Ready)
	if e := w.ledger().Tenants["acme"]; e.Held != nil {
		t.Errorf("still held: %+v", e.Held)
	}
}

func remove(w *world, names ...string) {
	gone := map[string]string{}
	for _, n := range names {
		gone["tenants/web/"+n+"/tenant.yaml"] = ""
	}
	w.commit(gone)
	w.settle()
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

func TestMissingBranchHoldsEverything(t *testing.T) {
	w := withTenants(t, 3)
	head := w.head
	w.head = nil
	w.queue = append(w.queue, Look{})
	w.pass(100 * time.Hour)
	if len(w.shards["one"].deletes) != 0 {
		t.Fatal("deleted because the branch is missing")
	}
	w.wantPhase("t1", Held)
	w.head = head
	w.pass(2 * time.Minute)
	w.wantPhase("t1", Ready)
}

func TestSwappedKubeconfig(t *testing.T) {
	w := begun(t)
	works := len(w.shards["one"].works)
	w.shards["one"].identity, w.shards["two"].identity = "cluster-two", "cluster-one"
	w.restart()
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "version: v1.36.4")})
	w.settle()
	if len(w.shards["one"].works) != works || len(w.shards["two"].works) > 1 {
		t.Error("worked on a shard whose identity is another one's")
	}
	w.wantPhase("acme", Unknown)
}

func TestForeignNamespaceIsLeftAlone(t *testing.T) {
	w := withTenants(t, 1)
	s := w.shards["one"]
	for id, o := range s.objects {
		if id.Kind == "Namespace" && id.Name == "tenant-t0" {
			c := *o
			c.Ours = false
			s.objects[id] = &c
			w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{&c}})
		}
	}
	w.settle()
	works := len(s.works)
	w.commit(map[string]string{"tenants/web/t0/tenant.yaml": tenantFile("t0", "version: v1.36.5")})
	w.settle()
	for _, work := range s.works[works:] {
		for _, a := range work.Apply {
			if a.Object.ID.Kind == "Namespace" {
				t.Error("wrote a namespace that is not ours")
			}
		}
	}
	w.wantPhase("t0", Failed)
}

// A foreign object that no watch shows is found by the first write. The tenant's
// certificates wait for it, but that is not what a person has to know.
func TestForeignNamespaceOutweighsWhatWaitsForIt(t *testing.T) {
	w := begun(t)
	w.shards["one"].fail = func(id render.ObjectID) *Failure {
		if id.Namespace != "tenant-late" && id.Name != "tenant-late" {
			return nil
		}
		return &Failure{ID: id, Reason: "Foreign", Message: "exists already"}
	}
	w.commit(map[string]string{"tenants/web/late/tenant.yaml": tenantFile("late", "shard: one")})
	w.settle()
	st := w.wantPhase("late", Failed)
	if r := reasonOf(st, "Applied"); r != "Foreign" {
		t.Errorf("Applied: want Foreign, got %s", r)
	}
	w.shards["one"].fail = nil
	w.pass(10 * time.Minute)
	w.wantPhase("late", Ready)
}

func TestLowerEpochIsNeverApplied(t *testing.T) {
	w := begun(t)
	s := w.shards["one"]
	uid := w.ledger().Tenants["acme"].UID
	a := s.anchors[uid]
	a.Epoch = 7
	s.anchors[uid] = a
	works := len(s.works)
	w.restart()
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "version: v1.36.4")})
	w.settle()
	for _, work := range s.works[works:] {
		if work.Owner.UID == uid {
			t.Errorf("worked below the shard's epoch: %+v", work)
		}
	}
}

func TestLostLedgerHolds(t *testing.T) {
	w := begun(t)
	w.ledgers = w.ledgers[:1]
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			l.Tip, l.Accepted = "l1", "c0"
			w.queue[i] = l
		}
	}
	w.settle()
	if len(w.ledgers) != 1 {
		t.Error("a ledger was begun anew although a Lease remembers one")
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

func replicas(w *world, namespace string) int64 {
	for id, o := range w.shards["one"].objects {
		if id.Kind == "Deployment" && id.Namespace == namespace {
			return o.Content["spec"].(map[string]any)["replicas"].(int64)
		}
	}
	return -1
}

func reasonOf(st *TenantStatus, kind string) string {
	for _, c := range st.Conditions {
		if c.Type == kind {
			return c.Reason
		}
	}
	return ""
}

func TestRewoundWhileDownHoldsEverything(t *testing.T) {
	w := withTenants(t, 2)
	works, ledgers := len(w.shards["one"].works), len(w.ledgers)
	accepted := w.head.id
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			l.Accepted, l.Tip = accepted, w.tip()
			w.queue[i] = l
		}
	}
	w.head = w.commits[0] // acme alone: t0 and t1 seem to be removed
	w.pass(time.Hour)
	if len(w.shards["one"].works) != works || len(w.ledgers) != ledgers {
		t.Errorf("a rewound branch made %d works and %d decisions", len(w.shards["one"].works)-works, len(w.ledgers)-ledgers)
	}
	w.head = w.commits[len(w.commits)-1]
	w.pass(2 * time.Minute)
	w.wantPhase("t1", Ready)
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

func TestUnusableClassHoldsItsTenants(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{
		"classes/bad/class.yaml":         "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: bad}\nspec: {provider: native, version: v1.36.3}\n",
		"classes/bad/kustomization.yaml": "resources: [https://example.com/base]\n",
		"tenants/web/acme/tenant.yaml":   strings.Replace(tenantFile("acme", "shard: one"), "class: small", "class: bad", 1),
	})
	w.settle()
	st := w.wantPhase("acme", Held)
	if r := reasonOf(st, "Held"); r != "ClassUnusable" {
		t.Errorf("Held: want ClassUnusable, got %s", r)
	}
	if reasonOf(st, "Ready") != "Ready" {
		t.Errorf("a held tenant that runs should be ready: %+v %+v", st.Conditions, w.ledger().Tenants["acme"].Held)
	}
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

func TestKindThatCannotBeListedIsTold(t *testing.T) {
	w := begun(t)
	w.restart()
	w.blind = map[string]string{"one": "apps/v1/Deployment"}
	w.settle()
	st := w.wantPhase("acme", Unknown)
	if r := reasonOf(st, "Ready"); r != "CannotObserve" {
		t.Errorf("Ready: want CannotObserve, got %s", r)
	}
	w.blind = nil
	w.queue = append(w.queue, Synced{Shard: "one", Kinds: w.ledger().Shards["one"].Kinds})
	w.settle()
	w.wantPhase("acme", Ready)
}

func TestBrokenClassIsTold(t *testing.T) {
	w := begun(t)
	good := fleetFiles()["classes/small/class.yaml"]
	w.commit(map[string]string{"classes/small/class.yaml": "kind: [\n"})
	w.settle()
	w.wantPhase("acme", Ready) // by the class in force
	if got := w.core.Remarks(); len(got) != 1 || !strings.Contains(got[0], "ControlPlaneClass small") {
		t.Errorf("remarks: %q", got)
	}
	w.commit(map[string]string{"classes/small/class.yaml": good, "classes/small/kustomization.yaml": "resources: [../../providers/native]\npatches: [{path: absent.yaml}]\n"})
	w.settle()
	w.wantPhase("acme", Ready)
	if got := w.core.Remarks(); len(got) != 1 || !strings.Contains(got[0], "absent.yaml") {
		t.Errorf("remarks: %q", got)
	}
	w.commit(map[string]string{"classes/small/kustomization.yaml": ""})
	w.settle()
	if got := w.core.Remarks(); len(got) != 0 {
		t.Errorf("remarks: %q", got)
	}
}
