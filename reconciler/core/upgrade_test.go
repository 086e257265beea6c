package core

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/bases"
)

// newerRenderer is that of the next daemon: it carries base versions 1 and 2.
func newerRenderer(t *testing.T) *render.Renderer {
	t.Helper()
	newer, err := bases.Newer(render.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test", Providers: newer})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// become restarts the daemon as another version of it, and gives the one that it was.
func become(w *world, r *render.Renderer) *render.Renderer {
	old := w.core.renderer
	w.core.renderer = r
	crash(w)
	w.settle()
	return old
}

func classFile(name, more string) string {
	return "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: " + name + "}\nspec: {provider: native, version: v1.36.3" + more + "}\n"
}

// mark is what stands still when nothing is done.
func mark(w *world) [3]int {
	works := 0
	for _, s := range w.shards {
		works += len(s.works)
	}
	return [3]int{works, len(w.ledgers), w.statuses}
}

func wantQuiet(w *world, before [3]int, why string) {
	w.t.Helper()
	if after := mark(w); after != before {
		w.t.Errorf("%s: works, ledger commits and status commits went from %v to %v", why, before, after)
	}
}

// quotas are the tenants whose base on a shard has a ResourceQuota: version 2's.
func quotas(w *world, shard string) []string {
	names := []string{}
	for id := range w.shards[shard].objects {
		if id.Kind == "ResourceQuota" {
			names = append(names, strings.TrimPrefix(id.Namespace, "tenant-"))
		}
	}
	slices.Sort(names)
	return names
}

func TestUpgradeOfTheDaemonMovesNobody(t *testing.T) {
	w := withTenants(t, 2)
	before := mark(w)
	become(w, newerRenderer(t))
	w.pass(24 * time.Hour)
	wantQuiet(w, before, "an upgrade")
	w.commit(map[string]string{"tenants/web/t0/tenant.yaml": tenantFile("t0", "version: v1.36.4")})
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", ", replicas: 2")})
	w.settle()
	w.wantPhase("t0", Ready)
	if e := w.ledger().Classes["small"]; e.BaseVersion != "1" || e.Commit != w.head.id {
		t.Errorf("an edit of the class that does not speak of the base: %+v", e)
	}
	// What is new begins with the newest.
	w.commit(map[string]string{
		"classes/large/class.yaml":       classFile("large", ""),
		"tenants/web/globex/tenant.yaml": strings.Replace(tenantFile("globex", "shard: one"), "class: small", "class: large", 1),
	})
	w.settle()
	w.wantPhase("globex", Ready)
	if got := quotas(w, "one"); !slices.Equal(got, []string{"globex"}) {
		t.Errorf("on version 2 are %v", got)
	}
}

func TestCommitMovesAClassToANewerBase(t *testing.T) {
	w := withTenants(t, 2)
	become(w, newerRenderer(t))
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "2"`)})
	w.settle()
	for _, name := range []string{"acme", "t0", "t1"} {
		w.wantPhase(name, Ready)
	}
	if got := quotas(w, "one"); !slices.Equal(got, []string{"acme", "t0", "t1"}) {
		t.Errorf("on version 2 are %v", got)
	}
	if e := w.ledger(); e.Classes["small"].BaseVersion != "2" || e.DataStores["one-a"].BaseVersion != "1" || !slices.Contains(e.Shards["one"].Kinds, "v1/ResourceQuota") {
		t.Errorf("ledger: %+v %+v %+v", e.Classes["small"], e.DataStores["one-a"], e.Shards["one"])
	}
	if got := w.shards["one"].deletes; len(got) != 0 {
		t.Errorf("deleted: %v", got)
	}
	// Without a word it stays; the older one comes back by its name.
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", "")})
	w.settle()
	if e := w.ledger().Classes["small"]; e.BaseVersion != "2" {
		t.Errorf("base version %s, want 2", e.BaseVersion)
	}
	before := mark(w)
	w.restart()
	w.pass(24 * time.Hour)
	wantQuiet(w, before, "a quiet day")
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "1"`)})
	w.settle()
	if got := quotas(w, "one"); len(got) != 0 {
		t.Errorf("on version 2 are %v", got)
	}
	w.wantPhase("t1", Ready)
}

