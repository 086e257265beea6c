package cluster

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Admit gives the daemon its rights on a shard as an administrator does, by
// examples/install/shard, and returns the kubeconfig that comes of it: what runs with
// it has these rights and no others. It is done once for each shard.
func (c *Cluster) Admit(t testing.TB, shard string) (kubeconfig string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if done := c.admitted[shard]; done != "" {
		return done
	}
	path, err := c.admit(c.Shard(t, shard))
	if err != nil {
		t.Fatalf("admit the daemon to shard %s: %v", shard, err)
	}
	c.admitted[shard] = path
	return path
}

func (c *Cluster) admit(s Shard) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	tools, err := c.tools()
	if err != nil {
		return "", err
	}
	install := filepath.Join(root, "examples", "install", "shard")
	if err := lookAt(install); err != nil {
		return "", err
	}
	run := func(name string, args ...string) ([]byte, error) {
		var out, errs bytes.Buffer
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig, "PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"),
			"KUBECACHEDIR="+filepath.Join(c.Dir, "kubecache"))
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, &errs)
		}
		return out.Bytes(), nil
	}
	if _, err := run(filepath.Join(tools, "kubectl"), "apply", "-k", install); err != nil {
		return "", err
	}
	content, err := run(filepath.Join(install, "kubeconfig.sh"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Dir, "daemon", s.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o600)
}

// lookAt looks at every file below a folder: "go test" repeats a former result while
// what a test itself has looked at is the same.
func lookAt(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Stat(path)
		}
		return err
	})
}

// tools makes a folder with a kubectl: devcluster is one by that name.
func (c *Cluster) tools() (string, error) {
	dir := filepath.Join(filepath.Dir(c.Dir), "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	link := filepath.Join(dir, "kubectl")
	if err := os.Symlink(c.binary, link); err != nil && !os.IsExist(err) {
		return "", err
	}
	return dir, nil
}
