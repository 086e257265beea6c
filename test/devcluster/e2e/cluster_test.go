package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	binary = "../../../bin/devcluster"
	limit  = 3 * time.Minute // for anything to happen on two busy cores
)

// cluster is a running "devcluster up" with one shard.
type cluster struct {
	t          *testing.T
	dir        string
	up         *exec.Cmd
	ended      chan struct{}
	kubeconfig string
	pool       string
}

// start starts one and waits until it is ready; it ends with the test.
func start(t *testing.T, flags ...string) *cluster {
	t.Helper()
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "dc")
	c := &cluster{t: t, dir: dir, ended: make(chan struct{}),
		up: exec.Command(path, append([]string{"up", "--dir", dir, "--names", "solo", "--unsafe-no-fsync", "--until-eof"}, flags...)...)}
	var progress bytes.Buffer
	c.up.Stderr = &progress
	stdin, err := c.up.StdinPipe() // never written to: it ends when this process does
	if err != nil {
		t.Fatal(err)
	}
	if err := c.up.Start(); err != nil {
		t.Fatalf("build it with build.sh: %v", err)
	}
	go func() {
		_ = c.up.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-c.ended
		if t.Failed() {
			t.Logf("devcluster up said:\n%s", progress.String())
			c.showLogs()
		}
	})
	var ready struct {
		Shards []struct{ Kubeconfig, AddressPool string }
	}
	c.eventually(func() error {
		select {
		case <-c.ended:
			return fatal{fmt.Errorf("devcluster up ended:\n%s", progress.String())}
		default:
		}
		b, err := os.ReadFile(filepath.Join(dir, "ready.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &ready)
	})
	c.kubeconfig, c.pool = ready.Shards[0].Kubeconfig, ready.Shards[0].AddressPool
	return c
}

// showLogs shows the ends of what components and pods wrote.
func (c *cluster) showLogs() {
	_ = filepath.WalkDir(filepath.Join(c.dir, "solo", "logs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && len(b) > 0 {
			c.t.Logf("%s: …%s", path, b[max(0, len(b)-500):])
		}
		return err
	})
}

// fatal is an error after which waiting is in vain.
type fatal struct{ error }

// eventually repeats f until it succeeds.
func (c *cluster) eventually(f func() error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
			if !errors.As(err, &fatal{}) {
				continue
			}
		}
		c.t.Fatalf("waited in vain: %v", err)
	}
}

// try runs one of the binary's programs and returns what it printed.
func (c *cluster) try(stdin io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// run is try for what must succeed.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	out, err := c.try(nil, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	return c.run(append([]string{"kubectl"}, args...)...)
}

// wait waits for a condition of an object: ready, complete, …
func (c *cluster) wait(condition, object string, flags ...string) {
	c.t.Helper()
	c.kubectl(append([]string{"wait", "--for=" + condition, object, "--timeout=" + limit.String()}, flags...)...)
}

// get reads a field of an object by jsonpath, as in {.status.phase}.
func (c *cluster) get(object, jsonpath string) string {
	c.t.Helper()
	return c.kubectl("get", object, "-o", "jsonpath="+jsonpath)
}

// in makes c speak for a subtest.
func (c *cluster) in(t *testing.T) *cluster {
	d := *c
	d.t = t
	return &d
}

// family returns pid and all its living descendants.
func family(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, f := range stats {
		var id, parent int
		b, err := os.ReadFile(f)
		if err != nil {
			continue // has ended meanwhile
		}
		// pid (name) state parent …; a name may hold anything
		i := bytes.LastIndexByte(b, ')')
		if _, err := fmt.Sscan(string(b), &id); err != nil || i < 0 {
			continue
		}
		if _, err := fmt.Sscan(string(b[i+4:]), &parent); err == nil {
			children[parent] = append(children[parent], id)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// alive tells whether a process exists and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(b, ')')
	return i > 0 && !bytes.HasPrefix(b[i:], []byte(") Z"))
}

// named finds the member of a family that runs as argv[0].
func named(t *testing.T, pids []int, name string) int {
	t.Helper()
	for _, pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		argv := strings.Split(string(b), "\x00")
		if argv[0] == name || filepath.Base(argv[0]) == "devcluster" && len(argv) > 1 && argv[1] == name {
			return pid
		}
	}
	t.Fatalf("no %s among %v", name, pids)
	return 0
}

func kill(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}
