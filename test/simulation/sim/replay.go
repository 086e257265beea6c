package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// shrunk is how many failing seeds are shrunk: those after them are often the same.
const shrunk = 3

// shrink has the first failing seeds shrunk to short histories, and prints these with
// what replays them.
func (s *sim) shrink(ctx context.Context) {
	for i, o := range s.failed {
		s.say("== seed %d: %s", o.Seed, o.Violation)
		s.say("make sim SEED=%d", o.Seed)
		if i >= shrunk || ctx.Err() != nil {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, s.opts.patience)
		out, err := s.worker(s.plain, "").command(bounded, "-seeds", fmt.Sprint(o.Seed), "-shrink").CombinedOutput()
		cancel()
		history, words, found := short(string(out))
		if !found {
			s.say("it could not be shrunk: %v\n%s", err, out)
			continue
		}
		file := filepath.Join(s.opts.dir, fmt.Sprintf("seed-%d.txt", o.Seed))
		if err := os.WriteFile(file, []byte(history), 0o600); err != nil {
			s.say("what is left of it cannot be kept: %v", err)
			continue
		}
		if near, err := filepath.Rel(s.opts.root, file); err == nil {
			file = near
		}
		s.say("make sim HISTORY=%s\n%s%s", file, history, words)
	}
}

// short takes what is left of a history, and what happens in it, out of what the
// simulator prints: the history's lines begin at the margin, the words do not.
func short(out string) (history, words string, found bool) {
	_, out, found = strings.Cut("\n"+out, "\nshrunk:\n")
	for line := range strings.Lines(out) {
		switch {
		case strings.HasPrefix(line, " "):
			words += line
		case words == "":
			history += line
		default:
			return history, words, found
		}
	}
	return history, words, found
}

// replay tells of one seed, or one history.
func (s *sim) replay(ctx context.Context) error {
	w := s.worker(s.plain, "")
	if s.opts.bug != "" {
		w = s.worker(s.planted, s.opts.bug)
	}
	args := []string{"-seeds", fmt.Sprint(s.opts.seed)}
	if s.opts.history != "" {
		file, err := filepath.Abs(s.opts.history)
		if err != nil {
			return err
		}
		args = []string{"-history", file}
	}
	cmd := w.command(ctx, append(args, "-tell")...)
	cmd.Dir = filepath.Join(s.opts.root, "test", "simulation") // as go test does
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	return cmd.Run()
}
