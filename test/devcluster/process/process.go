package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Process is a running component.
type Process struct {
	Name string
	// Log is the file that it writes to.
	Log string

	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Run starts the binary at path as argv, with its output in the file log.
func (s *Spawner) Run(name, log, path string, argv, env []string) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer f.Close()
	p := &Process{Name: name, Log: log, done: make(chan struct{})}
	p.cmd = &exec.Cmd{Path: path, Args: argv, Env: append(os.Environ(), env...), Stdout: f, Stderr: f}
	if err := s.Start(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended; Err may be called then.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended and where to read why.
func (p *Process) Err() error {
	how := "with exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended: %s; see %s", p.Name, how, p.Log)
}

// Stop asks the process to end, and kills it and its group after grace.
func (p *Process) Stop(grace time.Duration) {
	if grace > 0 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-p.done:
		case <-t.C:
		}
	}
	KillGroup(p.cmd.Process.Pid)
	<-p.done
}

// KillGroup kills every process of the group that pid leads. Errors mean that
// there is none left.
func KillGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
