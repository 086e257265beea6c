package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/test/simulation/planted"
)

// TestMain makes this binary a simulator when it is started as one.
func TestMain(m *testing.M) {
	if how := os.Getenv("PLAYED_SIMULATOR"); how != "" {
		play(how)
		return
	}
	os.Exit(m.Run())
}

// play is a simulator as the environment says: a word for each seed that is not well. A
// bug is found by the seed that it is named for.
func play(how string) {
	seeds, history, asJSON, shrink := "", "", false, false
	flags := flag.NewFlagSet("played", flag.ExitOnError)
	flags.String("test.run", "", "")
	flags.String("test.timeout", "", "")
	flags.StringVar(&seeds, "seeds", "", "")
	flags.StringVar(&history, "history", "", "")
	flags.BoolVar(&asJSON, "json", false, "")
	flags.BoolVar(&shrink, "shrink", false, "")
	_ = flags.Parse(os.Args[1:]) // it exits
	if history != "" {
		o := outcome{Seed: 1}
		if strings.HasSuffix(history, "/"+os.Getenv(planted.Variable)+".txt") {
			o.Violation = "bug: shown"
		}
		line, _ := json.Marshal(o) // it is plain data
		fmt.Fprintln(os.Stdout, string(line))
		return
	}
	first, last, _ := strings.Cut(seeds, ":")
	from, _ := strconv.Atoi(first)
	to, _ := strconv.Atoi(last)
	if shrink {
		fmt.Fprintf(os.Stdout, "noise\nshrunk:\nseed %s\n+1s wait\n   0s  something happens\n--- FAIL: TestSeeds\n", first)
		os.Exit(1)
	}
	for seed := from; seed < to; seed++ {
		o := outcome{Seed: uint64(seed), Steps: 10, Faults: 1, Virtual: time.Hour}
		switch {
		case strings.Contains(how, fmt.Sprintf("[%d dies]", seed)):
			fmt.Fprintln(os.Stderr, "panic: oh")
			os.Exit(2)
		case strings.Contains(how, fmt.Sprintf("[%d hangs]", seed)):
			ended := make(chan os.Signal, 1) // by whoever has waited for long enough
			signal.Notify(ended, os.Interrupt)
			<-ended
		case strings.Contains(how, fmt.Sprintf("[%d fails]", seed)):
			o.Violation = "rule: broken"
		case os.Getenv(planted.Variable) == fmt.Sprintf("bug-%d", seed):
			o.Violation = "bug: found"
		}
		line, _ := json.Marshal(o) // it is plain data
		fmt.Fprintln(os.Stdout, string(line))
	}
	fmt.Fprintln(os.Stdout, "PASS")
}

// played is a run whose simulators are played.
func played(t *testing.T, how string, o options, bugs ...string) (*sim, *bytes.Buffer) {
	t.Helper()
	t.Setenv("PLAYED_SIMULATOR", how)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	o.dir, o.workers, o.patience, o.from = t.TempDir(), 1, 10*time.Second, max(1, o.from)
	s := &sim{opts: o, stdout: out, stderr: out, plain: self, planted: self}
	for _, name := range bugs {
		s.bugs = append(s.bugs, planted.Bug{Name: name, What: "what " + name + " is"})
	}
	return s, out
}

