package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one ends the program at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the program's flags.
type options struct {
	devcluster, tenantry string
	fleet, install       string
	timeout              time.Duration
	keep                 bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.devcluster, "devcluster", "bin/devcluster", "`FILE` of the devcluster binary")
	f.StringVar(&o.tenantry, "tenantry", "bin/tenantry", "`FILE` of the tenantry binary")
	f.StringVar(&o.fleet, "fleet", "examples/quickstart", "`DIR` with the fleet to begin with")
	f.StringVar(&o.install, "install", "examples/install", "`DIR` with the manifests that an administrator applies")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long a step may take")
	f.BoolVar(&o.keep, "keep", os.Getenv("KEEP") != "" && os.Getenv("KEEP") != "0", "leave everything running at the end ($KEEP)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		fmt.Fprintf(stderr, "demo: unexpected argument %q\n", f.Arg(0))
		return o, errors.New("misuse")
	}
	return o, nil
}

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2 // the flags told why
	}
	out := newPrinter(stdout)
	d, err := begin(ctx, opts, out)
	if err != nil {
		out.line("demo: failed: %s", oneLine(err))
		return 1
	}
	result, err := d.present(ctx)
	if err == nil && opts.keep {
		d.howToPlay()
		out.line("demo: ok: %s", result)
		err = d.stay(ctx)
	}
	interrupted := ctx.Err() != nil
	stopErr := d.end(err == nil || interrupted)
	switch {
	case err == nil && stopErr == nil:
		if !opts.keep {
			out.line("demo: ok: %s", result)
		}
		return 0
	case interrupted && stopErr == nil:
		out.line("demo: failed: interrupted")
	default:
		out.line("The logs are in %s: tenantry.log, devcluster.log, and clusters/ with those of every component and pod.", d.dir)
		out.line("demo: failed: %s", oneLine(errors.Join(err, stopErr)))
	}
	return 1
}
