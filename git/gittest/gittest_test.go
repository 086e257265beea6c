package gittest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run uses git as a person would, in a clone of their own.
func run(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, cleanEnv()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestAPersonClonesCommitsAndPushes(t *testing.T) {
	f := New(t, Options{Username: "me", Password: "secret"})
	f.MustCommit("main", map[string]string{"a": "1", "dir/b": "two\nlines"})
	url := strings.Replace(f.URL, "http://", "http://me:secret@", 1)
	home := t.TempDir()
	if out, err := run(t, home, "-c", "credential.helper=", "-c", "core.askPass=false", "clone", "-q", f.URL, "no"); err == nil {
		t.Errorf("cloned without a password: %s", out)
	}
	if out, err := run(t, home, "clone", "-q", url, "clone"); err != nil {
		t.Fatal(out)
	}
	clone := filepath.Join(home, "clone")
	for _, args := range [][]string{{"rm", "-q", "a"}, {"commit", "-q", "-m", "Remove a"}, {"push", "-q"}} {
		if out, err := run(t, clone, args...); err != nil {
			t.Fatal(out)
		}
	}
	if diff := cmp.Diff(map[string]string{"dir/b": "two\nlines"}, f.MustFiles("main")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if subjects, err := f.Log("main"); err != nil || !cmp.Equal(subjects, []string{"Remove a", "Change files"}) {
		t.Errorf("log: %q, %v", subjects, err)
	}
	if err := f.Refuse("it's frozen"); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, clone, "push", "-q", "origin", "main:other"); err == nil || !strings.Contains(out, "it's frozen") {
		t.Errorf("push: %v, %s, want a refusal in the hook's words", err, out)
	}
	if got := f.MustTip("other"); got != "" {
		t.Errorf("the refused branch is at %s", got)
	}
}

func TestStopAndStartOnTheSameAddress(t *testing.T) {
	f := New(t, Options{})
	f.MustCommit("main", map[string]string{"a": "1"})
	list := func() error {
		_, err := run(t, t.TempDir(), "ls-remote", f.URL)
		return err
	}
	if err := f.Start(); err == nil {
		t.Error("a running server was started")
	}
	f.Stop()
	f.Stop()
	if list() == nil {
		t.Error("a stopped server answered")
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	if err := list(); err != nil {
		t.Error(err)
	}
	if n := f.Requests()["list"]; n != 1 {
		t.Errorf("%d requests counted, want 1", n)
	}
}

func TestCommitOfNothingAndRemoval(t *testing.T) {
	f := New(t, Options{})
	first := f.MustCommit("main", map[string]string{"a": "1", "b": "2"})
	second := f.MustCommit("main", map[string]string{"a": ""})
	if diff := cmp.Diff(map[string]string{"b": "2"}, f.MustFiles("main")); diff != "" || first == second {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := f.SetBranch("main", first); err != nil {
		t.Fatal(err)
	}
	if got := f.MustTip("main"); got != first {
		t.Errorf("tip %s, want %s", got, first)
	}
	if err := f.SetBranch("main", ""); err != nil {
		t.Fatal(err)
	}
	if got := f.MustTip("main"); got != "" {
		t.Errorf("a deleted branch is at %s", got)
	}
}
