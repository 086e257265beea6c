package repository

import (
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/reconciler/core"
)

const (
	tenantFile = "tenants/team/first/tenant.yaml"
	storeFile  = "datastores/main.yaml"
)

var (
	tenant = core.WantRef{Kind: fleet.KindTenant, Name: "first", Path: "tenants/team/first"}
	store  = core.WantRef{Kind: fleet.KindDataStore, Name: "main", Path: storeFile}
)

func (b *bench) findLast(wants ...core.Want) core.LastFound {
	b.t.Helper()
	found := only[core.LastFound](b.t, b.do(core.FindLast{Commit: b.MustTip("main"), Wants: wants}))
	if found.Err != nil || found.Commit != b.MustTip("main") {
		b.t.Fatalf("found %+v", found)
	}
	return found
}

func TestFindLastGoodDeclaration(t *testing.T) {
	b := newBench(t)
	good := minimal(t)
	first := b.MustTip("main")
	otherClass := b.MustCommit("main", map[string]string{
		"classes/large/class.yaml": strings.ReplaceAll(good["classes/small/class.yaml"], "small", "large"),
		tenantFile:                 strings.ReplaceAll(good[tenantFile], "small", "large"),
	})
	b.MustCommit("main", map[string]string{tenantFile: "kind: [Tenant\n", storeFile: "kind: [DataStore\n"})
	b.MustCommit("main", map[string]string{tenantFile: "", "tenants/other/first/tenant.yaml": good[tenantFile], storeFile: ""})
	moved := b.MustCommit("main", map[string]string{"README.md": "# later"})
	b.fetch(core.Fetch{})

	for _, c := range []struct {
		name, reason string
		want         core.Want
		commit       string
	}{
		{"newest", "a broken one and one that is gone do not count", core.Want{Ref: tenant, Classes: []string{"large", "small"}}, otherClass},
		{"class", "its class has to be one of those in force", core.Want{Ref: tenant, Classes: []string{"small"}}, first},
		{"no class", "none is in force", core.Want{Ref: tenant}, ""},
		{"moved", "it is asked for where the ledger says it stands", core.Want{
			Ref: core.WantRef{Kind: fleet.KindTenant, Name: "first", Path: "tenants/other/first"}, Classes: []string{"small"},
		}, moved},
		{"datastore", "it has no class", core.Want{Ref: store}, otherClass},
		{"never there", "what was never declared is not found", core.Want{
			Ref: core.WantRef{Kind: fleet.KindTenant, Name: "second", Path: "tenants/team/second"}, Classes: []string{"small"},
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			last, there := b.findLast(c.want).ByRef[c.want.Ref]
			if there != (c.commit != "") || last.Commit != c.commit {
				t.Fatalf("found %q (%v), want %q: %s", last.Commit, there, c.commit, c.reason)
			}
			if there && (last.Fleet == nil || last.Tree != strings.TrimSpace(b.MustGit("rev-parse", c.commit+"^{tree}"))) {
				t.Errorf("found %+v, want the commit's tree and fleet", last)
			}
		})
	}
	elsewhere := core.Want{Ref: core.WantRef{Kind: fleet.KindTenant, Name: "first", Path: "tenants/other/first"}}
	if found := b.findLast(core.Want{Ref: tenant, Classes: []string{"small"}}, elsewhere); found.ByRef[tenant].Commit != first {
		t.Errorf("found %s, want %s: one of the same name at another path is not it", found.ByRef[tenant].Commit, first)
	}
	both := b.findLast(core.Want{Ref: tenant, Classes: []string{"small"}}, core.Want{Ref: store})
	if both.ByRef[tenant].Commit != first || both.ByRef[store].Commit != otherClass {
		t.Errorf("together: %s and %s, want each its own commit", both.ByRef[tenant].Commit, both.ByRef[store].Commit)
	}
}

func TestFindLastThatCannotReadFindsNothing(t *testing.T) {
	b := inPlace(t)
	tip := b.MustCommit("main", map[string]string{tenantFile: ""})
	b.damage(strings.TrimSpace(b.MustGit("rev-parse", tip+"^:"+tenantFile)))
	found := only[core.LastFound](t, b.do(core.FindLast{Commit: tip, Wants: []core.Want{{Ref: tenant, Classes: []string{"small"}}}}))
	if found.Err == nil || len(found.ByRef) > 0 || found.Commit != tip {
		t.Errorf("found %+v, want an error: what cannot be read may be the last good one", found)
	}
}

func TestDecisionsPassASearch(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.MustCommit("main", map[string]string{tenantFile: "broken"})
	}
	b.fetch(core.Fetch{})
	passed := 0
	found := b.edge.findLast(t.Context(), core.FindLast{Commit: b.MustTip("main"), Wants: []core.Want{{Ref: tenant}}}, func() { passed++ })
	if found.Err != nil || passed != 4 {
		t.Errorf("let others pass %d times among 4 commits, %v", passed, found.Err)
	}

	// It came while the search was under way.
	b.edge.Handle(decision("", nil, shardEntry("main", "cluster-1")))
	b.edge.Handle(core.Fetch{Seq: 1})
	var events []core.Event
	b.edge.carryOut(t.Context(), core.FindLast{Commit: b.MustTip("main")}, func(e core.Event) { events = append(events, e) })
	expect(t, "only decisions pass", events, "LedgerPushed", "LastFound")
}
