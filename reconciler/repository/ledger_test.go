package repository

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

// firstDecisions puts the class in force and holds the tenant where it is declared.
func firstDecisions(d core.Declared) ledger.Changes {
	c := shardEntry("main", "cluster-1")
	c.SetClass(&ledger.Class{Name: "small", Provider: "native", BaseVersion: "v1", Commit: d.Commit, Tree: d.Fleet.Classes["small"].Tree})
	c.SetTenant(&ledger.Tenant{
		Name: "first", UID: "uid-1", Source: "tenants/team/first", Provider: "native", Epoch: 1, Lifecycle: ledger.Living,
		Placement: ledger.Placement{Shard: "main", DataStore: "main", Host: "first.tenants.example.com"},
		Held:      &ledger.Held{Commit: d.Commit, Tree: d.Tree, Reason: "Invalid"},
	})
	return c
}

func TestDecisionsAreCommittedAndReadBack(t *testing.T) {
	for name, b := range map[string]*bench{"served": newBench(t), "in place": inPlace(t)} {
		t.Run(name, func(t *testing.T) {
			declared := only[core.Declared](t, b.fetch(core.Fetch{}))
			changes := firstDecisions(declared)
			tip := b.pushLedger(decision("", nil, changes))
			if tip != b.MustTip("tenantry-ledger") {
				t.Fatalf("acknowledged %s, the branch is at %s", tip, b.MustTip("tenantry-ledger"))
			}
			files := b.MustFiles("tenantry-ledger")
			for _, path := range []string{
				"README.md", ledger.TenantPath("first"), ledger.ClassPath("small"), ledger.ShardPath("main"),
				ledger.SourcePath(declared.Tree) + "/fleet.yaml", ledger.SourcePath(declared.Fleet.Classes["small"].Tree) + "/class.yaml",
			} {
				if files[path] == "" {
					t.Errorf("%s is missing", path)
				}
			}
			if body := b.MustGit("log", "--format=%B", "tenantry-ledger"); !strings.HasSuffix(strings.TrimSpace(body), "Source-Commit: c0ffee") {
				t.Errorf("message %q does not name its cause", body)
			}
			expect(t, "our own push is no news", b.fetch(core.Fetch{Ledger: tip}), "Fetched")

			b.another()
			read := only[core.LedgerRead](t, b.fetch(core.Fetch{}))
			if read.Tip != tip || read.Problem != "" {
				t.Fatalf("read %+v", read)
			}
			if diff := cmp.Diff(ledger.Empty().With(changes), read.Ledger); diff != "" {
				t.Errorf("ledger (-decided +read):\n%s", diff)
			}
			if c := read.Classes[declared.Fleet.Classes["small"].Tree]; c == nil || c.Metadata.Name != "small" || c.Spec.Version != "v1.36.3" {
				t.Errorf("classes: %+v", read.Classes)
			}
			if f := read.Fleets[declared.Tree]; f == nil || f.Tenants["first"] == nil {
				t.Errorf("fleets: %+v", read.Fleets)
			}

			next := b.pushLedger(decision(tip, read.Ledger, shardEntry("other", "cluster-2")))
			if parent := strings.TrimSpace(b.MustGit("rev-parse", "tenantry-ledger^")); parent != tip || next == tip {
				t.Errorf("%s stands on %s, want %s", next, parent, tip)
			}
		})
	}
}

