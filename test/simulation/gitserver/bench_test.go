package gitserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// What a simulated history asks of the git room thousands of times. The mirror is on
// whatever disk TMPDIR names.

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// small is a fleet of some 60 files on main, and a ledger beside it.
func small(tb testing.TB) *gitserver.Server {
	tb.Helper()
	s := gitserver.New(gitserver.Options{Now: func() time.Time { return noon }})
	files := map[string][]byte{}
	for i := range 60 {
		files[fmt.Sprintf("tenants/team-%d/t%d/tenant.yaml", i%6, i)] = fmt.Appendf(nil, "kind: Tenant\nspec: {class: standard, size: %d}\n", i)
	}
	for branch, files := range map[string]map[string][]byte{"main": files, "ledger": {"README": []byte("decisions")}} {
		if _, err := s.Commit(branch, files, "Begin"); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func open(tb testing.TB, s *gitserver.Server, cache string) *git.Repository {
	tb.Helper()
	r, err := git.Open(tb.Context(), git.Options{URL: "https://git.example.org/fleet.git", CacheDir: cache, Transport: direct{s}})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func fetched(tb testing.TB, s *gitserver.Server) *git.Repository {
	tb.Helper()
	r := open(tb, s, tb.TempDir())
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	fetch(tb, r)
	return r
}

func fetch(tb testing.TB, r *git.Repository) map[string]git.Hash {
	tb.Helper()
	tips, err := r.Fetch(tb.Context(), "main", "ledger", "status")
	if err != nil {
		tb.Fatal(err)
	}
	return tips
}

func BenchmarkOpen(b *testing.B) {
	s, dir, n := small(b), b.TempDir(), 0
	for b.Loop() {
		n++
		if err := open(b, s, fmt.Sprint(dir, "/", n)).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirstFetch(b *testing.B) {
	s := small(b)
	for b.Loop() {
		b.StopTimer()
		r := open(b, s, b.TempDir())
		b.StartTimer()
		fetch(b, r)
		b.StopTimer()
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkFetchOfNothing(b *testing.B) {
	r := fetched(b, small(b))
	for b.Loop() {
		fetch(b, r)
	}
}

func BenchmarkFetchOfOneFile(b *testing.B) {
	s := small(b)
	r, n := fetched(b, s), 0
	for b.Loop() {
		n++
		if _, err := s.Commit("main", map[string][]byte{"tenants/team-1/t1/tenant.yaml": fmt.Append(nil, n)}, "Change"); err != nil {
			b.Fatal(err)
		}
		fetch(b, r)
	}
}

func BenchmarkPushOfTwoFiles(b *testing.B) {
	s := small(b)
	r, n := fetched(b, s), 0
	tip := fetch(b, r)["ledger"]
	for b.Loop() {
		n++
		var err error
		if tip, err = r.Push(b.Context(), git.Draft{Branch: "ledger", Parent: tip, Message: "Decide", When: noon, Files: map[string][]byte{
			"tenants/0a/one.yaml": fmt.Append(nil, n), "tenants/0b/two.yaml": fmt.Append(nil, n)}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommitAndFiles(b *testing.B) {
	s, n := small(b), 0
	for b.Loop() {
		n++
		tip, err := s.Commit("main", map[string][]byte{"tenants/team-1/t1/tenant.yaml": fmt.Append(nil, n)}, "Change")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Files(tip); err != nil {
			b.Fatal(err)
		}
	}
}
