package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// stage is a run of a test binary that may kill mutants.
type stage struct {
	name string
	room string // the package whose tests they are
	args []string
	// only are the mutants of one room; empty is all of them.
	only string

	binary   string
	patience time.Duration
	killers  *killers
}

// killers are the tests that killed last, by name: what kills one mutant often kills its
// neighbours, and a few tests take far less time than all.
type killers struct {
	mu    sync.Mutex
	names []string
}

// first gives a few tests to be tried before all, as a pattern; empty is none.
func (k *killers) first() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.names) == 0 {
		return ""
	}
	return "^(" + strings.Join(k.names, "|") + ")$"
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// learn reads which test failed.
func (k *killers) learn(out string) {
	match := failed.FindStringSubmatch(out)
	if match == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names = slices.DeleteFunc(k.names, func(name string) bool { return name == match[1] })
	k.names = append(k.names, match[1])
	k.names = k.names[max(0, len(k.names)-6):]
}

// runner tries mutants.
type runner struct {
	root, dir string
	workers   int
	say       func(format string, args ...any)
}

// prepare builds the stages' binaries, and runs each without a mutant: it has to pass,
// and tells how long it takes.
func (r *runner) prepare(ctx context.Context, overlay string, stages []stage) error {
	for i := range stages {
		s := &stages[i]
		s.binary = filepath.Join(r.dir, strings.ReplaceAll(s.room, "/", "+")+".test")
		if i == 0 || stages[i-1].room != s.room {
			if err := r.tool(ctx, "test", "-c", "-vet=off", "-overlay", overlay, "-o", s.binary, "./"+s.room); err != nil {
				return err
			}
		}
		s.patience, s.killers = 10*time.Minute, &killers{}
		began := time.Now()
		if passed, out := r.try(ctx, *s, -1); !passed {
			return fmt.Errorf("%s fail without any mutant:\n%s", s.name, out)
		}
		took := time.Since(began)
		s.patience = 5*took + 10*time.Second
		r.say("%s take %.1f s", s.name, took.Seconds())
	}
	return ctx.Err()
}

// limited runs a program with less memory than would hurt the machine: some mutants
// never stop to append.
const limited = `ulimit -v 8000000; exec "$0" "$@"`

// try runs a stage with a mutant.
func (r *runner) try(ctx context.Context, s stage, mutant int) (passed bool, out string) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", limited, s.binary, "-test.failfast"}, s.args...)...)
	cmd.Dir = filepath.Join(r.root, s.room)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", variable+"="+strconv.Itoa(mutant))
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	return err == nil, string(said)
}

// kills tells whether a stage's tests notice a mutant.
func (r *runner) kills(ctx context.Context, s stage, mutant int) bool {
	if first := s.killers.first(); first != "" {
		some := s
		some.args = append(slices.Clone(s.args), "-test.run="+first)
		if passed, _ := r.try(ctx, some, mutant); !passed {
			return true
		}
	}
	passed, out := r.try(ctx, s, mutant)
	if !passed {
		s.killers.learn(out)
	}
	return !passed
}

// verdict is what came of a mutant.
type verdict struct {
	mutant Mutant
	killer string // the stage; empty is none
	why    string // of those that nothing can kill
}

// judge tries mutants side by side; verdicts come in the mutants' order.
func (r *runner) judge(ctx context.Context, mutants []Mutant, stages []stage, explained map[string]string) ([]verdict, error) {
	verdicts := make([]verdict, len(mutants))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(r.workers)
	var done atomic.Int64
	for i, m := range mutants {
		tasks.Go(func() error {
			verdicts[i] = verdict{mutant: m, why: explained[m.Key]}
			for _, s := range stages {
				if verdicts[i].why != "" || s.only != "" && s.only != m.room() {
					continue
				}
				killed := r.kills(ctx, s, m.ID)
				if ctx.Err() != nil {
					return errors.New("stopped")
				}
				if killed {
					verdicts[i].killer = s.name
					break
				}
			}
			v := verdicts[i]
			n := done.Add(1)
			if v.killer == "" && v.why == "" {
				r.say("survived: %v", v.mutant)
			}
			if n%50 == 0 {
				r.say("tried %d of %d", n, len(mutants))
			}
			return nil
		})
	}
	return verdicts, tasks.Wait()
}
