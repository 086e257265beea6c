package process

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// MarkEnv is the environment variable that carries a run's mark.
const MarkEnv = "DEVCLUSTER_RUN"

// Spawner starts children that die with it. It is safe for concurrent use.
type Spawner struct {
	mark     string
	requests chan request
}

type request struct {
	cmd  *exec.Cmd
	done chan error
}

// NewSpawner returns a Spawner whose children carry mark.
//
// PDEATHSIG follows the thread that forked, not the process: one goroutine,
// locked to its thread for good, starts every child.
func NewSpawner(mark string) *Spawner {
	s := &Spawner{mark: mark, requests: make(chan request)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

// Start starts cmd in a process group of its own. A nil Env means this
// process's, as in exec.Cmd.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true
	cmd.Env = marked(cmd.Environ(), s.mark)
	r := request{cmd: cmd, done: make(chan error, 1)}
	s.requests <- r
	return <-r.done
}

// marked returns env with the mark as its only MarkEnv.
func marked(env []string, mark string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, MarkEnv+"=") })
	if mark == "" {
		return env
	}
	return append(env, MarkEnv+"="+mark)
}

// Self returns the path of the running binary, by which it starts itself again
// as another component.
func Self() (string, error) { return os.Executable() }
