package git_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func TestLinksAndSubmodulesAreShownAndNotFollowed(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	if _, err := remote.CommitEntries("main", "Odd things", map[string]gittest.Entry{
		"plain":      gittest.File("text"),
		"run":        {Mode: "100755", Data: "#!"},
		"link":       {Mode: "120000", Data: "plain"},
		"escape":     {Mode: "120000", Data: "../../etc/passwd"},
		"linked-dir": {Mode: "120000", Data: "dir"},
		"module":     {Mode: "160000", Data: strings.Repeat("12", 20)},
		"dir/inner":  gittest.File("inside"),
	}); err != nil {
		t.Fatal(err)
	}
	r := open(t, git.Options{URL: remote.URL})
	tip := fetch(t, r, "main")["main"]
	v := revision(t, r, tip)
	got := map[string]string{}
	entries, err := v.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = info.Mode().String()
	}
	if diff := cmp.Diff(map[string]string{
		"plain": "-r--r--r--", "run": "-r-xr-xr-x", "link": "Lrwxrwxrwx", "escape": "Lrwxrwxrwx", "linked-dir": "Lrwxrwxrwx",
		"module": "?---------", "dir": "dr-xr-xr-x",
	}, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
	for _, path := range []string{"link", "escape", "linked-dir", "module", "dir"} {
		if data, err := v.ReadFile(path); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %s: got %q, %v, want an error that it is nothing to read", path, data, err)
		}
		f, err := v.Open(path)
		if err != nil {
			t.Errorf("open %s: %v", path, err)
			continue
		}
		if data, err := io.ReadAll(f); err == nil {
			t.Errorf("read opened %s: got %q", path, data)
		}
		_ = f.Close()
	}
	if _, err := v.ReadFile("linked-dir/inner"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("through a link: got %v, want fs.ErrNotExist", err)
	}
	if _, err := v.ReadDir("linked-dir"); err == nil {
		t.Error("a link was listed as a folder")
	}
	for _, path := range []string{"../plain", "/plain", "dir/../plain", "", "./plain"} {
		if _, err := v.Stat(path); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("stat %q: got %v, want fs.ErrInvalid", path, err)
		}
	}
	if v.Commit() != tip || len(v.Parents()) != 0 || v.When().IsZero() {
		t.Errorf("commit %s, parents %v, when %s", v.Commit(), v.Parents(), v.When())
	}
	if h, err := v.Hash("dir/inner"); err != nil || string(h) != strings.TrimSpace(remote.MustGit("rev-parse", "main:dir/inner")) {
		t.Errorf("hash: %s, %v", h, err)
	}
	if h, err := v.Hash("."); err != nil || h != v.Tree() || string(h) != strings.TrimSpace(remote.MustGit("rev-parse", "main^{tree}")) {
		t.Errorf("root's hash: %s, %v", h, err)
	}
}

func TestRevisionIsAFileSystem(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	if _, err := remote.CommitEntries("main", "Files", map[string]gittest.Entry{
		"a.b": gittest.File("1"), "a/x": gittest.File("2"), "a0": gittest.File("3"), "empty": {Mode: "100644"},
		"deep/er/est/file": gittest.File("4"), "ünïcode": gittest.File("5"), "link": {Mode: "120000", Data: "a.b"},
	}); err != nil {
		t.Fatal(err)
	}
	r := open(t, git.Options{URL: remote.URL})
	v := revision(t, r, fetch(t, r, "main")["main"])
	if err := fstest.TestFS(v, "a.b", "a/x", "a0", "empty", "deep/er/est/file", "ünïcode", "link"); err != nil {
		t.Error(err)
	}
	sub, err := fs.Sub(v, "deep/er")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "est/file"); err != nil {
		t.Error(err)
	}
	if _, err := v.Sub("a0"); err == nil {
		t.Error("a file became a file system")
	}
	data, err := v.ReadFile("a.b")
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	if again, err := v.ReadFile("a.b"); err != nil || string(again) != "1" {
		t.Errorf("a reader changed the file for all: %q, %v", again, err)
	}
}

