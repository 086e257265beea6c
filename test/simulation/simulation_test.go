// The Kubernetes client spreads its own pauses by the global dice of math/rand, which
// are seeded here.
//go:debug randseednop=0

package simulation

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	seeds   = flag.String("seeds", "0:8", "the seeds to live through: FROM:TO (without TO), or one")
	history = flag.String("history", "", "a file with the history to live through, instead of seeds")
	asJSON  = flag.Bool("json", false, "print a line of JSON for each history")
	shrink  = flag.Bool("shrink", false, "shrink a history that fails, and print what is left")
	tell    = flag.Bool("tell", false, "tell what happens while it does, logs of the replicas included")
	verbose = flag.Bool("requests", false, "tell of every request, too")
)

// TestMain lets goroutines take turns: what they do to each other between two deliveries
// depends on nothing else then.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

func TestSeeds(t *testing.T) {
	if *history != "" {
		file, err := os.Open(*history)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		h, err := Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		through(t, h)
		return
	}
	from, to := interval(t, *seeds)
	for seed := from; seed < to; seed++ {
		through(t, Generate(seed))
	}
}

// interval reads FROM:TO.
func interval(t *testing.T, text string) (from, to uint64) {
	t.Helper()
	first, last, several := strings.Cut(text, ":")
	from, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		t.Fatalf("-seeds %s: %v", text, err)
	}
	if to = from + 1; several {
		if to, err = strconv.ParseUint(last, 10, 64); err != nil {
			t.Fatalf("-seeds %s: %v", text, err)
		}
	}
	return from, to
}

// through lives through a history, and judges it.
func through(t *testing.T, h *History) {
	t.Helper()
	out := live(t, h, *tell)
	if *asJSON {
		line, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(os.Stdout, string(line))
	}
	if out.Violation == "" {
		return
	}
	t.Errorf("seed %d: %s", h.Seed, out.Violation)
	if !*shrink {
		return
	}
	rule, _, _ := strings.Cut(out.Violation, ":")
	short := Shrink(h, 200, func(less *History) bool {
		again, _, _ := strings.Cut(live(t, less, false).Violation, ":")
		return again == rule
	})
	fmt.Fprintf(os.Stdout, "shrunk:\n%s", short)
	for _, line := range live(t, short, false).Told {
		fmt.Fprintln(os.Stdout, "  ", line)
	}
}

// live lives through a history in a bubble of its own.
func live(t *testing.T, h *History, aloud bool) (out Outcome) {
	t.Helper()
	// Collecting garbage would have goroutines wait at other places each time.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	warm.Do(func() { warmUp(t) })
	rand.Seed(int64(h.Seed)) //nolint:staticcheck // see the top of this file
	began := time.Now()
	h.Verbose = *verbose
	synctest.Test(t, func(t *testing.T) {
		var say func(string)
		if aloud {
			say = func(text string) { fmt.Fprintln(os.Stdout, text) }
		}
		out = Live(t, h, shared(t), say)
	})
	if aloud {
		fmt.Fprintf(os.Stdout, "took %v for %d steps\n", time.Since(began), out.Steps)
	}
	return out
}

// TestTheSameSeedIsTheSameHistory: what cannot be lived through again is worth little.
func TestTheSameSeedIsTheSameHistory(t *testing.T) {
	for seed := range uint64(4) {
		first, second := live(t, Generate(seed), false), live(t, Generate(seed), false)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("seed %d: the second time otherwise than the first:\n%s", seed, diff)
		}
	}
}

func TestHistoriesAreText(t *testing.T) {
	for seed := range uint64(50) {
		want := Generate(seed).String()
		h, err := Parse(strings.NewReader(want))
		if err != nil {
			t.Fatalf("%v\n%s", err, want)
		}
		if got := h.String(); got != want {
			t.Fatalf("read as\n%s\nwant\n%s", got, want)
		}
	}
}
