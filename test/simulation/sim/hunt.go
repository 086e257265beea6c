package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/test/simulation/planted"
)

// hunted are the bugs that are looked for.
func (s *sim) hunted() []planted.Bug {
	switch {
	case s.opts.bound == 0:
		return nil
	case s.opts.bug != "":
		return slices.DeleteFunc(slices.Clone(s.bugs), func(b planted.Bug) bool { return b.Name != s.opts.bug })
	}
	return s.bugs
}

// hunt has every bug looked for, each in a process of its own, by the first seeds.
func (s *sim) hunt(ctx context.Context) error {
	bugs := s.hunted()
	if len(bugs) == 0 {
		return nil
	}
	s.say("== %d planted bugs, each by %d seeds at most", len(bugs), s.opts.bound)
	began := time.Now()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(s.opts.workers)
	for _, b := range bugs {
		tasks.Go(func() error {
			began := time.Now()
			found, err := s.find(ctx, b)
			if err != nil {
				return fmt.Errorf("look for bug %s: %w", b.Name, err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if found == nil {
				s.missed = append(s.missed, b.Name)
				s.say("%s: NOT FOUND: %s", b.Name, b.What)
				return nil
			}
			by := fmt.Sprint("seed ", found.Seed)
			if found.Seed == 0 {
				by = "its history"
			}
			s.say("%s: found by %s in %.0f s: %s", b.Name, by, time.Since(began).Seconds(), firstLine(found.Violation))
			return nil
		})
	}
	err := tasks.Wait()
	slices.Sort(s.missed)
	s.say("looked for %d bugs in %.0f s", len(bugs), time.Since(began).Seconds())
	return err
}

// find gives the first outcome that a bug made bad, that of its own history first, which
// has the seed 0; nil when there is none. What fails without a bug finds none.
func (s *sim) find(ctx context.Context, bug planted.Bug) (found *outcome, err error) {
	w := s.worker(s.planted, bug.Name)
	if bug.History != "" {
		file := filepath.Join(s.opts.root, "test", "simulation", "planted", bug.History)
		with, err := w.through(ctx, file)
		if err != nil {
			return nil, err
		}
		without, err := s.worker(s.plain, "").through(ctx, file)
		if err != nil {
			return nil, err
		}
		if with.Violation != "" && without.Violation == "" {
			with.Seed = 0
			return &with, nil
		}
	}
	for next, last := uint64(1), uint64(s.opts.bound)+1; found == nil && next < last && err == nil; {
		var bad *outcome
		err = w.live(ctx, next, last, func(o outcome) bool {
			if next = o.Seed + 1; o.Violation != "" {
				bad = &o
			}
			return bad != nil
		})
		if bad == nil || err != nil {
			break
		}
		var anyway bool
		if anyway, err = s.failsAnyway(ctx, bad.Seed); !anyway {
			found = bad
		}
	}
	return found, err
}

// failsAnyway tells whether a seed fails without any bug.
func (s *sim) failsAnyway(ctx context.Context, seed uint64) (fails bool, err error) {
	if seed >= s.opts.from && seed < s.end() {
		return slices.ContainsFunc(s.failed, func(f outcome) bool { return f.Seed == seed }), nil
	}
	w := s.worker(s.plain, "")
	err = w.live(ctx, seed, seed+1, func(o outcome) bool {
		fails = o.Violation != ""
		return false
	})
	return fails, err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