// Trees that Git refuses to make, but a hostile server can send.
func TestHostileTrees(t *testing.T) {
	blob := strings.Repeat("\x01", 20)
	for _, c := range []struct {
		name, reason, tree string
	}{
		{"parent", "a path would climb out", "100644 ..\x00" + blob},
		{"itself", "a path would stand still", "40000 .\x00" + blob},
		{"slash", "one name would be two", "100644 a/b\x00" + blob},
		{"no name", "", "100644 \x00" + blob},
		{"twice", "two readers would see two files", "100644 a\x00" + blob + "100644 a\x00" + blob},
		{"file and folder", "the same, in Git's order", "100644 a\x00" + blob + "40000 a\x00" + blob},
		{"cut", "", "100644 a\x00" + blob[:10]},
		{"no mode", "", "a\x00" + blob},
		{"not octal", "", "9 a\x00" + blob},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo := initRepo(t)
			tree, err := repo.Pipe([]byte(c.tree), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
			if err != nil {
				t.Fatal(err)
			}
			tip := strings.TrimSpace(gitOut(t, repo, "commit-tree", "-m", "Hostile", strings.TrimSpace(tree)))
			if err := repo.SetBranch("main", tip); err != nil {
				t.Fatal(err)
			}
			r := open(t, git.Options{URL: repo.Dir})
			v, err := r.Revision(t.Context(), fetch(t, r, "main")["main"])
			if !errors.Is(err, git.ErrUnreadable) || v != nil {
				t.Errorf("%s: got %v, want ErrUnreadable", c.reason, err)
			}
		})
	}
}

func TestWrongKindsOfObjects(t *testing.T) {
	repo := initRepo(t)
	tip := commit(t, repo, "main", map[string]string{"a": "1"})
	gitOut(t, repo, "tag", "-a", "-m", "A tag", "v1", "main")
	r := open(t, git.Options{URL: repo.Dir})
	tree := git.Hash(strings.TrimSpace(gitOut(t, repo, "rev-parse", "main^{tree}")))
	tag := git.Hash(strings.TrimSpace(gitOut(t, repo, "rev-parse", "v1")))
	for name, h := range map[string]git.Hash{"a tree": tree, "a tag": tag, "nothing": "", "a short name": tip[:10], "a branch": "main"} {
		if _, err := r.Revision(t.Context(), h); !errors.Is(err, git.ErrUnreadable) {
			t.Errorf("open %s as a commit: got %v, want ErrUnreadable", name, err)
		}
	}
	if _, err := r.TreeRevision(t.Context(), tip); !errors.Is(err, git.ErrUnreadable) {
		t.Errorf("open a commit as a tree: got %v, want ErrUnreadable", err)
	}
	if _, err := r.Fetch(t.Context(), "../config"); err == nil {
		t.Error("a branch name left the repository")
	}
}

func TestForcedPushAndDeletionUpstream(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	first := git.Hash(remote.MustCommit("main", map[string]string{"a": "1"}))
	second := git.Hash(remote.MustCommit("main", map[string]string{"a": "2"}))
	r := open(t, git.Options{URL: remote.URL})
	fetch(t, r, "main")
	if err := remote.SetBranch("main", string(first)); err != nil {
		t.Fatal(err)
	}
	other := git.Hash(remote.MustCommit("main", map[string]string{"a": "3"}))
	if got := fetch(t, r, "main")["main"]; got != other {
		t.Fatalf("tip %s, want %s", got, other)
	}
	if got, err := r.IsAncestor(t.Context(), second, other); err != nil || got {
		t.Errorf("a rewritten commit is an ancestor: %t, %v", got, err)
	}
	if got := contents(t, revision(t, r, second)); got["a"] != "2" {
		t.Errorf("what was read before is gone: %v", got)
	}
	if err := remote.SetBranch("main", ""); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, r, "main"); len(got) != 0 {
		t.Errorf("a deleted branch is there: %v", got)
	}
	// main becomes a folder of branches: the mirror's files have to follow.
	deep := git.Hash(remote.MustCommit("main/eu", map[string]string{"a": "4"}))
	if got := fetch(t, r, "main/eu", "main"); got["main/eu"] != deep || len(got) != 1 {
		t.Errorf("tips %v, want main/eu at %s", got, deep)
	}
	if err := remote.SetBranch("main/eu", ""); err != nil {
		t.Fatal(err)
	}
	last := git.Hash(remote.MustCommit("main", map[string]string{"a": "5"}))
	if got := fetch(t, r, "main/eu", "main"); got["main"] != last || len(got) != 1 {
		t.Errorf("tips %v, want main at %s", got, last)
	}
}

// An object whose file is in order but holds something else: by bad luck or by an
// attacker with access to the disk.
func TestContentThatIsNotItsHash(t *testing.T) {
	repo := initRepo(t)
	tip := commit(t, repo, "main", map[string]string{"good": "good", "bad": "as it was"})
	object := func(path string) string {
		h := strings.TrimSpace(gitOut(t, repo, "rev-parse", "main:"+path))
		return filepath.Join(repo.Dir, "objects", h[:2], h[2:])
	}
	forged, err := os.ReadFile(object("good"))
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, object("bad"), forged)
	r := open(t, git.Options{URL: repo.Dir})
	v := revision(t, r, tip)
	if data, err := v.ReadFile("bad"); !errors.Is(err, git.ErrUnreadable) {
		t.Errorf("got %q, %v, want ErrUnreadable", data, err)
	}
	if data, err := v.ReadFile("good"); err != nil || string(data) != "good" {
		t.Errorf("got %q, %v", data, err)
	}
}
