package reconciler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/watch"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/jitter"
	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
)

// Run reconciles until ctx ends; then it stops its edges, releases its Leases and
// returns nil. An error is one of the options, before anything was done.
func Run(ctx context.Context, opts Options) error {
	if opts.Interval <= 0 {
		opts.Interval = time.Minute
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Schemas == nil {
		opts.Schemas = shard.NewSchemas()
	}
	if opts.Look <= 0 {
		opts.Look = 5 * time.Second
	}
	if _, err := opts.Shards(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of what was opened, when something else cannot be
	opts.Git.OnRebuild = func(cause error) { opts.Log.Warn("the cache of the repository is built anew", "error", cause) }
	repo, err := git.Open(ctx, opts.Git)
	if err != nil {
		return err
	}
	defer func() { _ = repo.Close() }() // a cache may be lost at any time
	r := &reconciler{
		opts: opts, log: opts.Log, events: make(chan core.Event, 64),
		core: core.New(core.Config{
			ReadOnly: opts.ReadOnly, FetchInterval: 2 * opts.Interval, // the watch looks earlier
			StatusInterval: opts.StatusInterval, AcceptRewind: opts.AcceptRewind,
		}, opts.Renderer),
		git:    repository.New(repo, opts.Branches, opts.Renderer.JudgeProvider, opts.Log),
		shards: map[string]*shard.Shard{}, roster: lease.NewRoster(), metrics: newMetrics(opts.Registry),
	}
	if opts.StatusGit.URL != "" {
		opts.StatusGit.OnRebuild = opts.Git.OnRebuild
		status, err := git.Open(ctx, opts.StatusGit)
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		defer func() { _ = status.Close() }() // as above
		r.git.StatusIn(status)
	}
	hook, looks, err := r.webhook()
	if err != nil {
		return err
	}
	servers, err := r.listen(ctx, hook)
	if err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	r.tasks = tasks
	tasks.Go(func() error { r.git.Run(ctx, func(e core.Event) { r.report(ctx, e) }); return nil })
	tasks.Go(func() error {
		for range watch.Watch(ctx, watch.Options{
			Interval: opts.Interval, Path: opts.Git.LocalPath(), Random: jitter.New(opts.ID, "look").Float64,
		}) {
			r.report(ctx, core.Look{})
		}
		return nil
	})
	tasks.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-looks:
				r.report(ctx, core.Look{})
			}
		}
	})
	for _, serve := range servers {
		tasks.Go(func() error { return serve(ctx) })
	}
	tasks.Go(func() error { r.loop(ctx); return nil })
	err = tasks.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// webhook gives the handler of deliveries and what it says; nil without a secret.
func (r *reconciler) webhook() (http.Handler, <-chan struct{}, error) {
	if r.opts.WebhookSecretFile == "" {
		return nil, nil, nil
	}
	hook, err := watch.NewWebhook(watch.WebhookOptions{SecretFile: r.opts.WebhookSecretFile, Heard: r.metrics.delivered})
	if err != nil {
		return nil, nil, err
	}
	return hook, hook.Looks(), nil
}

// reconciler is one running daemon. Its loop's goroutine owns core and shards.
type reconciler struct {
	opts    Options
	log     *slog.Logger
	core    *core.Core
	git     *repository.Edge
	shards  map[string]*shard.Shard
	roster  *lease.Roster
	tasks   *errgroup.Group
	events  chan core.Event
	metrics *metrics
	told    string   // what was wrong with the folder of kubeconfigs when it was last looked at
	remarks []string // what was last said of classes and datastores
	would   string   // the decisions that a read-only run told last
}

// report hands an event to the loop.
func (r *reconciler) report(ctx context.Context, e core.Event) {
	select {
	case r.events <- e:
	case <-ctx.Done():
	}
}

// loop steps the core with one event after the other.
func (r *reconciler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	look := time.NewTicker(r.opts.Look)
	defer look.Stop()
	r.discover(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-r.events:
			r.step(event)
		case <-timer.C:
			select {
			case event := <-r.events: // what is known comes before what time it is
				r.step(event)
			default:
				r.step(core.Tick{})
			}
		case <-look.C:
			r.discover(ctx)
			r.metrics.pass(r.core)
		}
		timer.Stop()
		if next := r.core.Next(); !next.IsZero() {
			timer.Reset(next.Sub(r.opts.Clock()))
		}
	}
}

func (r *reconciler) step(event core.Event) {
	start := time.Now()
	effects := r.core.Step(event, r.opts.Clock())
	for _, effect := range effects {
		r.tell(effect)
		if !r.git.Handle(effect) {
			if s := r.shards[core.ShardOf(effect)]; s != nil {
				s.Handle(effect)
			}
		}
	}
	r.heard(event)
	r.remark()
	r.metrics.observe(r.core, time.Since(start))
}

// discover starts an edge for every shard that can be reached. One whose kubeconfig
// disappears keeps its edge, which says that it cannot be reached.
func (r *reconciler) discover(ctx context.Context) {
	sources, err := r.opts.Shards()
	told := ""
	if err != nil {
		told = err.Error()
		if told != r.told {
			r.log.Warn("cannot find all kubeconfigs of shards", "error", err)
		}
	}
	r.told = told
	found := false
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if r.shards[name] != nil {
			continue
		}
		s, err := shard.New(name, sources[name], shard.Options{
			ReadOnly: r.opts.ReadOnly, Log: r.log, Keeper: r.keeper, Schemas: r.opts.Schemas, Identity: r.opts.ID, Look: r.opts.Look,
		})
		if err != nil {
			r.log.Error("cannot start a shard's edge", "shard", name, "error", err)
			continue
		}
		r.shards[name], found = s, true
		r.tasks.Go(func() error { return s.Run(ctx, r.events) })
	}
	if !found {
		return
	}
	r.step(core.Kubeconfigs{Shards: slices.Sorted(maps.Keys(r.shards))})
}

func (r *reconciler) keeper(name string, cfg *rest.Config) (shard.Keeper, error) {
	k, err := lease.NewKeeper(cfg, lease.Options{Shard: name, Identity: r.opts.ID, Roster: r.roster, ReadOnly: r.opts.ReadOnly, Duration: r.opts.Lease})
	if err != nil {
		return nil, fmt.Errorf("make the keeper of shard %s's Lease: %w", name, err)
	}
	return k, nil
}
