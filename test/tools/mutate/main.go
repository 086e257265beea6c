package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// decides are the files that are mutated: all of what places, remembers, decides and
// plans.
var decides = []string{
	"fleet/placement/*.go", "fleet/ledger/*.go",
	"reconciler/core/decide.go", "reconciler/core/tenants.go", "reconciler/core/shared.go", "reconciler/core/wanted.go",
	"reconciler/core/plan.go", "reconciler/core/take.go", "reconciler/core/usable.go", "reconciler/core/prove.go",
}

// stages are tried in this order: quick ones first.
func stages(seeds int) []stage {
	// A random test gives the same every time, and loses no time with shrinking.
	rapid := []string{"-rapid.seed=1", "-rapid.shrinktime=0s", "-rapid.nofailfile"}
	all := []stage{
		{name: "the tests of fleet/placement", room: "fleet/placement", args: rapid, only: "fleet/placement"},
		{name: "the tests of fleet/ledger", room: "fleet/ledger", args: rapid, only: "fleet/ledger"},
		{name: "the core's tests", room: "reconciler/core", args: []string{"-test.skip=^TestHistories$"}},
		{name: "the core's histories", room: "reconciler/core", args: []string{"-test.run=^TestHistories$"}},
	}
	if seeds > 0 {
		all = append(all, stage{
			name: "the simulator's seeds", room: "test/simulation",
			args: []string{"-test.run=^TestSeeds$", fmt.Sprintf("-seeds=0:%d", seeds)},
		})
	}
	return all
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "`DIR` of the product")
	dir := flags.String("dir", "bin/mutate", "`DIR` for what is built")
	files := flags.String("files", strings.Join(decides, ","), "the files to mutate")
	most := flags.Int("mutants", 400, "how many mutants are tried; 0 is all")
	seed := flags.Uint64("seed", 1, "which of them: the same seed tries the same ones")
	seeds := flags.Int("seeds", 8, "how many of the simulator's seeds a survivor is tried with; 0 leaves the simulator out")
	workers := flags.Int("workers", runtime.NumCPU(), "how many mutants are tried side by side")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *most < 0 || *workers < 1 {
		return errors.New("want no arguments, no fewer than 0 mutants and at least one worker")
	}
	r := &runner{workers: *workers, say: func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }}
	var err error
	if r.root, err = filepath.Abs(*root); err != nil {
		return fmt.Errorf("find the product: %w", err)
	}
	if r.dir, err = filepath.Abs(*dir); err != nil {
		return fmt.Errorf("find the folder for what is built: %w", err)
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for what is built: %w", err)
	}
	sources, err := read(r.root, strings.Split(*files, ","))
	if err != nil {
		return err
	}
	var all []Mutant
	for _, s := range sources {
		all = append(all, s.mutants...)
	}
	explained, err := explain(explanations, all)
	if err != nil {
		return err
	}
	overlay, left, err := r.compile(ctx, sources)
	if err != nil {
		return err
	}
	tried := sample(left, *most, *seed)
	r.say("%d mutants in %d files, of which %d compile; %d are tried", len(all), len(sources), len(left), len(tried))
	ways := stages(*seeds)
	if err := r.prepare(ctx, overlay, ways); err != nil {
		return err
	}
	began := time.Now()
	verdicts, err := r.judge(ctx, tried, ways, explained)
	if err != nil {
		return err
	}
	report(r.say, verdicts, ways)
	r.say("figure: mutation_seconds %.0f s", time.Since(began).Seconds())
	return nil
}

// read finds the mutants of files, and numbers them.
func read(root string, patterns []string) ([]*source, error) {
	var all []*source
	n := 0
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("find %s: no such file: %w", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read what decides: %w", err)
			}
			near, err := filepath.Rel(root, file)
			if err != nil {
				return nil, fmt.Errorf("read what decides: %w", err)
			}
			s, err := find(filepath.ToSlash(near), string(text))
			if err != nil {
				return nil, err
			}
			for i := range s.mutants {
				s.mutants[i].ID = n
				n++
			}
			if len(s.mutants) > 0 {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// sample gives some of the mutants, in their order.
func sample(mutants []Mutant, most int, seed uint64) []Mutant {
	if most == 0 || most >= len(mutants) {
		return mutants
	}
	some := slices.Clone(mutants)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:most]
	slices.SortFunc(some, func(a, b Mutant) int { return a.ID - b.ID })
	return some
}

// report says what came of the mutants; survivors stand together.
func report(say func(string, ...any), verdicts []verdict, ways []stage) {
	var explained, unexplained []verdict
	killers := map[string]int{}
	killed := 0
	for _, v := range verdicts {
		switch {
		case v.why != "":
			explained = append(explained, v)
		case v.killer != "":
			killers[v.killer]++
			killed++
		default:
			unexplained = append(unexplained, v)
		}
	}
	for _, s := range ways {
		say("killed by %s: %d", s.name, killers[s.name])
	}
	say("== %d survivors that are explained", len(explained))
	for _, v := range explained {
		say("%v\n    %s", v.mutant, v.why)
	}
	say("== %d survivors that are not", len(unexplained))
	for _, v := range unexplained {
		say("%v", v.mutant)
	}
	say("== figures")
	say("figure: mutants_tried %d mutants", len(verdicts))
	say("figure: mutants_explained %d mutants", len(explained))
	say("figure: mutants_unexplained %d mutants", len(unexplained))
	if len(verdicts) > 0 {
		say("figure: mutation_score_percent %.1f percent", 100*float64(killed)/float64(len(verdicts)))
	}
}
