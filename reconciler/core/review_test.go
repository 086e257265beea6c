package core

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// crash is a restart of a daemon whose shards' Leases remember what it told them.
func crash(w *world) {
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			r := w.shards[l.Shard].remembered
			l.Tip, l.Accepted = r.Tip, r.Accepted
			w.queue[i] = l
		}
	}
}

// commitLink declares a symbolic link, which nobody can look into.
func commitLink(w *world, path string) {
	w.t.Helper()
	files := maps.Clone(w.head.files)
	files[path] = &fstest.MapFile{Data: []byte("/elsewhere"), Mode: fs.ModeSymlink}
	loaded, _, err := fleet.Load(hashed{files})
	if err != nil {
		w.t.Fatal(err)
	}
	w.head = &commit{id: fmt.Sprintf("c%d", len(w.commits)), parent: w.head, files: files, fleet: loaded}
	w.commits = append(w.commits, w.head)
	w.queue = append(w.queue, Look{})
}

// lose deletes a tenant's Deployment on shard one, as a person would.
func lose(w *world, tenant string) {
	s := w.shards["one"]
	for id, o := range s.objects {
		if id.Kind == "Deployment" && id.Namespace == "tenant-"+tenant {
			delete(s.objects, id)
			w.queue = append(w.queue, Observed{Shard: "one", Gone: []Gone{{OwnerUID: o.OwnerUID, ID: id}}})
		}
	}
}

