package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// gone matches a compiler's error in a mutant.
var gone = regexp.MustCompile(`(?m)` + lines + `(\d+)\.go:\d+`)

// compile weaves the mutants and drops those that do not compile, until all do. It gives
// the overlay and those that are left.
func (r *runner) compile(ctx context.Context, sources []*source) (overlay string, left []Mutant, err error) {
	var rooms []string
	for _, s := range sources {
		left = append(left, s.mutants...)
		rooms = append(rooms, "./"+s.mutants[0].room())
	}
	slices.Sort(rooms)
	rooms = slices.Compact(rooms)
	for {
		keep := map[int]bool{}
		for _, m := range left {
			keep[m.ID] = true
		}
		if overlay, err = write(r.root, r.dir, sources, func(m Mutant) bool { return keep[m.ID] }); err != nil {
			return "", nil, err
		}
		// -e has the compiler tell of all errors, and not of the first ten only.
		failed := r.tool(ctx, append([]string{"build", "-gcflags=-e", "-overlay", overlay}, rooms...)...)
		if failed == nil {
			return overlay, left, nil
		}
		bad := map[int]bool{}
		for _, match := range gone.FindAllStringSubmatch(failed.Error(), -1) {
			if id, err := strconv.Atoi(match[1]); err == nil {
				bad[id] = true
			}
		}
		before := len(left)
		left = slices.DeleteFunc(left, func(m Mutant) bool { return bad[m.ID] })
		if len(left) == before {
			return "", nil, failed
		}
	}
}

// tool runs the go command; the error carries what it said.
func (r *runner) tool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOTOOLCHAIN=local",
		"GOMAXPROCS="+strconv.Itoa(r.workers))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("go %s: %w", args[0], err), errors.New(strings.TrimSpace(string(out))))
	}
	return nil
}
