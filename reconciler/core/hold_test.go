package core

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/render"
)

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
	for _, st := range w.core.Shards() {
		if got := st.Conditions[0]; got.Reason != "IdentityChanged" || !strings.Contains(got.Message, "but the ledger says that the shard is cluster-"+st.Name) {
			t.Errorf("shard %s: it is not told why: %+v", st.Name, got)
		}
	}
	if open := w.core.Open(); open["one"] || open["two"] {
		t.Errorf("shards are open: %v", open)
	}
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
	// Nor while connections are made anew, or cannot be made: what was heard was heard.
	for _, err := range []error{nil, errors.New("connection refused")} {
		for _, name := range []string{"one", "two"} {
			w.queue = append(w.queue, Lease{Shard: name, Err: err})
		}
		w.settle()
		if len(w.ledgers) != 1 {
			t.Errorf("a ledger was begun anew after connections ended with %v", err)
		}
	}
}

// A kubeconfig that changes ends a connection, and says nothing of the Lease.
func TestNothingIsDecidedBetweenConnections(t *testing.T) {
	w := newWorld(t, "one", "two")
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok && l.Shard == "two" {
			w.queue[i] = Lease{Shard: "two"}
		}
	}
	w.commit(fleetFiles())
	w.settle()
	if len(w.ledgers) != 1 {
		t.Error("a ledger was begun before shard two said whether it remembers one")
	}
}

// What a Lease remembered of the declared branch counts while its shard is away, too; and
// that costs no more looks at Git.
func TestWhatAShardRemembersOutlivesItsConnection(t *testing.T) {
	w := begun(t)
	w.settle()
	before := w.head
	w.commit(map[string]string{"tenants/web/late/tenant.yaml": tenantFile("late", "shard: two")})
	w.settle()
	accepted := w.head.id
	w.head = before
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			if l.Tip = w.tip(); l.Shard == "one" {
				l.Accepted = accepted // the other one had no time to write it down
			}
			w.queue[i] = l
		}
	}
	w.settle()
	decisions := len(w.ledgers)
	for i := range 20 {
		w.queue = append(w.queue, Lease{Shard: "one", Err: fmt.Errorf("connection %d refused", i)})
	}
	w.settle()
	w.pass(time.Hour)
	if w.core.git.problem != Rewound || len(w.ledgers) != decisions {
		t.Errorf("the problem is %q, and there were %d decisions: late is %+v", w.core.git.problem, len(w.ledgers)-decisions, w.ledger().Tenants["late"])
	}
}

// A shard that cannot be reached says nothing that had to be compared at once.
func TestAShardThatIsAwayCostsNoFetch(t *testing.T) {
	w := begun(t)
	w.queue = append(w.queue, Lease{Shard: "two", Held: true, Identity: "cluster-two", Tip: w.tip()})
	w.commit(map[string]string{"tenants/web/late/tenant.yaml": tenantFile("late", "shard: one")})
	w.settle()
	fetches := w.fetches
	for i := range 20 {
		w.queue = append(w.queue, Lease{Shard: "two", Err: fmt.Errorf("connection %d refused", i)})
		w.settle()
	}
	if w.fetches != fetches {
		t.Errorf("Git was looked at %d times", w.fetches-fetches)
	}
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

// What a new replica reads first may be what nobody should follow. Until Leases have said
// so, it is not what a restored branch has to descend from.
func TestRewrittenWhileDownIsNotAccepted(t *testing.T) {
	w := withTenants(t, 2)
	good := w.head
	w.head = w.commits[0]
	w.commit(map[string]string{"NOTES": "another end"})
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			l.Accepted, l.Tip = good.id, w.tip()
			w.queue[i] = l
		}
	}
	w.pass(time.Hour)
	if w.core.git.problem != Rewound {
		t.Fatalf("problem %q, want it rewound", w.core.git.problem)
	}
	w.head = good
	w.commit(map[string]string{"NOTES": "as it was"})
	w.pass(2 * time.Minute)
	w.wantPhase("t1", Ready)
}

// A replica that waits for a Lease follows whatever it reads; when it gets one, it goes by
// what its holder accepted.
func TestRewrittenWhileWaitingIsNotAccepted(t *testing.T) {
	w := withTenants(t, 2)
	good := w.head
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			w.queue[i] = Lease{Shard: l.Shard, Holder: "another", Identity: l.Identity, Accepted: good.parent.id}
		}
	}
	w.head = good.parent
	w.commit(map[string]string{"NOTES": "another end"})
	w.pass(5 * time.Minute)
	w.head = good
	w.commit(map[string]string{"NOTES": "as it was"})
	for name, s := range w.shards {
		w.queue = append(w.queue, Lease{Shard: name, Held: true, Identity: s.identity, Accepted: good.id, Tip: w.tip()})
	}
	w.pass(2 * time.Minute)
	w.wantPhase("t1", Ready)
}

// That a commit descended from what a Lease remembers says nothing of the next one, when
// nobody asked whether that descends from the first.
func TestRewrittenAfterALeaseIsAcceptedByNobody(t *testing.T) {
	for _, tt := range []struct {
		name    string
		between func(shard string, l Lease) Lease
	}{
		{"another holds it meanwhile", func(shard string, l Lease) Lease {
			return Lease{Shard: shard, Holder: "another", Identity: l.Identity, Accepted: l.Accepted, Tip: l.Tip}
		}},
		{"another holds it, and it cannot be read", func(shard string, _ Lease) Lease {
			return Lease{Shard: shard, Holder: "another"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := withTenants(t, 2)
			w.pass(2 * time.Minute)
			good, works, ledgers := w.head, len(w.shards["one"].works), len(w.ledgers)
			held := Lease{Held: true, Identity: w.shards["one"].identity, Accepted: good.id, Tip: w.tip()}
			for name := range w.shards {
				w.queue = append(w.queue, tt.between(name, held))
			}
			w.settle()
			w.head = w.commits[0] // acme alone: t0 and t1 seem to be removed
			w.commit(map[string]string{"NOTES": "another end"})
			w.pass(5 * time.Minute)
			for name, s := range w.shards {
				l := held
				l.Shard, l.Identity = name, s.identity
				w.queue = append(w.queue, l)
			}
			w.pass(time.Hour)
			if len(w.shards["one"].works) != works || len(w.ledgers) != ledgers {
				t.Errorf("a rewritten branch made %d works and %d decisions", len(w.shards["one"].works)-works, len(w.ledgers)-ledgers)
			}
			w.head = good
			w.commit(map[string]string{"NOTES": "as it was"})
			w.pass(2 * time.Minute)
			w.wantPhase("t1", Ready)
		})
	}
}

// What a person has let a branch replace is asked for no more, whoever remembers it still.
func TestWaivedOnceIsWaived(t *testing.T) {
	w := withTenants(t, 2)
	old := w.head
	w.head = w.commits[0]
	w.commit(map[string]string{"NOTES": "another end"})
	w.core.cfg.AcceptRewind = w.head.id
	w.restart()
	for i, e := range w.queue {
		if l, ok := e.(Lease); ok {
			w.queue[i] = Lease{Shard: l.Shard, Holder: "another", Identity: l.Identity, Accepted: old.id, Tip: w.tip()}
		}
	}
	w.pass(5 * time.Minute)
	w.commit(map[string]string{"NOTES": "and on from there"})
	w.pass(5 * time.Minute)
	if w.core.git.problem != "" || w.core.git.declared.Commit != w.head.id {
		t.Errorf("it goes by %s with problem %q, want %s", w.core.git.declared.Commit, w.core.git.problem, w.head.id)
	}
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
