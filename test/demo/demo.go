package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantry/tenantry/git/gittest"
)

// demo is one showing: what runs, and what was found out.
type demo struct {
	opts options
	dir  string
	out  *printer
	*shell

	clusters, daemon *process
	shards           []shardInfo
	server           *gittest.Server

	tenants  []string // that were declared
	answered map[string]bool
	took     []span
}

// begin checks what is needed and makes a folder. Nothing runs yet.
func begin(ctx context.Context, opts options, out *printer) (*demo, error) {
	if err := checkGit(ctx); err != nil {
		return nil, err
	}
	for _, path := range []*string{&opts.devcluster, &opts.tenantry, &opts.fleet, &opts.install} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(abs); err != nil {
			return nil, fmt.Errorf("%s is not there: run `make demo` in the repository, which builds it first", *path)
		}
		*path = abs
	}
	dir, err := os.MkdirTemp("", "tenantry-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	d := &demo{opts: opts, dir: dir, out: out, answered: map[string]bool{}}
	bin := filepath.Join(dir, "bin")
	err = errors.Join(os.Mkdir(bin, 0o700),
		os.Symlink(opts.tenantry, filepath.Join(bin, "tenantry")),
		os.Symlink(opts.devcluster, filepath.Join(bin, "kubectl"))) // it is what its name says
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder: %w", err), os.RemoveAll(dir))
	}
	return d, nil
}

// checkGit wants the git that knows `git init -b`.
func checkGit(ctx context.Context) error {
	said, err := exec.CommandContext(ctx, "git", "version").Output()
	if err != nil {
		return fmt.Errorf("git is needed: install it and try again (%w)", err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(said), "git version %d.%d", &major, &minor); err != nil {
		return nil //nolint:nilerr // a strange version; what it cannot do, it will say
	}
	if major < 2 || major == 2 && minor < 28 {
		return fmt.Errorf("git 2.28 or newer is needed, here is %d.%d: install it and try again", major, minor)
	}
	return nil
}

// present runs the steps and gives what the last line says.
func (d *demo) present(ctx context.Context) (string, error) {
	var result string
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"Start two management clusters", d.startClusters},
		{"Serve a fleet repository and push a fleet with four tenants", d.pushFleet},
		{"Admit the daemon to both clusters, with the rights that it needs", d.admit},
		{"Run the daemon", d.runDaemon},
		{"See what it committed", d.showGit},
		{"Ask every tenant's API, through the references in Git", d.askAll},
		{"Onboard a fifth tenant by a commit", d.onboard},
		{"Use it", d.use},
		{"Change a tenant by a commit", d.change},
		{"Count", func(ctx context.Context) (err error) { result, err = d.count(ctx); return err }},
	}
	d.out.line("Tenantry from a commit to an answering API server, in %s", d.dir)
	for i, s := range steps {
		d.out.step(i+1, len(steps), s.title)
		if err := d.step(ctx, s.do); err != nil {
			return "", fmt.Errorf("%s: %w", strings.ToLower(s.title), err)
		}
	}
	return result, nil
}

// step bounds one step in time, and shows what there is to see when it fails.
func (d *demo) step(ctx context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, d.opts.timeout, fmt.Errorf("not done after %s", d.opts.timeout))
	defer cancel()
	err := do(limited)
	if err != nil && ctx.Err() == nil {
		d.showState(ctx)
		if limited.Err() != nil {
			err = errors.Join(context.Cause(limited), err)
		}
	}
	return err
}

// ended says which of the processes that should run has ended.
func (d *demo) ended() error {
	for _, p := range []*process{d.clusters, d.daemon} {
		if p != nil {
			if err := p.ended(); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait asks done until it says yes. Its error is what is waited for, and counts
// only when the time is over.
func (d *demo) wait(ctx context.Context, done func(context.Context) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		waiting := done(ctx)
		if waiting == nil {
			return nil
		}
		if err := d.ended(); err != nil {
			return err
		}
		if d.out.silentFor() > 20*time.Second {
			d.out.progress("still waiting: %s", oneLine(waiting))
		}
		select {
		case <-ctx.Done():
			return waiting
		case <-tick.C:
		}
	}
}

// timed notes how long something took since began.
func (d *demo) timed(began time.Time, format string, args ...any) {
	d.took = append(d.took, span{fmt.Sprintf(format, args...), time.Since(began)})
}

// stay keeps everything running until somebody ends it.
func (d *demo) stay(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := d.ended(); err != nil {
				return err
			}
		}
	}
}

// end stops what was started, last first, and removes the folder if asked to.
func (d *demo) end(remove bool) error {
	began := time.Now()
	var errs []error
	if d.daemon != nil {
		errs = append(errs, d.daemon.stop(20*time.Second))
	}
	if d.server != nil {
		d.server.Stop()
	}
	if d.clusters != nil {
		errs = append(errs, d.clusters.stop(time.Minute))
	}
	err := errors.Join(errs...)
	if err == nil && remove {
		err = os.RemoveAll(d.dir)
	}
	d.out.line("")
	if err == nil && remove {
		d.out.line("Everything is stopped after %.1f s, and %s is removed.", time.Since(began).Seconds(), d.dir)
	}
	return err
}
