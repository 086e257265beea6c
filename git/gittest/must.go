package gittest

import (
	"maps"
	"os"
	"path/filepath"
)

// TB is the part of testing.TB that is needed here.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
	TempDir() string
}

// Fixture is one repository of a test, served over HTTP; whatever fails ends the test.
type Fixture struct {
	must
	*Server
	// URL is where the repository is served.
	URL string
}

// SSHFixture is one repository of a test, served over SSH to whoever has the key in
// KeyFile. KnownHostsFile knows the server.
type SSHFixture struct {
	must
	*SSHServer
	URL, KeyFile, KnownHostsFile string
}

// must is a repository whose failures end a test.
type must struct {
	t TB
	*Repo
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
	return &Fixture{must: must{t, repo}, Server: server, URL: server.URL(filepath.Base(repo.Dir))}
}

// NewSSH serves an empty repository over SSH until the test ends.
func NewSSH(t TB, args ...string) *SSHFixture {
	t.Helper()
	root, files := t.TempDir(), t.TempDir()
	server, err := ServeSSH(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	repo, err := Init(filepath.Join(root, "fleet.git"), args...)
	if err != nil {
		t.Fatal(err)
	}
	f := &SSHFixture{
		must: must{t, repo}, SSHServer: server, URL: server.URL("fleet.git"),
		KeyFile: filepath.Join(files, "key"), KnownHostsFile: filepath.Join(files, "known_hosts"),
	}
	key, err := NewKey(f.KeyFile, "")
	if err == nil {
		err = os.WriteFile(f.KnownHostsFile, []byte(server.KnownHosts()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	server.Admit(key, true)
	return f
}

// MustCommit is Repo.Commit.
func (f must) MustCommit(branch string, files map[string]string) string {
	f.t.Helper()
	hash, err := f.Commit(branch, "Change files", files)
	if err != nil {
		f.t.Fatal(err)
	}
	return hash
}

// MustFiles is Repo.Files.
func (f must) MustFiles(branch string) map[string]string {
	f.t.Helper()
	files, err := f.Files(branch)
	if err != nil {
		f.t.Fatal(err)
	}
	return maps.Clone(files)
}

// MustGit is Repo.Git.
func (f must) MustGit(args ...string) string {
	f.t.Helper()
	out, err := f.Git(args...)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// MustTip is Repo.Tip.
func (f must) MustTip(branch string) string {
	f.t.Helper()
	tip, err := f.Tip(branch)
	if err != nil {
		f.t.Fatal(err)
	}
	return tip
}
