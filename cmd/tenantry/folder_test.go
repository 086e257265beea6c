package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A folder is named as git itself names it.
func TestFolderIsNamedAsGitNamesIt(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.autocrlf=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	for path, content := range map[string]string{
		"classes/standard/class.yaml": "a", "classes/standard/patches/x.yaml": "b", "classes/standard.yaml": "c", "classes/a/b/c/d": "", "fleet.yaml": "e\r\n",
	} {
		at := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "classes/empty/too"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "classes/run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("standard/class.yaml", filepath.Join(dir, "classes/link")); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	tree := git("write-tree")
	for path, rev := range map[string]string{".": tree, "classes": tree + ":classes", "classes/standard": tree + ":classes/standard", "classes/a": tree + ":classes/a"} {
		got, err := folder{os.DirFS(dir)}.TreeHash(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := git("rev-parse", rev); got != want {
			t.Errorf("%s is named %s, git names it %s", path, got, want)
		}
	}
	if _, err := (folder{os.DirFS(dir)}).TreeHash("absent"); err == nil {
		t.Error("an absent folder has a name")
	}
}
