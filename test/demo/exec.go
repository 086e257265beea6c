package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs beside the demo, its output in a file.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{}
	err       error // once done is closed
}

// startProcess starts argv. The process stands in a group of its own, so that a
// Ctrl-C reaches only the demo, which stops things in their order; should the demo be
// killed, the process gets SIGTERM, and its standard input ends.
func startProcess(name, log, dir string, env, argv []string) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = file.Close() }() // the process has its own
	p := &process{name: name, log: log, done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = dir, env, file, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if _, err := p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	began := make(chan error)
	go func() {
		// The kernel takes the end of the starting thread for the end of the parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		began <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-began; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// ended says that the process ended although nobody asked it to.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended unasked (%v); its last words: %s", p.name, p.cmd.ProcessState, strings.Join(p.tail(2), " "))
	default:
		return nil
	}
}

// lastWords are the last line of the log.
func (p *process) lastWords() string {
	lines := p.tail(1)
	if len(lines) == 0 {
		return "none"
	}
	return lines[0]
}

// tail gives the log's last n lines.
func (p *process) tail(n int) []string {
	content, err := os.ReadFile(p.log)
	if err != nil || len(bytes.TrimSpace(content)) == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return lines[max(0, len(lines)-n):]
}

// stop ends the process: politely, and by force when it takes longer than grace.
func (p *process) stop(grace time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("stop %s: still running after %s; it was killed", p.name, grace)
	}
}

// shell runs commands as a person would: by sh, in one folder and environment.
type shell struct {
	dir string
	env []string
	out *printer
}

// show prints a command, runs it, prints its output and gives it back.
func (s *shell) show(ctx context.Context, command string) (string, error) {
	s.out.command(command)
	var both bytes.Buffer
	err := s.run(ctx, command, &both, &both)
	s.out.text(both.String())
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, strings.TrimSpace(both.String()))
	}
	return both.String(), nil
}

// quiet runs a command and gives its output, without a word.
func (s *shell) quiet(ctx context.Context, command string) (string, error) {
	var out, errs bytes.Buffer
	if err := s.run(ctx, command, &out, &errs); err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

func (s *shell) run(ctx context.Context, command string, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, stdout, stderr
	// The group is killed, or what sh started would live on and keep the pipes open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// foreign are settings of the person's own that would lead commands elsewhere.
var foreign = []string{"GIT_", "TENANTRY_", "KUBE", "HTTP_PROXY=", "HTTPS_PROXY=", "ALL_PROXY="}

// environment is this process's own with settings in place of the person's.
// Everything is on loopback, so no proxy is asked either.
func environment(own []string, settings ...string) []string {
	var env []string
	for _, v := range own {
		name, _, _ := strings.Cut(v, "=")
		keep := true
		for _, prefix := range foreign {
			keep = keep && !strings.HasPrefix(strings.ToUpper(name)+"=", prefix)
		}
		if keep {
			env = append(env, v)
		}
	}
	return append(env, settings...)
}