func TestCommitThatNamesAnUnknownBaseIsTold(t *testing.T) {
	w := withTenants(t, 1)
	before := mark(w)
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "2"`)})
	w.settle()
	w.wantPhase("acme", Ready)
	if got := w.core.Remarks(); len(got) != 1 || !strings.Contains(got[0], `base version "2" of provider native is unknown`) {
		t.Errorf("remarks: %q", got)
	}
	if after := mark(w); after[0] != before[0] || after[1] != before[1] {
		t.Errorf("something was done: %v, then %v", before, after)
	}
	become(w, newerRenderer(t))
	if got := w.ledger().Classes["small"].BaseVersion; got != "2" {
		t.Errorf("base version %s: the upgraded daemon should follow the commit", got)
	}
}

// setBack is a fleet whose class small a newer daemon took to base 2, with the older one
// back again. Globex is of class plain, on base 1; late went while the newer one ran.
func setBack(t *testing.T) (w *world, newer *render.Renderer) {
	t.Helper()
	w = begun(t)
	files := map[string]string{"classes/plain/class.yaml": classFile("plain", "")}
	for _, name := range []string{"globex", "acme", "t0", "t1", "late"} {
		files["tenants/web/"+name+"/tenant.yaml"] = strings.Replace(tenantFile(name, "shard: one"), "class: small", "class: plain", 1)
	}
	w.commit(files)
	w.settle()
	delete(files, "tenants/web/globex/tenant.yaml")
	for p := range files {
		files[p] = strings.Replace(files[p], "class: plain", "class: small", 1)
	}
	files["classes/plain/class.yaml"] = classFile("plain", "")
	w.commit(files)
	w.settle()
	become(w, newerRenderer(t))
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "2"`)})
	w.settle()
	remove(w, "late")
	if got := quotas(w, "one"); !slices.Equal(got, []string{"acme", "late", "t0", "t1"}) {
		t.Fatalf("on version 2 are %v", got)
	}
	old, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	return w, become(w, old)
}

// TestOlderDaemonHoldsWhatStandsOnANewerBase: whatever becomes of the declarations, the
// older daemon changes neither the tenants on base 2 nor their entries.
func TestOlderDaemonHoldsWhatStandsOnANewerBase(t *testing.T) {
	w, newer := setBack(t)
	before, entries, objects := mark(w), w.ledger(), maps.Clone(w.shards["one"].objects)
	status := w.wantPhase("acme", Held)
	for _, kind := range []string{"Held", "Applied", "Ready"} {
		if got := reasonOf(status, kind); got != "BaseUnknown" {
			t.Errorf("%s: want BaseUnknown, got %s", kind, got)
		}
	}
	if status.Kubeconfig == nil || status.Endpoint == "" || status.Version == "" || status.Digest == "" {
		t.Errorf("what was known is told no more: %+v", status)
	}
	w.wantPhase("late", Removed)
	w.wantPhase("globex", Ready)
	if got := w.core.Remarks(); len(got) != 1 || !strings.Contains(got[0], "class small") {
		t.Errorf("remarks: %q", got)
	}
	w.pass(24 * time.Hour) // the retention of late is over
	wantQuiet(w, before, "a day of the older daemon")

	w.commit(map[string]string{
		"classes/small/class.yaml":       classFile("small", ", replicas: 2"),
		"tenants/web/t0/tenant.yaml":     "kind: [\n",
		"tenants/web/t1/tenant.yaml":     "",
		"tenants/web/acme/tenant.yaml":   tenantFile("acme", "version: v1.36.4"),
		"tenants/web/late/tenant.yaml":   tenantFile("late", "shard: one"),
		"tenants/web/fresh/tenant.yaml":  tenantFile("fresh", "shard: one"),
		"tenants/web/globex/tenant.yaml": strings.Replace(tenantFile("globex", "version: v1.36.5"), "class: small", "class: plain", 1),
	})
	w.pass(time.Hour)
	if st := w.wantPhase("globex", Ready); st.Version != "v1.36.5" {
		t.Errorf("globex stopped at %s", st.Version)
	}
	if st := w.wantPhase("fresh", Pending); reasonOf(st, "Placed") != "BaseUnknown" {
		t.Errorf("fresh: %+v", st)
	}
	for _, name := range []string{"acme", "t0", "t1"} {
		w.wantPhase(name, Held)
	}
	if diff := cmp.Diff(entries, w.ledger()); diff != "" {
		t.Errorf("the older daemon decided: %s", diff)
	}
	for _, name := range []string{"acme", "t0", "t1", "late"} {
		for id, o := range objects {
			if id.Namespace == "tenant-"+name && w.shards["one"].objects[id] != o {
				t.Errorf("%s was touched", id)
			}
		}
	}

	become(w, newer)
	w.pass(2 * time.Hour)
	w.wantPhase("fresh", Ready)
	w.wantPhase("late", Ready)
	w.wantPhase("t0", Held)
	if got := w.tenant("t1"); got != nil {
		t.Errorf("t1 is not gone: %+v", got)
	}
	if st := w.wantPhase("acme", Ready); st.Version != "v1.36.4" {
		t.Errorf("acme is at %s", st.Version)
	}
	if e := w.ledger().Classes["small"]; e.BaseVersion != "2" || e.Commit != w.head.id {
		t.Errorf("class: %+v", e)
	}
}

