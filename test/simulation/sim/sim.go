package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/test/simulation/planted"
)

// block is how many seeds a process gets at a time: starting one costs as much as a seed.
const block = 25

// sim is one run.
type sim struct {
	opts           options
	stdout, stderr io.Writer
	bugs           []planted.Bug
	plain, planted string // binaries
	disks          string // where processes have theirs

	mu     sync.Mutex // over what follows, and stdout, while processes run
	done   int
	total  outcome // of all seeds
	failed []outcome
	missed []string
}

// newSim finds the bugs, and builds.
func newSim(ctx context.Context, o options, stdout, stderr io.Writer) (*sim, error) {
	s := &sim{opts: o, stdout: stdout, stderr: stderr}
	var err error
	for _, dir := range []*string{&s.opts.root, &s.opts.dir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(s.opts.dir, 0o755); err != nil {
		return nil, err
	}
	if s.bugs, err = planted.Bugs(); err != nil {
		return nil, err
	}
	if o.bug != "" && !slices.ContainsFunc(s.bugs, func(b planted.Bug) bool { return b.Name == o.bug }) {
		return nil, fmt.Errorf("there is no bug %s in test/simulation/planted/bugs", o.bug)
	}
	one := o.seed != 0 || o.history != ""
	if !one || o.bug == "" {
		s.say("building the simulator")
		if s.plain, err = s.build(ctx, "simulation.test", nil); err != nil {
			return nil, err
		}
	}
	if o.bug != "" || !one && o.bound > 0 {
		s.say("building it with %d bugs", len(s.bugs))
		if s.planted, err = s.build(ctx, "planted.test", s.bugs); err != nil {
			return nil, err
		}
	}
	if s.disks, err = os.MkdirTemp(memory, "tenantry-sim-"); err != nil {
		if s.disks, err = os.MkdirTemp("", "tenantry-sim-"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// memory is where Linux has files that no disk is written for, which is a tenth faster.
const memory = "/dev/shm"

// close takes the disks away; processes that were ended have left theirs full.
func (s *sim) close() { _ = os.RemoveAll(s.disks) }

// worker starts processes of a binary with a bug, or without any.
func (s *sim) worker(binary, bug string) worker {
	return worker{binary: binary, bug: bug, disks: s.disks, patience: s.opts.patience}
}

func (s *sim) say(format string, args ...any) { fmt.Fprintf(s.stdout, format+"\n", args...) }

// run lives through all seeds, then looks for all bugs.
func (s *sim) run(ctx context.Context) error {
	began := time.Now()
	if err := s.seeds(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	s.shrink(ctx)
	if err := s.hunt(ctx); err != nil {
		return err
	}
	s.figures(took)
	var wrong []string
	if n := len(s.failed); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d of %d seeds violate an invariant", n, s.done))
	}
	if len(s.missed) > 0 {
		wrong = append(wrong, "planted bugs were not found: "+strings.Join(s.missed, ", "))
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// seeds lives through all of them.
func (s *sim) seeds(ctx context.Context) error {
	began := time.Now()
	s.say("== %d seeds from %d on, in %d processes", s.opts.seeds, s.opts.from, s.opts.workers)
	told := time.NewTicker(30 * time.Second)
	defer told.Stop()
	blocks := make(chan uint64)
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		defer close(blocks)
		for from := s.opts.from; from < s.end(); from += block {
			select {
			case blocks <- from:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range s.opts.workers {
		tasks.Go(func() error {
			w := s.worker(s.plain, "")
			for from := range blocks {
				to := min(from+block, s.end())
				err := w.live(ctx, from, to, func(o outcome) bool {
					s.count(o)
					select {
					case <-told.C:
						s.progress(time.Since(began))
					default:
					}
					return false
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return tasks.Wait()
}

// end is the seed after the last one.
func (s *sim) end() uint64 { return s.opts.from + uint64(s.opts.seeds) }

func (s *sim) count(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.total.Steps += o.Steps
	s.total.Faults += o.Faults
	s.total.Virtual += o.Virtual
	if o.Violation != "" {
		s.failed = append(s.failed, o)
		s.say("seed %d: %s", o.Seed, o.Violation)
	}
}

func (s *sim) progress(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say("%4.0f s: %d seeds, %d violations", took.Seconds(), s.done, len(s.failed))
}

// figures prints what every run ends with.
func (s *sim) figures(took time.Duration) {
	s.say("== figures")
	perSecond := 0.0
	if took > 0 {
		perSecond = float64(s.total.Steps) / took.Seconds()
	}
	planted := len(s.hunted())
	for _, f := range []struct {
		name  string
		value float64
		unit  string
	}{
		{"sim_seeds", float64(s.done), "seeds"},
		{"sim_steps_per_second", perSecond, "steps/s"},
		{"sim_faults", float64(s.total.Faults), "faults"},
		{"sim_virtual_hours", s.total.Virtual.Hours(), "h"},
		{"sim_violations", float64(len(s.failed)), "seeds"},
		{"sim_bugs_planted", float64(planted), "bugs"},
		{"sim_bugs_missed", float64(len(s.missed)), "bugs"},
	} {
		s.say("figure: %s %.0f %s", f.name, f.value, f.unit)
	}
}