func TestRemovedTenantAgesThoughItsNameIsDeclaredElsewhere(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	w.commit(map[string]string{"tenants/ops/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.pass(3 * time.Hour)
	e := w.ledger().Tenants["t1"]
	if e.UID == uid || e.Lifecycle != ledger.Living || e.Source != "tenants/ops/t1" {
		t.Errorf("the name should be free after the retention: %+v", e)
	}
	w.wantPhase("t1", Ready)
}

func TestPurgeLooksAtGitFirst(t *testing.T) {
	w := withTenants(t, 3)
	uid := w.ledger().Tenants["t1"].UID
	remove(w, "t1")
	w.pass(59*time.Minute + 50*time.Second)
	w.commit(map[string]string{"tenants/web/t1/tenant.yaml": tenantFile("t1", "shard: one")})
	w.queue = nil // nobody tells us to look
	w.pass(10 * time.Minute)
	if e := w.ledger().Tenants["t1"]; e.UID != uid || e.Lifecycle != ledger.Living {
		t.Errorf("purged although the removal was reverted in time: %+v", e)
	}
}

func TestPurgeWaitsForGit(t *testing.T) {
	w := withTenants(t, 3)
	remove(w, "t1")
	w.down = true
	w.pass(3 * time.Hour)
	if e := w.ledger().Tenants["t1"]; e.Lifecycle != ledger.Tombstoned {
		t.Errorf("there is no way back from %s, but nobody could look whether the removal was reverted", e.Lifecycle)
	}
	fetches := w.fetches
	w.pass(time.Hour)
	if n := w.fetches - fetches; n > 65 {
		t.Errorf("%d fetches in an hour while Git is down", n)
	}
	w.down = false
	w.pass(10 * time.Minute)
	if e := w.ledger().Tenants["t1"]; e.Lifecycle != ledger.Purged {
		t.Errorf("not purged although Git is back: %+v", e)
	}
}

func TestBrakedTenantsAreHealed(t *testing.T) {
	w := withTenants(t, 5)
	remove(w, "t0", "t1", "t2", "t3")
	w.wantPhase("t1", Held)
	lose(w, "t1")
	w.settle()
	if n := replicas(w, "tenant-t1"); n != 1 {
		t.Errorf("a tenant that the brake holds runs %d replicas", n)
	}
	if st := w.wantPhase("t1", Held); reasonOf(st, "Held") != "DeletionBrake" || reasonOf(st, "Ready") != "Ready" {
		t.Errorf("conditions: %+v", st.Conditions)
	}
	more := map[string]string{}
	for _, name := range []string{"t0", "t1", "t2", "t3"} {
		more[fileOf(name)] = tenantFile(name, "shard: one")
	}
	w.commit(more)
	w.settle()
	if e := w.ledger().Tenants["t1"]; e.Held != nil {
		t.Errorf("still held after the revert: %+v", e.Held)
	}
}

func TestTenantsThatCannotBeSeenAreHealed(t *testing.T) {
	w := withTenants(t, 3)
	w.commit(map[string]string{fileOf("t1"): ""})
	w.queue = nil
	commitLink(w, "tenants/web/t1")
	w.settle()
	lose(w, "t1")
	w.settle()
	if n := replicas(w, "tenant-t1"); n != 1 {
		t.Errorf("a tenant whose folder cannot be looked into runs %d replicas", n)
	}
	w.wantPhase("t1", Held)
}

func TestNothingIsDecidedForAShardThatRemembersMore(t *testing.T) {
	w := withTenants(t, 1)
	crash(w)
	w.ledgers = w.ledgers[:len(w.ledgers)-1]
	ledgers := len(w.ledgers)
	w.commit(map[string]string{fileOf("new"): tenantFile("new", "shard: one")})
	w.pass(10 * time.Minute)
	if len(w.ledgers) != ledgers {
		t.Errorf("decided on a ledger that lost decisions: %s", w.ledgers[ledgers-1].Message(ledger.Changes{Tenants: w.ledger().Tenants}))
	}
}

func TestRestartSaysNothingTooEarly(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{
		fileOf("lost"): tenantFile("lost", "shardSelector: {no: such}"),
		fileOf("acme"): tenantFile("acme", "shard: two"), // frozen
	})
	w.pass(time.Minute)
	w.wantPhase("acme", Held)
	before := maps.Clone(w.status)
	crash(w)
	var late Event
	w.queue = slices.DeleteFunc(w.queue, func(e Event) bool {
		l, ok := e.(Lease)
		if ok && l.Shard == "two" {
			late = l
		}
		return ok && l.Shard == "two"
	})
	statuses := w.statuses
	w.pass(20 * time.Second)
	w.queue = append(w.queue, late)
	w.pass(20 * time.Second)
	if n := w.statuses - statuses; n != 0 {
		for p, content := range before {
			if string(w.status[p]) != string(content) {
				t.Errorf("%s was\n%s\nis\n%s", p, content, w.status[p])
			}
		}
		t.Errorf("a restart made %d status commits", n)
	}
}

func TestANewShardTakesNoStatusAway(t *testing.T) {
	w := begun(t)
	w.commit(map[string]string{fileOf("lost"): tenantFile("lost", "shardSelector: {no: such}")})
	w.pass(time.Minute)
	statuses := w.statuses
	w.queue = append(w.queue, Kubeconfigs{[]string{"one", "two", "three"}})
	w.pass(time.Minute)
	if w.statuses != statuses || w.status[statusPath("", "lost")] == nil {
		t.Error("the status of a tenant without a place went away with a shard that was not heard of yet")
	}
}

func TestRememberIsRepeatedWithTheLease(t *testing.T) {
	w := begun(t)
	want := w.shards["one"].remembered
	if want.Tip == "" || want.Accepted == "" {
		t.Fatalf("remembered: %+v", want)
	}
	w.queue = append(w.queue, Lease{Shard: "one", Err: errors.New("gone")})
	w.settle()
	w.shards["one"].remembered = Remember{} // the keeper forgets what it could not write
	w.queue = append(w.queue, Lease{Shard: "one", Held: true, Identity: "cluster-one"})
	w.settle()
	if got := w.shards["one"].remembered; got != want {
		t.Errorf("remembered %+v, want %+v", got, want)
	}
}

func TestAnothersDecisionsDoNotStopHealing(t *testing.T) {
	w := begun(t)
	crash(w)
	w.settle()
	// Another replica decides something; then Git is gone before it can be asked again.
	c := ledger.Changes{}
	c.SetShard(&ledger.Shard{Name: "three", Identity: "cluster-three"})
	w.ledgers = append(w.ledgers, w.ledger().With(c))
	w.queue = append(w.queue, Look{})
	w.afterFetch = func() { w.down = true }
	w.settle()
	lose(w, "acme")
	w.settle()
	if n := replicas(w, "tenant-acme"); n != 1 {
		t.Errorf("acme runs %d replicas; shard one: %+v", n, w.core.closed(w.core.shards["one"]))
	}
}

func TestUnknownKindsAreLearntAnew(t *testing.T) {
	w := begun(t)
	w.queue = append(w.queue, Synced{Shard: "one", Unknown: []string{"v1/Secret"}}, Lease{Shard: "one", Err: errors.New("gone")})
	w.settle()
	w.core.Step(Lease{Shard: "one", Held: true, Identity: "cluster-one"}, w.now)
	var others []string
	for _, k := range w.ledger().Shards["one"].Kinds {
		if k != "v1/Secret" {
			others = append(others, k)
		}
	}
	w.core.Step(Synced{Shard: "one", Kinds: others}, w.now)
	if why := w.core.closed(w.core.shards["one"]); why.reason != "Observing" {
		t.Errorf("Secrets have not been listed since the Lease is back, but the shard is %+v", why)
	}
}

func TestWaitingTombstonesCostNothing(t *testing.T) {
	w := withTenants(t, 3)
	remove(w, "t1")
	w.queue = append(w.queue, Lease{Shard: "one", Err: errors.New("gone")})
	w.pass(2 * time.Hour)
	w.core.notes["mark"] = note{"Mark", ""}
	w.core.Step(Observed{Shard: "two"}, w.now)
	if _, there := w.core.notes["mark"]; !there {
		t.Error("all was decided anew because a retention is over on a shard that is gone")
	}
}

func TestPortsThatWeCallFromAreNotTold(t *testing.T) {
	w := withTenants(t, 3)
	fail := func(port int) {
		err := fmt.Errorf("lookup eu-1.example.com: read udp 127.0.0.1:%d->127.0.0.53:53: i/o timeout", port)
		w.queue = append(w.queue, Lease{Shard: "one", Err: err})
		w.pass(time.Minute)
	}
	fail(40001)
	statuses := w.statuses
	fail(40002)
	if w.statuses != statuses {
		t.Errorf("%d status commits because of another port", w.statuses-statuses)
	}
	if st := w.tenant("t1"); !strings.Contains(st.Conditions[1].Message, "127.0.0.53:53: i/o timeout") {
		t.Errorf("conditions: %+v", st.Conditions)
	}
}

func TestEveryLifecycleHasItsEpoch(t *testing.T) {
	w := withTenants(t, 3)
	epochs := map[ledger.Lifecycle]int64{}
	remove(w, "t1")
	w.pass(3 * time.Hour)
	for _, l := range w.ledgers {
		if l != nil && l.Tenants["t1"] != nil {
			epochs[l.Tenants["t1"].Lifecycle] = l.Tenants["t1"].Epoch
		}
	}
	want := map[ledger.Lifecycle]int64{ledger.Living: 1, ledger.Tombstoned: 2, ledger.Purging: 3, ledger.Purged: 4}
	if !maps.Equal(epochs, want) {
		t.Errorf("epochs %v, want %v", epochs, want)
	}
}

func TestHeldTellsTheReasonOfToday(t *testing.T) {
	w := withTenants(t, 5)
	w.commit(map[string]string{fileOf("t0"): "kind: [\n"})
	w.settle()
	if st := w.wantPhase("t0", Held); reasonOf(st, "Held") != "Invalid" {
		t.Errorf("conditions: %+v", st.Conditions)
	}
	remove(w, "t0", "t1", "t2", "t3")
	if st := w.wantPhase("t0", Held); reasonOf(st, "Held") != "DeletionBrake" {
		t.Errorf("conditions: %+v", st.Conditions)
	}
}