func TestConflictGoesBackToTheCore(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	tip := b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
	ours := ledger.Empty().With(shardEntry("main", "cluster-1"))

	faster := decision(tip, ours, shardEntry("eu-1", "cluster-2"))
	parts, err := faster.Ledger.Draft(faster.Changes)
	if err != nil {
		t.Fatal(err)
	}
	theirs := b.MustCommit("tenantry-ledger", map[string]string{ledger.ShardPath("eu-1"): string(parts.Files[ledger.ShardPath("eu-1")])})
	pushed := only[core.LedgerPushed](t, b.do(decision(tip, ours, shardEntry("eu-2", "cluster-3"))))
	if !errors.Is(pushed.Err, git.ErrConflict) || b.MustTip("tenantry-ledger") != theirs {
		t.Fatalf("pushed %+v, want ErrConflict and the branch where it was", pushed)
	}
	read := only[core.LedgerRead](t, b.fetch(core.Fetch{Ledger: tip}))
	if read.Tip != theirs || read.Ledger.Shards["eu-1"] == nil || read.Ledger.Shards["main"] == nil || read.Problem != "" {
		t.Fatalf("read %+v", read)
	}
	pushed = only[core.LedgerPushed](t, b.do(decision(tip, ours, shardEntry("eu-2", "cluster-3"))))
	if !errors.Is(pushed.Err, git.ErrConflict) {
		t.Errorf("pushed %+v, want ErrConflict: it was decided before the newer tip was read", pushed)
	}
	b.pushLedger(decision(theirs, read.Ledger, shardEntry("eu-2", "cluster-3")))
}

func TestRefusedPushWorksLater(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	if err := b.Refuse("the branch is frozen"); err != nil {
		t.Fatal(err)
	}
	pushed := only[core.LedgerPushed](t, b.do(decision("", nil, shardEntry("main", "cluster-1"))))
	if !errors.Is(pushed.Err, git.ErrRejected) || !strings.Contains(pushed.Err.Error(), "frozen") {
		t.Fatalf("pushed %+v, want the hook's words", pushed)
	}
	expect(t, "after an error the ledger is read again, whatever its tip", b.fetch(core.Fetch{}), "LedgerRead", "Fetched")
	if err := b.Refuse(""); err != nil {
		t.Fatal(err)
	}
	b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
}

func TestLostAcknowledgementMakesOneCommit(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	b.Fail(gittest.Faults{LoseAcknowledgements: 1})
	tip := b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
	if n := strings.TrimSpace(b.MustGit("rev-list", "--count", "tenantry-ledger")); n != "1" || tip != b.MustTip("tenantry-ledger") {
		t.Errorf("%s commits, want one", n)
	}
	expect(t, "the push is known to have arrived", b.fetch(core.Fetch{Ledger: tip}), "Fetched")
}

func TestLostLedgerIsAProblem(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	first := b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
	entries := ledger.Empty().With(shardEntry("main", "cluster-1"))
	second := b.pushLedger(decision(first, entries, shardEntry("eu-1", "cluster-2")))

	for _, c := range []struct {
		name, reason, tip string
		known             string // as the core asked
		want              core.Problem
	}{
		{"rewound", "decisions are missing", first, second, core.Rewound},
		{"gone", "all decisions are missing", "", second, core.Missing},
		{"rewound behind a push", "the core asked before its push was acknowledged", first, first, core.Rewound},
		{"unrelated", "somebody began another ledger", b.MustTip("main"), second, core.Rewound},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := b.SetBranch("tenantry-ledger", c.tip); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				events := b.fetch(core.Fetch{Ledger: c.known, Tips: []string{first}})
				expect(t, "told each time, and no tip is compared with what is not the ledger", events, "LedgerRead", "Fetched")
				if read := only[core.LedgerRead](t, events); read.Problem != c.want || read.Ledger != nil || !strings.Contains(read.Message, second) {
					t.Errorf("read %+v, want %s and what is missing: %s", read, c.want, c.reason)
				}
			}
			if err := b.SetBranch("tenantry-ledger", second); err != nil {
				t.Fatal(err)
			}
			events := b.fetch(core.Fetch{Ledger: second, Tips: []string{first}})
			expect(t, "it is restored", events, "LedgerRead", "TipsKnown", "Fetched")
			if read := only[core.LedgerRead](t, events); read.Problem != "" || read.Tip != second || read.Ledger.Shards["eu-1"] == nil {
				t.Errorf("read %+v, want the ledger as it was", read)
			}
		})
	}
}

