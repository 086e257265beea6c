package repository

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

func TestFetchTellsWhatIsNew(t *testing.T) {
	for name, b := range map[string]*bench{"served": newBench(t), "in place": inPlace(t)} {
		t.Run(name, func(t *testing.T) {
			events := b.fetch(core.Fetch{})
			expect(t, "the first fetch tells all", events, "Declared", "LedgerRead", "StatusRead", "Fetched")
			declared := only[core.Declared](t, events)
			if declared.Commit != b.MustTip("main") || declared.Fleet.Tenants["first"] == nil || len(declared.Findings) > 0 || declared.Problem != "" {
				t.Errorf("declared: %+v", declared)
			}
			if want := strings.TrimSpace(b.MustGit("rev-parse", "main^{tree}")); declared.Tree != want {
				t.Errorf("tree %s, want %s", declared.Tree, want)
			}
			if want := strings.TrimSpace(b.MustGit("rev-parse", "main:classes/small")); declared.Fleet.Classes["small"].Tree != want {
				t.Errorf("class's tree %q, want %s", declared.Fleet.Classes["small"].Tree, want)
			}
			read := only[core.LedgerRead](t, events)
			if read.Tip != "" || read.Problem != "" || read.Ledger == nil || len(read.Ledger.Tenants) > 0 {
				t.Errorf("ledger: %+v, want none, and no problem", read)
			}
			if status := only[core.StatusRead](t, events); status.Tip != "" || len(status.Files) > 0 {
				t.Errorf("status: %+v, want none", status)
			}
			expect(t, "nothing has changed", b.fetch(core.Fetch{Accepted: []string{declared.Commit}}), "Fetched")

			b.MustCommit("main", map[string]string{"README.md": "# another"})
			events = b.fetch(core.Fetch{Accepted: []string{declared.Commit}})
			expect(t, "only the declared branch has changed", events, "Declared", "Fetched")
			if again := only[core.Declared](t, events); again.Commit != b.MustTip("main") || again.Commit == declared.Commit {
				t.Errorf("declared at %s", again.Commit)
			}
		})
	}
}

func TestBrokenDeclarationsAreNotAbsent(t *testing.T) {
	b := newBench(t)
	b.MustCommit("main", map[string]string{"tenants/team/first/tenant.yaml": "kind: [Tenant\n"})
	declared := only[core.Declared](t, b.fetch(core.Fetch{}))
	if _, broken := declared.Fleet.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: "first"}]; !broken || len(declared.Findings) == 0 || declared.Problem != "" {
		t.Fatalf("broken %v, findings %v, problem %q: want the tenant broken, and no problem of the branch", declared.Fleet.Broken, declared.Findings, declared.Problem)
	}
	if text := declared.Findings[0].String(); !strings.HasPrefix(text, "tenants/team/first/tenant.yaml:") {
		t.Errorf("finding %q does not say where", text)
	}
}

func TestDeclaredBranchThatIsGoneComesBack(t *testing.T) {
	b := newBench(t)
	tip := b.MustTip("main")
	b.fetch(core.Fetch{})
	if err := b.SetBranch("main", ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		events := b.fetch(core.Fetch{Accepted: []string{tip}})
		expect(t, "a problem is told each time", events, "Declared", "Fetched")
		if d := only[core.Declared](t, events); d.Problem != core.Missing || !strings.Contains(d.Message, "main") || d.Fleet != nil {
			t.Errorf("declared: %+v, want Missing, and no fleet that could be taken for an empty one", d)
		}
	}
	if err := b.SetBranch("main", tip); err != nil {
		t.Fatal(err)
	}
	if d := only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{tip}})); d.Problem != "" || d.Commit != tip || d.Fleet.Tenants["first"] == nil {
		t.Errorf("declared: %+v, want what was there before", d)
	}
}

func TestRewoundBranchIsHeldUntilAccepted(t *testing.T) {
	b := newBench(t)
	old := b.MustTip("main")
	accepted := b.MustCommit("main", map[string]string{"README.md": "# accepted"})
	b.fetch(core.Fetch{})
	if err := b.SetBranch("main", old); err != nil {
		t.Fatal(err)
	}
	d := only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{old, accepted}}))
	if d.Problem != core.Rewound || !strings.Contains(d.Message, "--accept-rewind "+old) || !strings.Contains(d.Message, accepted) {
		t.Fatalf("declared: %+v, want Rewound and what to do", d)
	}
	d = only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{accepted}, AcceptRewind: old}))
	if d.Problem != "" || d.Commit != old {
		t.Errorf("declared: %+v, want the accepted commit", d)
	}
	fork := b.MustCommit("main", map[string]string{"README.md": "# fork"})
	if d = only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{accepted}, AcceptRewind: old})); d.Problem != core.Rewound {
		t.Errorf("%s: %+v, want Rewound: another commit was accepted", fork, d)
	}
	if err := b.SetBranch("main", accepted); err != nil {
		t.Fatal(err)
	}
	if d = only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{accepted}})); d.Problem != "" || d.Commit != accepted {
		t.Errorf("declared: %+v, want it back", d)
	}
}

func TestNewProcessKnowsNothingOfARewoundCommit(t *testing.T) {
	b := newBench(t)
	tip := b.MustTip("main")
	lost := strings.Repeat("ab", 20) // a Lease remembers it, no mirror has it
	d := only[core.Declared](t, b.fetch(core.Fetch{Accepted: []string{lost}}))
	if d.Problem != core.Rewound {
		t.Errorf("declared %s: %+v, want Rewound", tip, d)
	}
}

func TestServerThatIsDownChangesNothing(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	b.Stop()
	events := b.do(core.Fetch{Seq: 9})
	expect(t, "nothing is known, so nothing is said", events, "Fetched")
	if end := only[core.Fetched](t, events); !errors.Is(end.Err, git.ErrUnreachable) || end.Seq != 9 {
		t.Errorf("ended with %+v", end)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	expect(t, "nothing has changed meanwhile", b.fetch(core.Fetch{}), "Fetched")
}

func TestServerThatHangsIsGivenUp(t *testing.T) {
	b := newBench(t)
	b.Fail(gittest.Faults{Hang: true})
	b.edge.patience = 50 * time.Millisecond
	events := b.do(core.PushStatus{Files: map[string][]byte{"status/a.yaml": []byte("a")}, Message: "Observe", When: noon}, core.Fetch{Seq: 1})
	expect(t, "reading goes first", events, "Fetched", "StatusPushed")
	if only[core.Fetched](t, events).Err == nil || only[core.StatusPushed](t, events).Err == nil {
		t.Errorf("ended with %+v", events)
	}
	b.Fail(gittest.Faults{})
	b.edge.patience = patience
	b.fetch(core.Fetch{})
}
