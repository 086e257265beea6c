package git_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func initRepo(t *testing.T) *gittest.Repo {
	t.Helper()
	repo, err := gittest.Init(filepath.Join(t.TempDir(), "fleet.git"))
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func commit(t *testing.T, repo *gittest.Repo, branch string, files map[string]string) git.Hash {
	t.Helper()
	h, err := repo.Commit(branch, "Change files", files)
	if err != nil {
		t.Fatal(err)
	}
	return git.Hash(h)
}

func gitOut(t *testing.T, repo *gittest.Repo, args ...string) string {
	t.Helper()
	out, err := repo.Git(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLocalRepository(t *testing.T) {
	for _, packed := range []bool{false, true} {
		t.Run(fmt.Sprintf("packed %t", packed), func(t *testing.T) {
			t.Setenv("PATH", os.Getenv("PATH"))
			repo := initRepo(t)
			tip := commit(t, repo, "ledger", map[string]string{"a": "1", "dir/b": "2"})
			r := open(t, git.Options{URL: repo.Dir})
			if packed {
				gitOut(t, repo, "gc", "-q")
			}
			if got := fetch(t, r, "ledger", "absent"); len(got) != 1 || got["ledger"] != tip {
				t.Fatalf("tips %v, want ledger at %s", got, tip)
			}
			v := revision(t, r, tip)
			h, err := r.Push(t.Context(), draft(tip, "dir/b", "3"))
			if err != nil {
				t.Fatal(err)
			}
			if packed {
				gitOut(t, repo, "gc", "-q", "--prune=now") // the packs that r has open go away
			}
			if diff := cmp.Diff(map[string]string{"a": "1", "dir/b": "3"}, contents(t, revision(t, r, h))); diff != "" {
				t.Fatalf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"a": "1", "dir/b": "2"}, contents(t, v)); diff != "" {
				t.Fatalf("the parent's files (-want +got):\n%s", diff)
			}
			if again, err := r.Push(t.Context(), draft(tip, "dir/b", "3")); err != nil || again != h {
				t.Fatalf("the same draft again: %s, %v, want %s", again, err, h)
			}
			if _, err := r.Push(t.Context(), draft(tip, "dir/b", "4")); !errors.Is(err, git.ErrConflict) {
				t.Fatalf("on an old tip: got %v, want ErrConflict", err)
			}
			if _, err := r.Push(t.Context(), draft("", "dir/b", "4")); !errors.Is(err, git.ErrConflict) {
				t.Fatalf("begin an existing branch: got %v, want ErrConflict", err)
			}
			gitOut(t, repo, "fsck", "--strict")
		})
	}
}

func TestLocalManyObjectsBecomeAPack(t *testing.T) {
	repo := initRepo(t)
	d := draft("", "a", "1")
	want := map[string]string{"a": "1"}
	for i := range 300 {
		path := fmt.Sprintf("t/%d", i)
		d.Files[path], want[path] = []byte(path), path
	}
	r := open(t, git.Options{URL: repo.Dir})
	h, err := r.Push(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, contents(t, revision(t, r, h))); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if out := gitOut(t, repo, "count-objects", "-v"); !strings.Contains(out, "count: 0\n") || !strings.Contains(out, "packs: 1\n") {
		t.Errorf("want one pack and no loose objects:\n%s", out)
	}
	gitOut(t, repo, "fsck", "--strict")
	gitOut(t, repo, "verify-pack", filepath.Join(repo.Dir, "objects", "pack", filepath.Base(glob(t, repo.Dir, "objects/pack/*.idx"))))
}

func glob(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v, want one", pattern, found, err)
	}
	return found[0]
}

// Git itself and we push to one branch at the same time: every commit of both is
// there in the end, none was lost.
func TestLocalPushBesideGit(t *testing.T) {
	repo := initRepo(t)
	commit(t, repo, "ledger", map[string]string{"README": "1"})
	r := open(t, git.Options{URL: repo.Dir})
	const each = 25
	var group sync.WaitGroup
	group.Go(func() {
		for i := range each {
			if err := pushUntilDone(t.Context(), r, fmt.Sprintf("ours/%d", i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	group.Go(func() {
		for i := range each {
			if err := updateRefUntilDone(repo, i); err != nil {
				t.Error(err)
				return
			}
			if i%5 == 0 {
				_, _ = repo.Git("pack-refs", "--all") // may find a lock, as we may
			}
		}
	})
	group.Wait()
	subjects, err := repo.Log("ledger")
	if err != nil || len(subjects) != 1+2*each {
		t.Errorf("%d commits, %v, want %d", len(subjects), err, 1+2*each)
	}
	gitOut(t, repo, "fsck", "--strict")
	if left, _ := filepath.Glob(filepath.Join(repo.Dir, "refs/heads/*.lock")); len(left) != 0 {
		t.Errorf("locks left behind: %v", left)
	}
}

// updateRefUntilDone commits as a person's git does: by compare-and-swap of its own.
func updateRefUntilDone(repo *gittest.Repo, i int) error {
	for range 1000 {
		tip, err := repo.Tip("ledger")
		if err != nil {
			return err
		}
		made, err := repo.Git("commit-tree", "-p", tip, "-m", fmt.Sprint("Person ", i), tip+"^{tree}")
		if err != nil {
			return err
		}
		if _, err := repo.Git("update-ref", "refs/heads/ledger", strings.TrimSpace(made), tip); err == nil {
			return nil
		}
	}
	return errors.New("never got through")
}

func TestLocalRefusals(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		prepare      func(t *testing.T, repo *gittest.Repo)
		want         error
		says         string
	}{
		{"hook", "going around a hook would break somebody's rule", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			if err := repo.Refuse("no"); err != nil {
				t.Fatal(err)
			}
		}, git.ErrRejected, "pre-receive hook"},
		{"folder of branches", "ledger/old and ledger cannot both exist", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			commit(t, repo, "ledger/old", map[string]string{"a": "1"})
		}, git.ErrRejected, ""},
		{"packed folder of branches", "the same, when Git packed them", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			commit(t, repo, "ledger/old", map[string]string{"a": "1"})
			gitOut(t, repo, "pack-refs", "--all", "--prune")
		}, git.ErrRejected, "ledger/old exists"},
		{"emptied folder of branches", "a deleted branch's folder is in nobody's way", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			commit(t, repo, "ledger/old", map[string]string{"a": "1"})
			if err := os.Remove(filepath.Join(repo.Dir, "refs/heads/ledger/old")); err != nil {
				t.Fatal(err)
			}
		}, nil, ""},
		{"abandoned lock", "a killed process leaves its lock", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(repo.Dir, "refs/heads/ledger.lock"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, git.ErrRejected, "remove the file"},
		{"torn branch", "an empty file is not an absent branch", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(repo.Dir, "refs/heads/ledger"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, git.ErrUnreachable, "torn"},
		{"symbolic branch", "we would replace what it stands for", func(t *testing.T, repo *gittest.Repo) {
			t.Helper()
			gitOut(t, repo, "symbolic-ref", "refs/heads/ledger", "refs/heads/other")
		}, git.ErrRejected, "symbolic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			repo := initRepo(t)
			c.prepare(t, repo)
			r := open(t, git.Options{URL: repo.Dir})
			_, err := r.Push(t.Context(), draft("", "a", "1"))
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want %v saying %q", c.reason, err, c.want, c.says)
			}
		})
	}
}

func TestLocalTornBranchIsNotAbsent(t *testing.T) {
	repo := initRepo(t)
	commit(t, repo, "main", map[string]string{"a": "1"})
	if err := os.WriteFile(filepath.Join(repo.Dir, "refs/heads/main"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, git.Options{URL: repo.Dir})
	if tips, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreadable) {
		t.Errorf("empty reference: got %v, %v, want ErrUnreadable", tips, err)
	}
	if err := os.RemoveAll(repo.Dir); err != nil {
		t.Fatal(err)
	}
	if tips, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed repository: got %v, %v, want ErrUnreachable", tips, err)
	}
}

func TestLocalWorkTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clone")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	repo := &gittest.Repo{Dir: dir, Author: "A Person <person@example.org>"}
	gitOut(t, repo, "init", "-q", "--initial-branch=main")
	tip := commit(t, repo, "main", map[string]string{"a": "1"})
	r := open(t, git.Options{URL: dir})
	if got := fetch(t, r, "main")["main"]; got != tip {
		t.Fatalf("tip %s, want %s", got, tip)
	}
	d := draft(tip, "a", "2")
	d.Branch = "main"
	if _, err := r.Push(t.Context(), d); !errors.Is(err, git.ErrRejected) || !strings.Contains(err.Error(), "checked out") {
		t.Errorf("push to the branch that is checked out: got %v, want ErrRejected", err)
	}
	d.Branch, d.Parent = "ledger", ""
	h, err := r.Push(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	gitOut(t, repo, "config", "core.logAllRefUpdates", "true")
	gitOut(t, repo, "update-ref", "--create-reflog", "refs/heads/logged", string(h))
	d.Branch, d.Parent, d.Files = "logged", h, map[string][]byte{"b": []byte("1")}
	if _, err := r.Push(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if out := gitOut(t, repo, "reflog", "refs/heads/logged"); !strings.Contains(out, "logged@{0}: push") {
		t.Errorf("the push is not in the reflog:\n%s", out)
	}
}

func TestLocalAlternates(t *testing.T) {
	origin := initRepo(t)
	tip := commit(t, origin, "main", map[string]string{"a": "1", "dir/b": "2"})
	gitOut(t, origin, "repack", "-q", "-a", "-d")
	repo := initRepo(t)
	if err := os.WriteFile(filepath.Join(repo.Dir, "objects/info/alternates"), []byte(filepath.Join(origin.Dir, "objects")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := repo.SetBranch("main", string(tip)); err != nil {
		t.Fatal(err)
	}
	r := open(t, git.Options{URL: repo.Dir})
	v := revision(t, r, fetch(t, r, "main")["main"])
	if diff := cmp.Diff(map[string]string{"a": "1", "dir/b": "2"}, contents(t, v)); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if info, err := v.Stat("a"); err != nil || info.Size() != 1 {
		t.Errorf("stat: %v, %v, want one byte", info, err)
	}
}

// Readers share a Repository with a fetch and each other.
func TestReadersInParallel(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	want := map[string]string{}
	for i := range 200 {
		want[fmt.Sprintf("d%d/f%d", i%20, i)] = fmt.Sprint(i)
	}
	remote.MustCommit("main", want)
	r := open(t, git.Options{URL: remote.URL})
	v := revision(t, r, fetch(t, r, "main")["main"])
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				if diff := cmp.Diff(want, contents(t, v)); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			}
		})
	}
	group.Go(func() {
		for i := range 3 {
			remote.MustCommit("main", map[string]string{"new": fmt.Sprint(i)})
			if _, err := r.Fetch(t.Context(), "main"); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	// A hanging remote must not keep anybody from reading.
	hanging := make(chan struct{})
	remote.Fail(gittest.Faults{Hang: true, OnHang: sync.OnceFunc(func() { close(hanging) })})
	ended := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := r.Fetch(t.Context(), "main")
		ended <- err
	}()
	<-hanging
	r.ForgetCaches()
	if diff := cmp.Diff(want, contents(t, v)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	select {
	case err := <-ended:
		t.Errorf("the fetch ended by itself after %s: %v", time.Since(start), err)
	default:
	}
	remote.Server.Stop()
	if err := <-ended; !errors.Is(err, git.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}
