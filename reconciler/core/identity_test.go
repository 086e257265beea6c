package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

func TestMoveKeepsTheTenant(t *testing.T) {
	w := withTenants(t, 1)
	before := *w.ledger().Tenants["t0"]
	w.commit(map[string]string{
		"tenants/web/t0/tenant.yaml": "",
		"tenants/ops/t0/tenant.yaml": tenantFile("t0", "shard: one"),
	})
	w.settle()
	st := w.wantPhase("t0", Held)
	if r := reasonOf(st, "Held"); r != "Moved" {
		t.Errorf("a move that is not declared: want Moved, got %s", r)
	}
	w.commit(map[string]string{"tenants/ops/t0/tenant.yaml": tenantFile("t0", "movedFrom: tenants/db/t0")})
	w.settle()
	if e := w.ledger().Tenants["t0"]; e.Held == nil || e.Source != before.Source {
		t.Errorf("it was elsewhere, and is taken for the one that moved: %+v", e)
	}
	w.commit(map[string]string{"tenants/ops/t0/tenant.yaml": tenantFile("t0", "movedFrom: tenants/web/t0")})
	w.settle()
	w.wantPhase("t0", Ready)
	after := w.ledger().Tenants["t0"]
	if after.UID != before.UID || after.Placement != before.Placement || after.Source != "tenants/ops/t0" || after.Held != nil {
		t.Errorf("moved entry: %+v", after)
	}
}

func TestTombstonedNameStaysTaken(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	w.commit(map[string]string{"tenants/ops/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.settle()
	if e := w.ledger().Tenants["t1"]; e.UID != uid || e.Lifecycle != ledger.Tombstoned {
		t.Fatalf("a name alone revived or replaced a removed tenant: %+v", e)
	}
	if why := w.core.notes["t1"]; why.reason != "NameTaken" || !strings.Contains(why.message, "movedFrom: tenants/web/t1") {
		t.Errorf("note: %+v", why)
	}
	w.commit(map[string]string{"tenants/ops/t1/tenant.yaml": tenantFile("t1", "movedFrom: tenants/db/t1")})
	w.settle()
	if e := w.ledger().Tenants["t1"]; e.Lifecycle != ledger.Tombstoned {
		t.Fatalf("who was elsewhere revived a removed tenant: %+v", e)
	}
	w.commit(map[string]string{"tenants/ops/t1/tenant.yaml": tenantFile("t1", "movedFrom: tenants/web/t1")})
	w.settle()
	if e := w.ledger().Tenants["t1"]; e.UID != uid || e.Lifecycle != ledger.Living || e.Source != "tenants/ops/t1" {
		t.Errorf("revived elsewhere: %+v", e)
	}
	w.wantPhase("t1", Ready)
}

func TestOfTwoWithOneNameTheFirstGoesOn(t *testing.T) {
	w := withTenants(t, 1)
	uid := w.ledger().Tenants["t0"].UID
	w.commit(map[string]string{
		"tenants/ops/t0/tenant.yaml": tenantFile("t0", "shard: two"),
		"tenants/web/t0/tenant.yaml": tenantFile("t0", "version: v1.36.7"),
	})
	w.settle()
	if st := w.tenant("t0"); st.UID != uid || st.Version != "v1.36.7" {
		t.Errorf("the first one should go on as declared: %+v", st)
	}
}

func TestKubeconfigFollowsRotation(t *testing.T) {
	w := begun(t)
	s := w.shards["one"]
	for id, o := range s.objects {
		if id.Kind == "Secret" && id.Namespace == "tenant-acme" && o.Data != "" {
			rotated := *o
			rotated.Data = "d2"
			s.objects[id] = &rotated
			w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{&rotated}})
		}
	}
	works := len(s.works)
	w.settle()
	derived := 0
	for _, work := range s.works[works:] {
		derived += len(work.Derive)
		for _, d := range work.Derive {
			if d.Source != "d2" || d.UID == "" {
				t.Errorf("derived from %q over uid %q", d.Source, d.UID)
			}
		}
	}
	if derived != 1 {
		t.Errorf("derived %d times, want once", derived)
	}
}

func TestDeletedObjectsAreHealed(t *testing.T) {
	w := begun(t)
	s := w.shards["one"]
	for id, o := range s.objects {
		if o.Owned() && id.Namespace == "tenant-acme" && id.Kind != "Secret" {
			delete(s.objects, id)
			w.queue = append(w.queue, Observed{Shard: "one", Gone: []Gone{{OwnerUID: o.OwnerUID, ID: id}}})
		}
	}
	before := len(s.objects)
	w.settle()
	if len(s.objects) <= before {
		t.Error("nothing was healed")
	}
	w.wantPhase("acme", Ready)
}

