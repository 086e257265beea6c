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
	install := filepath.Join(root, "examples", "install", "shard")
	if err := lookAt(install); err != nil {
		return "", err
	}
	if _, err := c.run(s, "kubectl", "apply", "-k", install); err != nil {
		return "", err
	}
	content, err := c.run(s, filepath.Join(install, "kubeconfig.sh"), "--context", s.Name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Dir, "daemon", s.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o600)
}

// Kubectl runs kubectl as a shard's administrator, and gives what it printed.
func (c *Cluster) Kubectl(t testing.TB, shard string, args ...string) string {
	t.Helper()
	out, err := c.run(c.Shard(t, shard), "kubectl", args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// run runs a program that finds a kubectl, which talks to the shard as its
// administrator: devcluster is one by that name.
func (c *Cluster) run(s Shard, name string, args ...string) ([]byte, error) {
	bin := filepath.Join(filepath.Dir(c.Dir), "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return nil, err
	}
	kubectl := filepath.Join(bin, "kubectl")
	if err := os.Symlink(c.binary, kubectl); err != nil && !os.IsExist(err) {
		return nil, err
	}
	if name == "kubectl" {
		name = kubectl
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"KUBECACHEDIR="+filepath.Join(c.Dir, "kubecache"))
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, &errs)
	}
	return out.Bytes(), nil
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
