package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMarked(t *testing.T) {
	for _, tc := range []struct {
		name, mark string
		env, want  []string
		reason     string
	}{
		{"adds", "m", []string{"A=1"}, []string{"A=1", MarkEnv + "=m"}, "a child must be found by it"},
		{"replaces", "m", []string{MarkEnv + "=old", "A=1"}, []string{"A=1", MarkEnv + "=m"}, "a run inside of a run has its own"},
		{"removes", "", []string{MarkEnv + "=old"}, []string{}, "the watchdog must not sweep itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, marked(tc.env, tc.mark)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// shell starts a shell whose child outlives it unless somebody looks for it,
// and returns both process ids.
func shell(t *testing.T, s *Spawner) (cmd *exec.Cmd, child int) {
	t.Helper()
	cmd = exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(cmd); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if child, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	return cmd, child
}

// alive tells whether a process exists and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestSweepFindsGrandchildren(t *testing.T) {
	mark, other := t.Name()+"-mine", t.Name()+"-other"
	cmd, child := shell(t, NewSpawner(mark))
	spared, _ := shell(t, NewSpawner(other))
	defer Sweep(other)
	if err := syscall.Kill(cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if !alive(child) {
		t.Fatal("the grandchild ended by itself: nothing is left to sweep")
	}
	if !Sweep(mark) {
		t.Error("Sweep found processes again and again")
	}
	if alive(child) {
		t.Error("a grandchild that carries the mark is left")
	}
	if !alive(spared.Process.Pid) {
		t.Error("another run's process was killed")
	}
}

func TestStop(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		grace        time.Duration
		want         string
		reason       string
	}{
		{"gentle", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done", time.Minute, "exit status 3", "a process may say good-bye"},
		{"stubborn", "trap '' TERM; echo up; while :; do sleep 0.01; done", 50 * time.Millisecond, "signal: killed", "one that does not end is killed"},
		{"at once", "trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done", 0, "signal: killed", "an outage gives no time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "logs", "sh.log")
			p, err := NewSpawner(t.Name()).Run("sh", log, "/bin/sh", []string{"sh", "-c", tc.script}, nil)
			if err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for b := []byte(nil); !strings.Contains(string(b), "up"); <-tick.C {
				b, _ = os.ReadFile(log)
			}
			p.Stop(tc.grace)
			if got := p.Err().Error(); !strings.Contains(got, tc.want) {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
