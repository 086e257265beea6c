package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

func TestCluster(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, []byte("#!/bin/sh\nfor a; do echo \"$a\"; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, "--image", "ghcr.io/tenantry/tenantry="+own)
	c.kubectl("apply", "-f", "testdata")
	for _, test := range []struct {
		name string
		run  func(*cluster)
	}{
		{"version", version},
		{"state, jobs and load balancer", store},
		{"what a container is told", inputs},
		{"an image of our own", ownImage},
		{"probes, crashes, unknown images", unwell},
		{"cert-manager", certificates},
		{"outage", outage},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(c.in(t)) })
	}
}

func version(c *cluster) {
	if got := c.kubectl("version"); !strings.Contains(got, "Server Version: v1.36.3") || !strings.Contains(got, "Client Version: v1.36.3") {
		c.t.Errorf("got %s", got)
	}
}

func store(c *cluster) {
	c.wait("condition=complete", "job/fill")
	var address string
	c.eventually(func() error {
		if address = c.get("service/public", "{.status.loadBalancer.ingress[0].ip}"); address == "" {
			return errors.New("no address")
		}
		return nil
	})
	pool, err := subnet.ParseRange(c.pool)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.HasPrefix(address, strings.TrimSuffix(pool.First.String(), "10")) {
		c.t.Errorf("address %s is not of the pool %s", address, pool)
	}
	green := func() error {
		out, err := c.try(nil, "etcdctl", "--endpoints=http://"+address+":80", "--command-timeout=2s", "get", "color")
		if err == nil && !strings.Contains(out, "green") {
			return fatal{fmt.Errorf("the state is lost: %q", out)}
		}
		return err
	}
	c.eventually(green)

	// A container that is killed is restarted beside its volume.
	pid, err := strconv.Atoi(strings.TrimPrefix(c.get("pod/store-0", "{.status.containerStatuses[0].containerID}"), "process://"))
	if err != nil {
		c.t.Fatal(err)
	}
	kill(c.t, pid, syscall.SIGKILL)
	c.wait("jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/store-0")
	if got := c.get("pod/store-0", "{.status.containerStatuses[0].lastState.terminated.exitCode}"); got != "" && got != "137" {
		c.t.Errorf("exit code: got %s, want that of SIGKILL, 137", got)
	}
	c.eventually(green)

	// A pod that is deleted comes back to the same volume, elsewhere.
	before := c.get("pod/store-0", "{.status.podIP}")
	c.kubectl("delete", "pod", "store-0")
	c.wait("condition=ready", "pod/store-0")
	if after := c.get("pod/store-0", "{.status.podIP}"); after == before {
		c.t.Errorf("the new pod got the address %s at once again", after)
	}
	c.eventually(green)

	// Nobody there: connections are refused, and the address is kept.
	c.kubectl("scale", "statefulset", "store", "--replicas=0")
	c.eventually(func() error {
		conn, err := net.Dial("tcp", address+":80")
		if err == nil {
			conn.Close()
			return errors.New("somebody answers")
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
		return err // a reset, at the moment of closing
	})
	if got := c.get("service/public", "{.status.loadBalancer.ingress[0].ip}"); got != address {
		c.t.Errorf("address: got %s, want %s", got, address)
	}
	// The volume goes with its claim.
	dir := c.get("pv", "{.items[0].spec.hostPath.path}")
	c.kubectl("delete", "pvc", "data-store-0")
	c.eventually(func() error {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is there: %w", dir, err)
		}
		return nil
	})
}

