package up

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/test/devcluster/process"
	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

// Main is "devcluster up". It returns when it is told to end by SIGINT or
// SIGTERM, or when a component ended, and then nothing that it started is left.
func Main(args []string, stderr io.Writer) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	opts, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := emptyDir(opts.dir); err != nil {
		return err
	}
	block, claim, err := subnet.Claim(opts.subnet)
	if err != nil {
		return err
	}
	defer claim.Close()
	held, err := claim.File()
	if err != nil {
		return fmt.Errorf("claim subnet %s: %w", block, err)
	}
	defer held.Close()
	self, err := process.Self()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	mark := rand.Text()
	watchdog, err := process.StartWatchdog(self, mark, held)
	if err != nil {
		return err
	}
	// Last of all, so that what the stops below missed is swept.
	defer watchdog.Release()

	r := &run{opts: opts, began: time.Now(), stderr: stderr, ended: make(chan error, len(opts.names)*8)}
	spawner := process.NewSpawner(mark)
	for i, name := range opts.names {
		r.shards = append(r.shards, &shard{name: name, dir: filepath.Join(opts.dir, name), at: block.Shard(i + 1),
			opts: &r.opts, self: self, spawner: spawner, say: r.say, ended: r.ended, running: map[string]*process.Process{}})
	}
	defer r.down()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	stopped := context.AfterFunc(ctx, func() { r.say("stopping") })
	defer stopped()
	if opts.untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	go func() {
		select {
		case err := <-r.ended:
			fail(err)
		case <-watchdog.Done():
			fail(errors.New("the watchdog ended"))
		case <-ctx.Done():
		}
	}()
	err = r.serve(ctx, block)
	if err == nil || errors.Is(err, context.Canceled) {
		if err = context.Cause(ctx); errors.Is(err, context.Canceled) {
			return nil // asked to end
		}
	}
	return err
}

// run is one "up".
type run struct {
	opts   options
	began  time.Time
	shards []*shard
	ended  chan error

	mu     sync.Mutex
	stderr io.Writer
}

// say reports progress.
func (r *run) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.stderr, "devcluster: %5.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// serve brings the shards up, says so, and takes orders until ctx ends.
func (r *run) serve(ctx context.Context, block subnet.Block) error {
	r.say("starting %s in %s, addresses %s", strings.Join(r.opts.names, ", "), r.opts.dir, block)
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range r.shards {
		g.Go(func() error {
			if err := s.up(gctx); err != nil {
				return fmt.Errorf("start %s: %w", s.name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	ready := Ready{PID: os.Getpid(), Subnet: block.String()}
	for _, s := range r.shards {
		if err := s.publishKubeconfig(); err != nil {
			return err
		}
		ready.Shards = append(ready.Shards, s.entry())
	}
	control, err := r.control()
	if err != nil {
		return err
	}
	defer control.Close()
	if err := writeJSON(r.opts.dir, readyFile, ready); err != nil {
		return err
	}
	r.say("ready: %s", filepath.Join(r.opts.dir, readyFile))
	<-ctx.Done()
	return ctx.Err()
}

func (r *run) down() {
	// A folder of clusters that are gone must not look ready.
	os.Remove(filepath.Join(r.opts.dir, readyFile))
	var wg sync.WaitGroup
	for _, s := range r.shards {
		wg.Go(s.down)
	}
	wg.Wait()
	r.say("everything is stopped")
}

// emptyDir makes dir; one with something in it is refused, because old state
// would be bound to addresses that this run may not get.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("make folder: %s is not empty: name another or remove it", dir)
	}
	return nil
}