func TestTipsThatLeasesRemember(t *testing.T) {
	b := newBench(t)
	foreign := b.MustTip("main")
	events := b.fetch(core.Fetch{Tips: []string{foreign}})
	if diff := cmp.Diff(map[string]bool{foreign: false}, only[core.TipsKnown](t, events).Contains); diff != "" {
		t.Errorf("without a ledger (-want +got):\n%s", diff)
	}
	first := b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
	second := b.pushLedger(decision(first, ledger.Empty().With(shardEntry("main", "cluster-1")), shardEntry("eu-1", "cluster-2")))
	unknown := strings.Repeat("ab", 20)
	events = b.fetch(core.Fetch{Ledger: second, Tips: []string{first, second, foreign, unknown, "no hash"}})
	want := map[string]bool{first: true, second: true, foreign: false, unknown: false}
	if diff := cmp.Diff(want, only[core.TipsKnown](t, events).Contains); diff != "" {
		t.Errorf("of five tips, one of which means nothing (-want +got):\n%s", diff)
	}
}

func TestLedgerThatAPersonBrokeIsNamed(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	tip := b.pushLedger(decision("", nil, shardEntry("main", "cluster-1")))
	b.MustCommit("tenantry-ledger", map[string]string{ledger.ShardPath("main"): "identity: mine\n"})
	for range 2 {
		events := b.fetch(core.Fetch{Ledger: tip})
		if read := only[core.LedgerRead](t, events); read.Problem != core.Unreadable || !strings.Contains(read.Message, ledger.ShardPath("main")) || read.Ledger != nil {
			t.Errorf("read %+v, want Unreadable and the file", read)
		}
	}
	if err := b.SetBranch("tenantry-ledger", tip); err != nil {
		t.Fatal(err)
	}
	if read := only[core.LedgerRead](t, b.fetch(core.Fetch{Ledger: tip})); read.Problem != "" || read.Tip != tip {
		t.Errorf("read %+v, want it healed", read)
	}
}

// TestProviderInForceOutlivesItsFolder: the ledger keeps it, whatever becomes of the
// declared branch and its history.
func TestProviderInForceOutlivesItsFolder(t *testing.T) {
	b := newBench(t)
	b.MustCommit("main", map[string]string{
		"classes/small/class.yaml":          "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: small}\nspec: {provider: acme, version: v1.36.3}\n",
		"providers/acme/provider.yaml":      "kind: Provider\n",
		"providers/acme/README.md":          "For people.\n",
		"providers/acme/kustomization.yaml": "resources: []\n",
	})
	declared := only[core.Declared](t, b.fetch(core.Fetch{}))
	class := declared.Fleet.Classes["small"]
	if class.Own == nil || class.Own.Tree == "" {
		t.Fatalf("declared: %+v", class)
	}
	var c ledger.Changes
	entry := &ledger.Class{Name: "small", Provider: "acme", BaseVersion: "1", Commit: declared.Commit, Tree: class.Tree, ProviderTree: class.Own.Tree}
	c.SetClass(entry)
	tip := b.pushLedger(decision("", nil, c))
	if files := b.MustFiles("tenantry-ledger"); files[ledger.SourcePath(class.Own.Tree)+"/provider.yaml"] == "" {
		t.Errorf("the provider is not mounted: %v", slices.Sorted(maps.Keys(files)))
	}
	if err := b.SetBranch("main", ""); err != nil { // its whole history is gone
		t.Fatal(err)
	}
	b.MustGit("gc", "--quiet", "--prune=now")
	b.another()
	var read core.LedgerRead
	for _, e := range b.fetch(core.Fetch{Ledger: tip}) {
		if l, ok := e.(core.LedgerRead); ok {
			read = l
		}
	}
	if read.Problem != "" || read.Classes[entry.Key()] == nil {
		t.Fatalf("read %+v", read)
	}
	if diff := cmp.Diff(class.Own, read.Classes[entry.Key()].Own); diff != "" {
		t.Errorf("declared (-) in force (+):\n%s", diff)
	}
}
