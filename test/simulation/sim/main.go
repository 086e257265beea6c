package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one ends the program at once.
	context.AfterFunc(ctx, stop)
	code := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the program's flags.
type options struct {
	root, dir string
	from      uint64
	seeds     int
	bound     int
	bug       string
	seed      uint64
	history   string
	workers   int
	patience  time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("sim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.root, "root", ".", "`DIR` of the product")
	f.StringVar(&o.dir, "dir", "bin/sim", "`DIR` for what is built, and for histories that fail")
	f.Uint64Var(&o.from, "from", 1, "the first seed")
	f.IntVar(&o.seeds, "seeds", 2000, "how many seeds are lived through")
	f.IntVar(&o.bound, "bound", 400, "how many seeds a planted bug may take to be found; 0 plants none")
	f.StringVar(&o.bug, "bug", "", "plant this bug: alone, or with one seed or history to be told of it")
	f.Uint64Var(&o.seed, "seed", 0, "tell of this seed, and do nothing else")
	f.StringVar(&o.history, "history", "", "tell of the history in `FILE`, and do nothing else")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "how many processes run side by side")
	f.DurationVar(&o.patience, "patience", 2*time.Minute, "how long a process may take for one seed")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.from < 1 || o.seeds < 0 || o.workers < 1 {
		fmt.Fprintln(stderr, "sim: want no arguments, seeds not below 0, workers and the first seed above")
		return o, errors.New("misuse")
	}
	return o, nil
}

// start is the program without its process: it returns the exit code.
func start(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2 // the flags told why
	}
	s, err := newSim(ctx, o, stdout, stderr)
	if err == nil {
		defer s.close()
		if o.seed != 0 || o.history != "" {
			err = s.replay(ctx)
		} else {
			err = s.run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "sim: failed:", err)
		return 1
	}
	return 0
}
