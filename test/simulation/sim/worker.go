package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tenantry/tenantry/test/simulation/planted"
)

// outcome is what a process says of one seed.
type outcome struct {
	Seed   uint64 `json:"seed"`
	Steps  int    `json:"steps"`
	Faults int    `json:"faults"`
	// Virtual is the time that passed within.
	Virtual time.Duration `json:"virtual"`
	// Violation is what must not be; empty when all was well.
	Violation string `json:"violation"`
}

// worker starts processes that live through seeds.
type worker struct {
	binary string
	bug    string // planted; empty is none
	disks  string // for temporary files; empty is where the system has them
	// patience is how long a process may say nothing.
	patience time.Duration
}

// live lives through the seeds from from to before to, in their order, until each says
// that it is enough. A process that dies, or says nothing for too long, has failed at
// the next seed; another one goes on after it.
func (w worker) live(ctx context.Context, from, to uint64, each func(outcome) (enough bool)) error {
	for next, enough := from, false; next < to && !enough; {
		began := next
		what, err := w.process(ctx, next, to, func(o outcome) bool {
			next = o.Seed + 1
			enough = each(o)
			return enough
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case enough:
		case next < to && next == began && strings.Contains(what, "flag provided but not defined"):
			return fmt.Errorf("the simulator does not understand: %s", what)
		case next < to:
			enough = each(outcome{Seed: next, Violation: what})
			next++
		}
	}
	return nil
}

// through lives through the history in a file.
func (w worker) through(ctx context.Context, file string) (o outcome, err error) {
	bounded, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	out, err := w.command(bounded, "-history", file, "-json").CombinedOutput()
	for line := range bytes.Lines(out) {
		if line[0] == '{' && json.Unmarshal(line, &o) == nil {
			return o, nil
		}
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	return outcome{Violation: fmt.Sprintf("crash: %v: %s", err, out)}, nil
}

// process runs one process. What it gives is why it ended before its last seed.
func (w worker) process(ctx context.Context, from, to uint64, each func(outcome) bool) (what string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := w.command(ctx, "-seeds", fmt.Sprintf("%d:%d", from, to), "-json")
	said := &tail{most: 4 << 10}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the simulator: %w", err)
	}
	silent := false
	var timer sync.Mutex // over silent
	watchdog := time.AfterFunc(w.patience, func() {
		timer.Lock()
		silent = true
		timer.Unlock()
		cancel()
	})
	enough := false
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		var o outcome
		if len(line) > 0 && line[0] == '{' && json.Unmarshal(line, &o) == nil && o.Seed >= from && o.Seed < to {
			watchdog.Reset(w.patience)
			if enough = each(o); enough {
				cancel()
				break
			}
		} else {
			_, _ = said.Write(line) // it never fails
		}
		if err != nil {
			break
		}
	}
	_, _ = io.Copy(io.Discard, out) // whatever it still has to say
	err = cmd.Wait()
	watchdog.Stop()
	timer.Lock()
	defer timer.Unlock()
	switch {
	case enough:
		return "", nil
	case silent:
		return fmt.Sprintf("hang: nothing happened for %v", w.patience), nil
	case err != nil:
		return fmt.Sprintf("crash: %v: %s", err, said), nil
	}
	return "crash: it ended before its last seed: " + said.String(), nil
}

// command is a process of its own group, so that it ends with all that it started.
func (w worker) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.binary, append([]string{"-test.run", "^TestSeeds$", "-test.timeout", "0"}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", planted.Variable+"="+w.bug)
	if w.disks != "" {
		cmd.Env = append(cmd.Env, "TMPDIR="+w.disks)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// tail keeps the beginning of the last lines that a process wrote.
type tail struct {
	most int

	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := t.most - len(t.text); room > 0 { // a panic begins with what is wrong
		t.text = append(t.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