func TestRun(t *testing.T) {
	tests := []struct {
		name, reason string
		how          string
		seeds, bound int
		bugs         []string
		patience     time.Duration
		fails        string
		says         []string
	}{
		{
			"Well", "every seed is counted once, and the bug is found", "[0 fails]", 60, 10, []string{"bug-7"}, 0, "",
			[]string{
				"bug-7: found by seed 7 in 0 s: bug: found",
				"figure: sim_seeds 60 seeds", "figure: sim_faults 60 faults", "figure: sim_virtual_hours 60 h", "figure: sim_violations 0 seeds",
				"figure: sim_bugs_planted 1 bugs", "figure: sim_bugs_missed 0 bugs",
			},
		}, {
			"Violation", "a seed that fails is shrunk, kept, and fails the run", "[31 fails]", 60, 0, nil, 0, "1 of 60 seeds violate an invariant",
			[]string{
				"seed 31: rule: broken", "make sim SEED=31\n", "seed-31.txt\nseed 31\n+1s wait\n   0s  something happens\n",
				"figure: sim_seeds 60 seeds", "figure: sim_violations 1 seeds",
			},
		}, {
			"Missed", "a bug that no seed finds fails the run", "[0 fails]", 5, 6, []string{"bug-3", "bug-8"}, 0, "planted bugs were not found: bug-8",
			[]string{"bug-8: NOT FOUND: what bug-8 is", "figure: sim_bugs_missed 1 bugs"},
		}, {
			"FailsAnyway", "a seed that fails without the bug does not find it", "[3 fails][7 fails]", 5, 8, []string{"bug-5", "bug-6", "bug-3", "bug-7"}, 0,
			"planted bugs were not found: bug-3, bug-7",
			[]string{"bug-5: found by seed 5", "bug-6: found by seed 6"},
		}, {
			"Crash", "a process that dies has failed at the next seed; the others are lived through", "[4 dies]", 8, 0, nil, 0, "1 of 8 seeds",
			[]string{"seed 4: crash: exit status 2: panic: oh", "figure: sim_seeds 8 seeds"},
		}, {
			"Hang", "so has one that says nothing any more", "[4 hangs]", 8, 0, nil, time.Second, "1 of 8 seeds",
			[]string{"seed 4: hang: nothing happened for 1s", "figure: sim_seeds 8 seeds"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, out := played(t, tt.how, options{seeds: tt.seeds, bound: tt.bound}, tt.bugs...)
			if tt.patience > 0 {
				s.opts.patience = tt.patience
			}
			err := s.run(t.Context())
			if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Errorf("%s: got error %v, want %q", tt.reason, err, tt.fails)
			}
			for _, want := range tt.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%s: want %q in\n%s", tt.reason, want, out)
				}
			}
		})
	}
}

// TestHistory: a bug is found by its own history, unless that fails without it.
func TestHistory(t *testing.T) {
	s, out := played(t, "[0 fails]", options{seeds: 1, bound: 1}, "one", "bug-1")
	s.bugs[0].History, s.bugs[1].History = "bugs/one.txt", "bugs/.txt"
	if err := s.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"one: found by its history in 0 s: bug: shown", "bug-1: found by seed 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

// TestWorkers: seeds dealt out to several processes are each lived through once.
func TestWorkers(t *testing.T) {
	s, out := played(t, "[3 fails]", options{from: 4, seeds: 4*block + 3})
	s.opts.workers = 3
	if err := s.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.done != 4*block+3 || s.total.Steps != 10*s.done {
		t.Errorf("got %d seeds of %d steps", s.done, s.total.Steps)
	}
}

// TestUnknownFlag: a simulator that is not spoken to well is no crash of its seeds.
func TestUnknownFlag(t *testing.T) {
	s, _ := played(t, "x", options{})
	w := worker{binary: "/bin/sh", patience: s.opts.patience}
	script := filepath.Join(t.TempDir(), "old.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho flag provided but not defined: -seeds >&2\nexit 2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.binary = script
	err := w.live(t.Context(), 1, 3, func(outcome) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "does not understand") {
		t.Errorf("got %v", err)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"Help", []string{"-h"}, 0},
		{"Argument", []string{"seeds"}, 2},
		{"Flag", []string{"-x"}, 2},
		{"NoSeeds", []string{"-seeds", "-1"}, 2},
		{"From", []string{"-from", "0"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if got := start(t.Context(), tt.args, &out, &out); got != tt.want || out.Len() == 0 {
				t.Errorf("sim %s: got %d and %q, want %d", slices.Concat(tt.args), got, out.String(), tt.want)
			}
		})
	}
}
