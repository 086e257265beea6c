package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startLimit bounds a start; on two busy cores it takes some ten seconds.
const startLimit = 3 * time.Minute

// Cluster is a run of management clusters.
type Cluster struct {
	// Dir is the run's folder, Kubeconfigs the one with a file for each shard.
	Dir, Kubeconfigs string
	Shards           []Shard

	// admitted are the daemon's kubeconfigs, by shard.
	mu       sync.Mutex
	admitted map[string]string

	binary string
	up     *exec.Cmd
	input  io.Closer
	ended  chan error
	output *bytes.Buffer
}

// Shard is one management cluster. Kubeconfig is an administrator's; what the daemon
// is given is Cluster.Admit's.
type Shard struct {
	Name, Kubeconfig, Server, AddressPool string
}

// Config is the connection of an administrator.
func (s Shard) Config(t testing.TB) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		t.Fatalf("read kubeconfig of %s: %v", s.Name, err)
	}
	cfg.QPS = -1
	return cfg
}

// Shard gives the shard of that name.
func (c *Cluster) Shard(t testing.TB, name string) Shard {
	t.Helper()
	for _, s := range c.Shards {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no shard %s", name)
	return Shard{}
}

// Down kills the API server of a shard; everything else of it goes on.
func (c *Cluster) Down(t testing.TB, shard string) { c.order(t, "stop", shard) }

// Up starts it again, and returns when it is ready.
func (c *Cluster) Up(t testing.TB, shard string) { c.order(t, "start", shard) }

func (c *Cluster) order(t testing.TB, verb, shard string) {
	t.Helper()
	out, err := exec.Command(c.binary, verb, "--dir", c.Dir, "--shard", shard).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", verb, shard, err, out)
	}
}

func start(opts Options) (*Cluster, error) {
	binary, err := build()
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "tenantry-test-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Dir: filepath.Join(root, "up"), admitted: map[string]string{},
		binary: binary, ended: make(chan error, 1), output: &bytes.Buffer{},
	}
	c.Kubeconfigs = filepath.Join(c.Dir, "kubeconfigs")
	c.up = exec.Command(binary, opts.arguments(c.Dir)...)
	c.up.Stderr = c.output
	// It ends with its standard input: when we close it, or the test binary dies.
	if c.input, err = c.up.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start clusters: %w", err)
	}
	if err := c.up.Start(); err != nil {
		return nil, fmt.Errorf("start clusters: %w", err)
	}
	go func() { c.ended <- c.up.Wait() }()
	if err := c.ready(); err != nil {
		_ = c.stop(false)
		return nil, fmt.Errorf("start clusters: %w (logs in %s)\n%s", err, c.Dir, c.output)
	}
	return c, nil
}

// ready waits for the file that says so.
func (c *Cluster) ready() error {
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		content, err := os.ReadFile(filepath.Join(c.Dir, "ready.json"))
		if err == nil {
			var r struct{ Shards []Shard }
			if err := json.Unmarshal(content, &r); err != nil {
				return fmt.Errorf("read ready.json: %w", err)
			}
			c.Shards = r.Shards
			return nil
		}
		select {
		case err := <-c.ended:
			c.ended <- err
			return fmt.Errorf("it ended: %v", err)
		case <-limit.C:
			return fmt.Errorf("not ready after %v", startLimit)
		case <-tick.C:
		}
	}
}

// stop ends the run. Its folder, with all logs, is kept when tests have failed.
func (c *Cluster) stop(clean bool) error {
	_ = c.input.Close()
	select {
	case err := <-c.ended:
		if err != nil {
			return fmt.Errorf("stop clusters: %w (logs in %s)\n%s", err, c.Dir, c.output)
		}
	case <-time.After(time.Minute):
		_ = c.up.Process.Kill()
		return fmt.Errorf("stop clusters: still running after a minute (logs in %s)", c.Dir)
	}
	if !clean {
		fmt.Fprintln(os.Stderr, "the clusters' logs are kept in", c.Dir)
		return nil
	}
	return os.RemoveAll(filepath.Dir(c.Dir))
}

// build makes bin/devcluster what its sources say. Test binaries run at the same
// time: one builds, the others wait for it.
func build() (binary string, err error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".devcluster.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("wait for another build of devcluster: %w", err)
	}
	command := exec.Command(filepath.Join(root, "test", "devcluster", "build.sh"))
	// The product's build flags are not devcluster's: they would compile all of
	// Kubernetes anew.
	command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "GOFLAGS" || name == "CGO_ENABLED" || name == "GOTOOLCHAIN"
	})
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build devcluster: %w\n%s", err, out)
	}
	// Looked at, so that "go test" repeats no former result of another devcluster.
	binary = filepath.Join(bin, "devcluster")
	_, err = os.Stat(binary)
	return binary, err
}

// repository finds the root of the repository above the working directory, which
// is a package's folder while it is tested.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "test", "devcluster", "build.sh")); e == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			err = errors.New("no test/devcluster above the working directory")
		}
		dir = up
	}
	return "", fmt.Errorf("find the repository: %w", err)
}
