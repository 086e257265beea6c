package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything, or, as "bench pass", one pass in this very process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("repository", "", "the fleet's repository, for bench pass")
	profiles := flags.String("profiles", "bin/bench", "where profiles are written")
	tenants := flags.Int("tenants", fleetTenants, "how many tenants the fleet has")
	only := flags.String("only", "", "measure one part: pass, profiles, render, placement, ledger or shards")
	verb := ""
	if len(args) > 0 && args[0] == "pass" {
		verb, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not expected", flags.Arg(0))
	}
	if verb == "pass" {
		return measurePass(ctx, *dir, *profiles, *tenants, stdout)
	}
	b := &bench{profiles: *profiles, only: *only, tenants: *tenants, stdout: stdout, stderr: stderr, figures: map[string]figure{}}
	return b.run(ctx)
}