// TestOlderDaemonLeavesADataStoreOnANewerBase: it is neither worked on nor held anew.
func TestOlderDaemonLeavesADataStoreOnANewerBase(t *testing.T) {
	w := newWorld(t, "one", "two")
	old := w.core.renderer
	w.core.renderer = newerRenderer(t)
	w.core = New(w.core.cfg, w.core.renderer)
	w.commit(fleetFiles())
	w.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "1"`)})
	w.settle()
	if e := w.ledger(); e.DataStores["one-a"].BaseVersion != "2" || e.Classes["small"].BaseVersion != "1" {
		t.Fatalf("ledger: %+v %+v", e.DataStores["one-a"], e.Classes["small"])
	}
	become(w, old)
	w.wantPhase("acme", Ready) // it is there already, and of a base that is known
	before := w.ledger()
	w.commit(map[string]string{
		"datastores/one-a.yaml":          "",
		"datastores/two-a.yaml":          strings.Replace(fleetFiles()["datastores/two-a.yaml"], "replicas: 1", "replicas: 3", 1),
		"tenants/web/globex/tenant.yaml": tenantFile("globex", "shard: two"),
	})
	works := len(w.shards["two"].works)
	w.pass(time.Hour)
	if diff := cmp.Diff(before.DataStores, w.ledger().DataStores); diff != "" || len(w.shards["two"].works) != works {
		t.Errorf("the older daemon decided about datastores: %s; works %d, then %d", diff, works, len(w.shards["two"].works))
	}
	if st := w.wantPhase("globex", Pending); reasonOf(st, "Applied") != "WaitingForDataStore" {
		t.Errorf("globex: %+v", st)
	}
	for _, st := range w.core.Shards() {
		if st.DataStores[0].Conditions[0].Reason != "BaseUnknown" {
			t.Errorf("datastore of %s: %+v", st.Name, st.DataStores[0])
		}
	}
}

// TestNewerLedgerHoldsEverything: a field that is not known makes the whole ledger
// unreadable. Nothing is done and nothing decided, by one who knew it before and by one
// who starts.
func TestNewerLedgerHoldsEverything(t *testing.T) {
	for name, start := range map[string]func(*world){"Running": func(*world) {}, "Starting": crash} {
		t.Run(name, func(t *testing.T) {
			w := withTenants(t, 3)
			w.newer = "classes/small.yaml: wave: is not known: it was written by a newer tenantry"
			start(w)
			w.pass(2 * time.Minute)
			before := mark(w)
			lose(w, "acme")
			remove(w, "t1")
			w.commit(map[string]string{
				"tenants/web/acme/tenant.yaml":   tenantFile("acme", "version: v1.36.4"),
				"tenants/web/globex/tenant.yaml": tenantFile("globex", "shard: one"),
			})
			w.pass(24 * time.Hour)
			if after := mark(w); after[0] != before[0] || after[1] != before[1] {
				t.Errorf("something was done or decided: %v, then %v", before, after)
			}
			if got := w.core.Problems(); !slices.ContainsFunc(got, func(r Report) bool {
				return r.Reason == "LedgerUnreadable" && strings.Contains(r.Message, "newer tenantry")
			}) {
				t.Errorf("problems: %v", got)
			}
			if name == "Running" {
				if st := w.wantPhase("acme", Unknown); reasonOf(st, "Ready") != "LedgerUnreadable" {
					t.Errorf("acme: %+v", st)
				}
			}
			w.newer = ""
			w.pass(3 * time.Hour)
			w.wantPhase("globex", Ready)
			if e := w.ledger().Tenants["t1"]; e.Lifecycle != ledger.Purged {
				t.Errorf("t1: %+v", e)
			}
		})
	}
}
