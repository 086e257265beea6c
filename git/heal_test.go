package git_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// files gives the one mirror's files that match, at least one.
func files(t *testing.T, cache, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "*", "mirror", pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("the mirror has no %s: %v", pattern, err)
	}
	return found
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTornCacheHeals(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		tear         func(t *testing.T, cache string)
	}{
		{"empty reference", "a crash while a reference was written in place", func(t *testing.T, cache string) {
			t.Helper()
			overwrite(t, files(t, cache, "refs/heads/main")[0], nil)
		}},
		{"garbage reference", "a disk that gave up", func(t *testing.T, cache string) {
			t.Helper()
			overwrite(t, files(t, cache, "refs/heads/main")[0], []byte("\x00\x00\x00"))
		}},
		{"torn index", "a crash while an index was written", func(t *testing.T, cache string) {
			t.Helper()
			for _, idx := range files(t, cache, "objects/pack/*.idx") {
				overwrite(t, idx, []byte(read(t, idx)[:40]))
			}
		}},
		{"lost packs", "somebody cleaned up", func(t *testing.T, cache string) {
			t.Helper()
			for _, f := range files(t, cache, "objects/pack/*") {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"lost index", "a pack alone is not found", func(t *testing.T, cache string) {
			t.Helper()
			for _, f := range files(t, cache, "objects/pack/*.idx") {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"flipped bits in a pack", "what is read is hashed again", func(t *testing.T, cache string) {
			t.Helper()
			for _, f := range files(t, cache, "objects/pack/*.pack") {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				for i := 12; i < len(data)-20; i += 7 {
					data[i] ^= 0x15
				}
				overwrite(t, f, data)
			}
		}},
		{"no HEAD", "half a folder was removed", func(t *testing.T, cache string) {
			t.Helper()
			if err := os.Remove(files(t, cache, "HEAD")[0]); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for _, when := range []string{"while stopped", "while open"} {
			t.Run(c.name+" "+when, func(t *testing.T) {
				remote := gittest.New(t, gittest.Options{})
				remote.MustCommit("main", map[string]string{"a": "1", "dir/b": "2"})
				tip := remote.MustCommit("main", map[string]string{"a": "3"})
				opts := git.Options{URL: remote.URL, CacheDir: t.TempDir()}
				r, err := git.Open(t.Context(), opts)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = r.Close() }()
				fetch(t, r, "main")
				if when == "while stopped" {
					if err := r.Close(); err != nil {
						t.Fatal(err)
					}
					c.tear(t, opts.CacheDir)
					r = open(t, opts)
				} else {
					c.tear(t, opts.CacheDir)
				}
				want := map[string]string{"a": "3", "dir/b": "2"}
				if tips := fetch(t, r, "main"); tips["main"] != git.Hash(tip) {
					t.Fatalf("%s: tip %s, want %s", c.reason, tips["main"], tip)
				}
				if diff := cmp.Diff(want, contents(t, revision(t, r, git.Hash(tip)))); diff != "" {
					t.Fatalf("%s: files (-want +got):\n%s", c.reason, diff)
				}
				if s := r.Stats(); when == "while stopped" && (s.Rebuilds != 1 || s.LastRebuild == "") {
					t.Errorf("%s: stats %+v, want one rebuild and why", c.reason, s)
				}
			})
		}
	}
}

// An object that is lost is unreadable, never absent, and comes back.
func TestLostObjectIsUnreadableAndComesBack(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": "1"})
	rebuilds := 0
	opts := git.Options{URL: remote.URL, CacheDir: t.TempDir(), OnRebuild: func(error) { rebuilds++ }}
	r := open(t, opts)
	fetch(t, r, "main")
	before := files(t, opts.CacheDir, "objects/pack/*.pack")
	remote.MustCommit("main", map[string]string{"dir/b": "2", "dir/sub/c": "3"})
	tip := fetch(t, r, "main")["main"]
	v := revision(t, r, tip)
	for _, f := range files(t, opts.CacheDir, "objects/pack/*") {
		if strings.TrimSuffix(f, filepath.Ext(f)) != strings.TrimSuffix(before[0], filepath.Ext(before[0])) {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	blind := open(t, git.Options{URL: remote.URL, CacheDir: t.TempDir()}) // another cache sees nothing of it
	fetch(t, blind, "main")

	r.ForgetCaches()
	for _, path := range []string{"dir/b", "dir/sub/c", "dir/sub"} {
		_, err := fs.ReadFile(v, path)
		if path == "dir/sub" {
			_, err = fs.ReadDir(v, path)
		}
		if !errors.Is(err, git.ErrUnreadable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want ErrUnreadable and not fs.ErrNotExist", path, err)
		}
		if _, err := fs.Stat(v, path); !errors.Is(err, git.ErrUnreadable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat %s: got %v, want ErrUnreadable and not fs.ErrNotExist", path, err)
		}
	}
	fetch(t, r, "main")
	if diff := cmp.Diff(map[string]string{"a": "1", "dir/b": "2", "dir/sub/c": "3"}, contents(t, v)); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if rebuilds != 1 || r.Stats().Rebuilds != 1 {
		t.Errorf("told of %d rebuilds, counted %d, want 1", rebuilds, r.Stats().Rebuilds)
	}
}

// A hash that the remote itself does not have must not cost a clone a minute.
func TestUnknownHashRebuildsOnce(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": "1"})
	r := open(t, git.Options{URL: remote.URL})
	fetch(t, r, "main")
	for range 5 {
		if _, err := r.Revision(t.Context(), git.Hash(strings.Repeat("ab", 20))); !errors.Is(err, git.ErrUnreadable) {
			t.Fatalf("got %v, want ErrUnreadable", err)
		}
		fetch(t, r, "main")
	}
	if n := r.Stats().Rebuilds; n != 1 {
		t.Errorf("%d rebuilds, want 1", n)
	}
}

func TestCacheBelongsToOneProcess(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	opts := git.Options{URL: remote.URL, CacheDir: t.TempDir()}
	first := open(t, opts)
	if _, err := git.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("got %v, want a refusal", err)
	}
	opts.CacheDir = "" // a cache of its own
	second := open(t, git.Options{URL: remote.URL})
	fetch(t, first, "main")
	fetch(t, second, "main")
}

func TestTemporaryCacheIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("main", map[string]string{"a": "1"})
	r, err := git.Open(t.Context(), git.Options{URL: remote.URL})
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, r, "main")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Our own pushes and the little that others push grow one pack; what others push at once
// and is large comes as a pack each, until the cache is fetched anew.
func TestCacheStaysInFewPacks(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("ledger", map[string]string{"README": "hello"})
	opts := git.Options{URL: remote.URL, CacheDir: t.TempDir()}
	r := open(t, opts)
	r.SetMaxPacks(6)
	tip := fetch(t, r, "ledger")["ledger"]
	want := map[string]string{"README": "hello"}
	for i := range 12 {
		path := fmt.Sprint("ours/", i)
		want[path] = path
		h, err := r.Push(t.Context(), draft(tip, path, path))
		if err != nil {
			t.Fatal(err)
		}
		tip = h
		if diff := cmp.Diff(want, contents(t, revision(t, r, tip))); diff != "" {
			t.Fatalf("files after push %d (-want +got):\n%s", i, diff)
		}
	}
	fetch(t, r, "ledger")
	if n := len(files(t, opts.CacheDir, "objects/pack/*.pack")); n != 2 || r.Stats().Transfers != 1 {
		t.Errorf("%d packs, stats %+v, want one of the fetch and one of the pushes", n, r.Stats())
	}
	theirs := func(i int, data string) {
		path := fmt.Sprint("theirs/", i)
		want[path] = data
		tip = git.Hash(remote.MustCommit("ledger", map[string]string{path: data}))
		if got := fetch(t, r, "ledger")["ledger"]; got != tip {
			t.Fatalf("tip %s, want %s", got, tip)
		}
	}
	for i := range 12 {
		theirs(i, fmt.Sprint("little ", i))
	}
	if n := len(files(t, opts.CacheDir, "objects/pack/*.pack")); n > 4 || r.Stats().Renewals != 0 {
		t.Errorf("%d packs, stats %+v, want what is little in one or two, with no renewal", n, r.Stats())
	}
	for i := range 6 {
		theirs(12+i, noise(i, 20_000))
	}
	if n := len(files(t, opts.CacheDir, "objects/pack/*.pack")); n > 6 {
		t.Errorf("%d packs, want at most 6", n)
	}
	if s := r.Stats(); s.Renewals != 1 || s.Rebuilds != 0 {
		t.Errorf("stats %+v, want one renewal and no rebuild", s)
	}
	r.ForgetCaches()
	if diff := cmp.Diff(want, contents(t, revision(t, r, tip))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	mirror := &gittest.Repo{Dir: filepath.Dir(files(t, opts.CacheDir, "HEAD")[0])}
	gitOut(t, mirror, "fsck", "--strict")
}