func TestReadOnlyPushesAndAppliesNothing(t *testing.T) {
	w := begun(t)
	works, ledgers, statuses := len(w.shards["one"].works), len(w.ledgers), w.statuses
	w.core.cfg.ReadOnly = true
	w.restart()
	w.commit(map[string]string{
		"tenants/web/acme/tenant.yaml": tenantFile("acme", "version: v1.36.4"),
		"tenants/web/new/tenant.yaml":  tenantFile("new", "replicas: 1"),
	})
	w.pass(time.Hour)
	if len(w.shards["one"].works) != works || len(w.ledgers) != ledgers || w.statuses != statuses {
		t.Error("a read-only core wrote something")
	}
	said := strings.Join(w.would, "\n")
	if !strings.Contains(said, "Place new on two (datastore two-a, address 10.2.0.1)\n") || !strings.Contains(said, "work on tenant acme") {
		t.Errorf("a read-only core says what it would do: %q", w.would)
	}
}

func TestFrozenPlacement(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "shard: two, version: v1.36.4")})
	w.settle()
	st := w.wantPhase("acme", Held)
	if st.Shard != "one" || st.Version != "v1.36.4" || reasonOf(st, "Held") != "Frozen" {
		t.Errorf("a living tenant is not moved by its declaration, and its other changes count: %+v", st)
	}
}

func TestCopiedLabelsAreNotOurs(t *testing.T) {
	w := begun(t)
	s := w.shards["one"]
	uid := w.ledger().Tenants["acme"].UID
	id := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: "elsewhere", Name: "copy"}
	s.objects[id] = &Object{ID: id, UID: "x", ResourceVersion: "1", OwnerUID: uid, Self: "ConfigMap/tenant-acme/kubeconfigs", Digest: "d", Ours: true}
	w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{s.objects[id]}})
	w.pass(time.Hour)
	if s.objects[id] == nil {
		t.Error("an object with copied labels was deleted")
	}
}

// What stands where the Job that removes a tenant's data belongs is not written over, and
// the tenant is not purged as if that had been done.
func TestTeardownTakesNothingOver(t *testing.T) {
	w := withTenants(t, 3)
	l, f := w.ledger(), w.core.git.declared.Fleet
	s, uid := w.shards["one"], l.Tenants["t1"].UID
	unit, err := w.core.renderer.Teardown(tenantInput(l.Tenants["t1"], f.Tenants["t1"], f.Classes["small"], l.Classes["small"], l.DataStores["one-a"]))
	if err != nil {
		t.Fatal(err)
	}
	id := unit.Objects[0].ID
	s.objects[id] = &Object{ID: id, UID: "x", ResourceVersion: "1", OwnerUID: uid, Self: "Job.batch/elsewhere/copy", Digest: "d", Ours: true}
	w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{s.objects[id]}})
	w.watched = func(e Effect) {
		do, ok := e.(Do)
		if ok && slices.ContainsFunc(do.Work.Apply, func(a Apply) bool { return a.Object.ID == id }) {
			t.Fatal("it is written over")
		}
	}
	remove(w, "t1")
	w.pass(3 * time.Hour)
	if o, e := s.objects[id], w.ledger().Tenants["t1"]; o == nil || o.UID != "x" || e.Lifecycle != ledger.Purging {
		t.Errorf("the object is %+v, the tenant %s", o, e.Lifecycle)
	}
	w.watched = nil
	delete(s.objects, id)
	w.queue = append(w.queue, Observed{Shard: "one", Gone: []Gone{{ID: id, OwnerUID: uid}}})
	w.pass(3 * time.Hour)
	if e := w.ledger().Tenants["t1"]; e.Lifecycle != ledger.Purged {
		t.Errorf("once there is room it is %s", e.Lifecycle)
	}
}

func TestUnwantedObjectsArePruned(t *testing.T) {
	w := begun(t)
	s := w.shards["one"]
	uid := w.ledger().Tenants["acme"].UID
	add := func(kind, group, version string) render.ObjectID {
		id := render.ObjectID{Group: group, Version: version, Kind: kind, Namespace: "tenant-acme", Name: "left"}
		s.objects[id] = &Object{ID: id, UID: "x" + kind, ResourceVersion: "1", OwnerUID: uid, Self: id.String(), Digest: "d", Epoch: 1, Ours: true}
		w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{s.objects[id]}})
		return id
	}
	gone, kept := add("ConfigMap", "", "v1"), add("PersistentVolumeClaim", "", "v1")
	w.settle()
	if s.objects[gone] != nil {
		t.Error("an object that the unit no longer has was not pruned")
	}
	if s.objects[kept] == nil {
		t.Error("a volume of a living tenant was pruned")
	}
}
