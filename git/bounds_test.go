package git_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

// A branch that is squashed again and again leaves what nothing reaches any more: the
// cache does not grow with it, and who reads meanwhile does not notice.
func TestCacheStaysSmall(t *testing.T) {
	const rounds, size = 20, 20_000
	remote := gittest.New(t, gittest.Options{})
	kept := git.Hash(remote.MustCommit("main", map[string]string{"kept": noise(0, size), "dir/a": "1"}))
	opts := git.Options{URL: remote.URL, CacheDir: t.TempDir()}
	r := open(t, opts)
	r.SetMinSpare(1)
	fetch(t, r, "main")
	v := revision(t, r, kept)

	done := make(chan struct{})
	var reader sync.WaitGroup
	reads := 0
	reader.Go(func() {
		pause := time.NewTicker(2 * time.Millisecond)
		defer pause.Stop()
		for {
			select {
			case <-done:
				return
			case <-pause.C:
			}
			r.ForgetCaches() // so that it reads the disk
			if data, err := fs.ReadFile(v, "kept"); err != nil || string(data) != noise(0, size) {
				t.Errorf("read %d bytes, %v, while the cache was renewed", len(data), err)
				return
			}
			if _, err := fs.Stat(v, "absent"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an absent file: %v", err)
				return
			}
			reads++
		}
	})
	largest := int64(0)
	for i := range rounds {
		if err := remote.SetBranch("status", ""); err != nil {
			t.Fatal(err)
		}
		tip := git.Hash(remote.MustCommit("status", map[string]string{"observed": noise(i+1, size)}))
		if got := fetch(t, r, "main", "status")["status"]; got != tip {
			t.Fatalf("tip %s, want %s", got, tip)
		}
		// Our own pushes, between two fetches, are readable whatever becomes of the cache.
		d := draft(tip, "ours", fmt.Sprint(i))
		d.Branch = "status"
		ours, err := r.Push(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if got := contents(t, revision(t, r, ours))["ours"]; got != fmt.Sprint(i) {
			t.Fatalf("read %q of what was pushed, want %d", got, i)
		}
		sum := int64(0)
		for _, f := range files(t, opts.CacheDir, "objects/pack/*.pack") {
			if info, err := os.Stat(f); err == nil {
				sum += info.Size()
			}
		}
		largest = max(largest, sum)
	}
	close(done)
	reader.Wait()
	if s := r.Stats(); s.Renewals < 2 || s.Rebuilds != 0 || reads == 0 {
		t.Errorf("stats %+v after %d reads, want renewals and no damage", s, reads)
	}
	if limit := int64(9 * size); largest > limit {
		t.Errorf("the cache grew to %d bytes for %d that are reachable, want at most %d", largest, 2*size, limit)
	}
}

// What a renewal that fails had fetched, and what a crash left, takes no room for longer.
func TestNothingIsLeftOver(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": "1"})
	opts := git.Options{URL: remote.URL, CacheDir: t.TempDir()}
	home := func() string { return filepath.Dir(filepath.Dir(files(t, opts.CacheDir, "HEAD")[0])) }
	left := func() (names []string) {
		for _, name := range []string{"incoming", "next"} {
			if _, err := os.Lstat(filepath.Join(home(), name)); err == nil {
				names = append(names, name)
			}
		}
		return names
	}
	r, err := git.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	r.SetMaxPacks(0)
	fetches := 0
	remote.Fail(gittest.Faults{BeforeFetch: func() {
		if fetches++; fetches == 2 { // the renewal
			if err := os.RemoveAll(filepath.Join(home(), "next", "objects")); err != nil {
				t.Error(err)
			}
		}
	}})
	fetch(t, r, "main")
	if s, names := r.Stats(), left(); fetches != 2 || s.Renewals != 0 || len(names) > 0 {
		t.Errorf("stats %+v after %d fetches, left is %q, want nothing of a renewal that failed", s, fetches, names)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"incoming", "next"} {
		if err := os.MkdirAll(filepath.Join(home(), name, "objects"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open(t, opts)
	if names := left(); len(names) > 0 {
		t.Errorf("left by a crash is %q", names)
	}
}

// Whether the cache is to be renewed is asked when something came in, pushes included.
func TestPushesAloneHaveTheCacheRenewed(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	tip := git.Hash(remote.MustCommit("ledger", map[string]string{"a": "1"}))
	r := open(t, git.Options{URL: remote.URL})
	fetch(t, r, "ledger")
	r.SetMaxPacks(0)
	fetch(t, r, "ledger")
	if s := r.Stats(); s.Renewals != 0 {
		t.Errorf("stats %+v, want no renewal: nothing came in", s)
	}
	tip, err := r.Push(t.Context(), draft(tip, "ours", "2"))
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, r, "ledger")
	if s, got := r.Stats(), contents(t, revision(t, r, tip)); s.Renewals != 1 || got["ours"] != "2" {
		t.Errorf("stats %+v, files %v, want one renewal", s, got)
	}
}

// What is pushed while a renewal is under way is not in what is fetched, and readable
// all the same.
func TestPushDuringRenewal(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	tip := git.Hash(remote.MustCommit("ledger", map[string]string{"a": "1"}))
	r := open(t, git.Options{URL: remote.URL})
	r.SetMaxPacks(1)
	fetch(t, r, "ledger")
	remote.MustCommit("main", map[string]string{"b": noise(1, 20_000)}) // a pack of its own
	var pushed git.Hash
	fetches := 0
	remote.Fail(gittest.Faults{BeforeFetch: func() {
		if fetches++; fetches != 2 { // the first one brings what is new, the second one everything
			return
		}
		var err error
		if pushed, err = r.Push(t.Context(), draft(tip, "ours", "3")); err != nil {
			t.Error(err)
		}
	}})
	fetch(t, r, "ledger", "main")
	if s := r.Stats(); s.Renewals != 1 || s.Rebuilds != 0 || fetches != 2 {
		t.Fatalf("stats %+v, %d fetches, want one renewal", s, fetches)
	}
	for _, where := range []string{"memory", "disk"} {
		if got := contents(t, revision(t, r, pushed)); got["a"] != "1" || got["ours"] != "3" {
			t.Errorf("from %s: %v", where, got)
		}
		r.ForgetCaches()
	}
	remote.Fail(gittest.Faults{})
	if _, err := r.Push(t.Context(), draft(pushed, "ours", "4")); err != nil {
		t.Error(err)
	}
	if got := fetch(t, r, "ledger")["ledger"]; contents(t, revision(t, r, got))["ours"] != "4" || r.Stats().Rebuilds != 0 {
		t.Errorf("stats %+v, want no damage", r.Stats())
	}
}
