package repository

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

// BenchmarkLedgerCommitHistory asks whether a commit of decisions costs more when there
// were many before it: 50 tenants of 10,000, in a ledger with 10 commits and in one with
// 2,000, in turn and against real servers. The medians' ratio must not pass 1.2.
func BenchmarkLedgerCommitHistory(b *testing.B) {
	const tenants, each, rounds = 10_000, 50, 60
	short, long := newFigure(b, tenants, each, 10), newFigure(b, tenants, each, 2000)
	for range 3 { // the first ones warm caches up, here and there
		short.commit(each)
		long.commit(each)
	}
	for b.Loop() {
		var few, many []time.Duration
		for i := range rounds {
			if i%2 == 0 { // whoever comes second finds other things in the machine's caches
				few = append(few, short.commit(each))
			}
			many = append(many, long.commit(each))
			if i%2 == 1 {
				few = append(few, short.commit(each))
			}
		}
		for _, took := range [][]time.Duration{few, many} {
			slices.Sort(took)
		}
		fewer, more := few[rounds/2], many[rounds/2]
		ratio := float64(more) / float64(fewer)
		b.ReportMetric(ratio, "ratio")
		fmt.Fprintf(os.Stdout, "figure: ledger_commit_short_history_ms %.1f ms\n", fewer.Seconds()*1000)
		fmt.Fprintf(os.Stdout, "figure: ledger_commit_long_history_ms %.1f ms\n", more.Seconds()*1000)
		fmt.Fprintf(os.Stdout, "figure: ledger_commit_history_ratio %.2f ratio\n", ratio)
		if ratio > 1.2 {
			b.Errorf("with 2,000 commits of history a commit takes %.2f times as long as with 10, want at most 1.2", ratio)
		}
	}
}

// figure is a ledger with a history, and the edge that goes on with it.
type figure struct {
	b    *testing.B
	edge *Edge
	now  *ledger.Ledger
	tip  string
	next int
}

func newFigure(b *testing.B, tenants, each, commits int) *figure {
	b.Helper()
	remote := gittest.New(b, gittest.Options{})
	f := &figure{b: b, now: ledger.Empty()}
	var all ledger.Changes
	for i := range tenants {
		all.SetTenant(&ledger.Tenant{
			Name: fmt.Sprintf("tenant-%05d", i), UID: ledger.UID("figure", fmt.Sprint(i)), Source: fmt.Sprintf("tenants/team/tenant-%05d", i),
			Provider: "native", Epoch: 1, Lifecycle: ledger.Living,
			Placement: ledger.Placement{Shard: "main", DataStore: "main", Host: fmt.Sprintf("tenant-%05d.tenants.example.com", i)},
		})
	}
	var stream bytes.Buffer
	f.append(&stream, all)
	for range commits - 1 {
		f.append(&stream, f.changes(each))
	}
	fmt.Fprintln(&stream, "done")
	if _, err := remote.Pipe(stream.Bytes(), "fast-import", "--quiet", "--done"); err != nil {
		b.Fatal(err)
	}
	// As hosts keep their repositories: packed, at times of their own.
	for _, args := range [][]string{{"gc", "-q"}, {"config", "gc.auto", "0"}} {
		if _, err := remote.Git(args...); err != nil {
			b.Fatal(err)
		}
	}
	repo, err := git.Open(b.Context(), git.Options{URL: remote.URL, CacheDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = repo.Close() })
	f.edge = New(repo, branches, nil, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	f.tip = remote.MustTip("tenantry-ledger")
	if _, err := repo.Fetch(b.Context(), "main", "tenantry-ledger", "tenantry-status"); err != nil {
		b.Fatal(err)
	}
	return f
}

// append adds a commit of decisions to a stream for git fast-import.
func (f *figure) append(stream *bytes.Buffer, c ledger.Changes) {
	f.b.Helper()
	parts, err := f.now.Draft(c)
	if err != nil {
		f.b.Fatal(err)
	}
	fmt.Fprintf(stream, "commit refs/heads/tenantry-ledger\ncommitter A Person <person@example.org> %d +0000\ndata 6\nDecide\n", noon.Unix())
	for _, path := range slices.Sorted(maps.Keys(parts.Files)) {
		fmt.Fprintf(stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(parts.Files[path]), parts.Files[path])
	}
	f.now = f.now.With(c)
}

// changes are decisions about the next tenants, round and round.
func (f *figure) changes(n int) ledger.Changes {
	var c ledger.Changes
	for range n {
		e := *f.now.Tenants[fmt.Sprintf("tenant-%05d", f.next*199%len(f.now.Tenants))]
		e.Epoch++
		c.SetTenant(&e)
		f.next++
	}
	return c
}

// commit has the edge commit decisions about n tenants, and tells how long it took.
func (f *figure) commit(n int) time.Duration {
	f.b.Helper()
	c := f.changes(n)
	began := time.Now()
	pushed := f.edge.pushLedger(f.b.Context(), core.PushLedger{Parent: f.tip, Ledger: f.now, Commit: "c0ffee", Changes: c, When: noon})
	took := time.Since(began)
	if pushed.Err != nil {
		f.b.Fatal(pushed.Err)
	}
	f.tip, f.now = pushed.Tip, f.now.With(c)
	return took
}