func inputs(c *cluster) {
	c.eventually(func() error {
		if out, err := c.try(nil, "kubectl", "logs", "job/inputs"); err != nil || strings.Count(out, "\n") < 4 {
			return fmt.Errorf("not all is written: %q, %w", out, err)
		}
		return nil
	})
	c.kubectl("patch", "configmap", "settings", "-p", `{"data":{"phase":"two"}}`)
	c.wait("condition=complete", "job/inputs")
	want := "in default small swordfish $(SIZE) [$(ABSENT)]\nswordfishswordfishinputs\n1\nswordfish\nfollowed\n"
	if got := c.kubectl("logs", "job/inputs"); got != want {
		c.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := c.kubectl("logs", "job/inputs", "--tail=1"); got != "followed\n" {
		c.t.Errorf("last line: got %q", got)
	}
}

func ownImage(c *cluster) {
	c.wait("condition=complete", "job/own")
	ip := c.get("service/target", "{.spec.clusterIP}")
	lines := strings.Split(c.kubectl("logs", "job/own"), "\n")
	if len(lines) < 4 || lines[0] != "datastore" || lines[1] != "--endpoint=https://"+ip+":2379" || lines[2] != "--tls-server-name=target.default.svc" {
		c.t.Errorf("got %q", lines)
	}
	if path := strings.TrimPrefix(lines[3], "--file="); !strings.HasPrefix(path, c.dir) || filepath.Base(path) != "x" {
		c.t.Errorf("mount path: got %s", lines[3])
	}
}

func unwell(c *cluster) {
	c.wait("jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/unwell")
	c.wait("condition=ready", "pod/unwell")
	c.wait("jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff", "pod/crashing")
	c.wait("jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=7", "pod/crashing")
	c.wait("jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull", "pod/unknown")
	if got := c.get("pod/unknown", "{.status.containerStatuses[0].state.waiting.message}"); !strings.Contains(got, "--image example.com/unknown=BINARY") {
		c.t.Errorf("message: got %q", got)
	}
	began := time.Now()
	c.kubectl("delete", "pod", "unwell", "crashing", "unknown")
	if took := time.Since(began); took > 20*time.Second {
		c.t.Errorf("deleting took %s, the grace period is 1 s", took)
	}
}

func certificates(c *cluster) {
	c.wait("condition=ready", "certificate/leaf")
	if got := c.get("secret/leaf", "{.type}"); got != "kubernetes.io/tls" {
		c.t.Errorf("secret: got type %q", got)
	}
}

func outage(c *cluster) {
	order := func(verb string) { c.run(verb, "--dir", c.dir, "--shard", "solo") }
	order("stop")
	if out, err := c.try(nil, "kubectl", "get", "--raw", "/readyz"); err == nil || !strings.Contains(err.Error(), "refused") {
		c.t.Errorf("the API server is stopped: got %s, %v", out, err)
	}
	order("stop") // again
	order("start")
	order("start") // again
	// Node and controllers work again.
	c.kubectl("create", "job", "after", "--image=busybox", "--", "true")
	c.wait("condition=complete", "job/after")
	if _, err := c.try(nil, "stop", "--dir", c.dir, "--shard", "other"); err == nil || !strings.Contains(err.Error(), `no shard "other"`) {
		c.t.Errorf("order for an unknown shard: got %v", err)
	}
}

// Whatever ends, and however it does, no process is left.
func TestNothingIsLeft(t *testing.T) {
	for _, tc := range []struct {
		name, who string
		signal    syscall.Signal
		clean     bool
		reason    string
	}{
		{"up told to end", "up", syscall.SIGTERM, true, "as by Ctrl-C"},
		{"up killed", "up", syscall.SIGKILL, false, "nobody can say good-bye"},
		{"node killed", "node", syscall.SIGKILL, false, "half a cluster is no cluster"},
		{"watchdog killed", "watchdog", syscall.SIGKILL, false, "the last net must not be missing unnoticed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t, "--cert-manager=false")
			// A grandchild that no signal of the kernel reaches.
			c.kubectl("run", "shell", "--image=busybox", "--", "sh", "-c", "sleep 1000 & sleep 1001 & wait")
			c.wait("condition=ready", "pod/shell")
			var all []int
			c.eventually(func() error {
				if all = family(t, c.up.Process.Pid); len(all) < 10 {
					return fmt.Errorf("only %d processes", len(all))
				}
				return nil
			})
			defer func() { // for the sake of the machine, if the test fails
				for _, pid := range all {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}()
			kill(t, named(t, all, tc.who), tc.signal)
			c.eventually(func() error {
				var left []int
				for _, pid := range all {
					if alive(pid) {
						left = append(left, pid)
					}
				}
				if len(left) > 0 {
					return fmt.Errorf("%s: left: %v", tc.reason, left)
				}
				return nil
			})
			<-c.ended
			if got := c.up.ProcessState.Success(); got != tc.clean {
				t.Errorf("devcluster up: %s, want success %t", c.up.ProcessState, tc.clean)
			}
		})
	}
}
