package git_test

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// open opens the fixture's repository with a cache that lives as long as the test.
func open(t *testing.T, opts git.Options) *git.Repository {
	t.Helper()
	if opts.CacheDir == "" {
		opts.CacheDir = t.TempDir()
	}
	if opts.Timeout == 0 {
		opts.Timeout = 20 * time.Second
	}
	r, err := git.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func fetch(t *testing.T, r *git.Repository, branches ...string) map[string]git.Hash {
	t.Helper()
	tips, err := r.Fetch(t.Context(), branches...)
	if err != nil {
		t.Fatal(err)
	}
	return tips
}

func revision(t *testing.T, r *git.Repository, commit git.Hash) *git.Revision {
	t.Helper()
	v, err := r.Revision(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// contents reads all regular files.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFetchIsIncremental(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	first := remote.MustCommit("main", map[string]string{"a.txt": "one", "dir/b.txt": "two"})
	r := open(t, git.Options{URL: remote.URL})

	tips := fetch(t, r, "main", "absent")
	if diff := cmp.Diff(map[string]git.Hash{"main": git.Hash(first)}, tips); diff != "" {
		t.Fatalf("tips (-want +got):\n%s", diff)
	}
	v := revision(t, r, tips["main"])
	if diff := cmp.Diff(map[string]string{"a.txt": "one", "dir/b.txt": "two"}, contents(t, v)); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if err := fstest.TestFS(v, "a.txt", "dir/b.txt"); err != nil {
		t.Fatal(err)
	}

	fetch(t, r, "main")
	if n := remote.Requests()["fetch"]; n != 1 {
		t.Fatalf("nothing is new, but objects were asked for %d times, want once", n)
	}

	second := remote.MustCommit("main", map[string]string{"a.txt": "three"})
	tips = fetch(t, r, "main")
	if tips["main"] != git.Hash(second) {
		t.Fatalf("tip %s, want %s", tips["main"], second)
	}
	if got := contents(t, revision(t, r, git.Hash(second)))["a.txt"]; got != "three" {
		t.Fatalf("a.txt is %q", got)
	}
	if got := contents(t, v)["a.txt"]; got != "one" {
		t.Fatalf("the older revision changed: a.txt is %q", got)
	}
}

func TestPush(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	parent := remote.MustCommit("ledger", map[string]string{"tenants/a": "1", "tenants/b": "2", "other/c": "3"})
	r := open(t, git.Options{URL: remote.URL})
	fetch(t, r, "ledger")

	draft := git.Draft{
		Branch: "ledger", Parent: git.Hash(parent), Message: "Place a", When: noon,
		Files: map[string][]byte{"tenants/a": []byte("changed"), "tenants/b": nil, "new/d": []byte("4")},
	}
	h, err := r.Push(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"tenants/a": "changed", "other/c": "3", "new/d": "4"}
	if diff := cmp.Diff(want, remote.MustFiles("ledger")); diff != "" {
		t.Fatalf("remote's files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, contents(t, revision(t, r, h))); diff != "" {
		t.Fatalf("files readable after the push (-want +got):\n%s", diff)
	}
	if got := remote.MustTip("ledger"); got != string(h) {
		t.Fatalf("tip %s, want %s", got, h)
	}
	remote.MustGit("fsck", "--strict")
	fetch(t, r, "ledger")
	if n := remote.Requests()["fetch"]; n != 1 {
		t.Fatalf("what was pushed was fetched again: %d fetches, want 1", n)
	}
}
