package gittest

import (
	"maps"
	"path/filepath"
)

// TB is the part of testing.TB that is needed here.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
	TempDir() string
}

// Fixture is one served repository of a test; whatever fails ends the test.
type Fixture struct {
	t TB
	*Server
	*Repo
	// URL is where the repository is served.
	URL string
}

// New serves an empty repository until the test ends. Of the options, only the
// credentials matter.
func New(t TB, opts Options, args ...string) *Fixture {
	t.Helper()
	opts.Root = t.TempDir()
	server, err := Serve(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	repo, err := server.Create("fleet.git", args...)
	if err != nil {
		t.Fatal(err)
	}
	return &Fixture{t: t, Server: server, Repo: repo, URL: server.URL(filepath.Base(repo.Dir))}
}

// MustCommit is Repo.Commit.
func (f *Fixture) MustCommit(branch string, files map[string]string) string {
	f.t.Helper()
	hash, err := f.Commit(branch, "Change files", files)
	if err != nil {
		f.t.Fatal(err)
	}
	return hash
}

// MustFiles is Repo.Files.
func (f *Fixture) MustFiles(branch string) map[string]string {
	f.t.Helper()
	files, err := f.Files(branch)
	if err != nil {
		f.t.Fatal(err)
	}
	return maps.Clone(files)
}

// MustGit is Repo.Git.
func (f *Fixture) MustGit(args ...string) string {
	f.t.Helper()
	out, err := f.Git(args...)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// MustTip is Repo.Tip.
func (f *Fixture) MustTip(branch string) string {
	f.t.Helper()
	tip, err := f.Tip(branch)
	if err != nil {
		f.t.Fatal(err)
	}
	return tip
}
