package reconciler_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

// Everything over SSH: one key reads, another one pushes, a third one signs.
func TestRunOverSSHWithSignedCommits(t *testing.T) {
	t.Parallel()
	remote, log := gittest.NewSSH(t), &safeBuffer{}
	files := map[string]string{}
	dir := os.DirFS("../examples/minimal")
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, p)
		files[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	remote.MustCommit("main", files)
	keys := t.TempDir()
	reader, err := gittest.NewKey(filepath.Join(keys, "reader"), "")
	if err != nil {
		t.Fatal(err)
	}
	remote.Admit(reader, false)
	if _, err := gittest.NewKey(filepath.Join(keys, "signer"), ""); err != nil {
		t.Fatal(err)
	}
	opts := options(t, remote.URL, log)
	opts.Git = git.Options{
		URL: remote.URL, KnownHostsFile: remote.KnownHostsFile, SigningKeyFile: filepath.Join(keys, "signer"),
		Read: git.Credentials{KeyFile: filepath.Join(keys, "reader")}, Write: git.Credentials{KeyFile: remote.KeyFile},
	}
	write(t, filepath.Join(opts.Kubeconfigs, "main.yaml"), sickShard(t))
	d := start(t, opts, log)
	for _, branch := range []string{"tenantry-ledger", "tenantry-status"} {
		d.eventually(branch+" is begun", func() bool { return remote.MustTip(branch) != "" })
		if commit := remote.MustGit("cat-file", "commit", branch); !strings.Contains(commit, "\ngpgsig -----BEGIN SSH SIGNATURE-----\n ") {
			t.Errorf("%s is not signed:\n%s", branch, commit)
		}
	}
	d.stop()
}
