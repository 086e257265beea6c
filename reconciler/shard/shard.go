package shard

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/tenantry/tenantry/reconciler/core"
)

// Keeper keeps the Lease that guards a shard; reconciler/lease has the real one.
type Keeper interface {
	// Run keeps the lease until ctx ends, then releases it. It calls report from
	// one goroutine whenever there is something new to say; report does not block.
	Run(ctx context.Context, report func(core.Lease)) error
	// Deadline is until when requests may run; zero when the lease is not held.
	// Any goroutine may ask.
	Deadline() time.Time
	// Remember has the next renewal write these down. It does not block.
	Remember(tip, accepted string)
}

// Options of a Shard. Keeper is required.
type Options struct {
	// Keeper makes the keeper for the cluster that cfg leads to, once for each
	// connection. It contacts nobody.
	Keeper func(shard string, cfg *rest.Config) (Keeper, error)
	// Concurrency bounds the owners worked on at once; default 16.
	Concurrency int
	// Identity names this replica: its pauses differ from others' by it.
	Identity string
	// ReadOnly watches without the lease, and does nothing.
	ReadOnly bool
	// Schemas may be shared by shards; default one of its own.
	Schemas *Schemas
	// Log gets what no event says; default slog.Default().
	Log *slog.Logger
	// Look is how often the source is asked whether it has changed; default 5 s.
	Look time.Duration
}

// Shard is one management cluster. Run it once; Handle may be called by any
// goroutine, before and while it runs.
type Shard struct {
	name   string
	source Source
	opts   Options
	log    *slog.Logger

	view   *view
	outbox *outbox
	queue  *queue

	mu    sync.Mutex
	term  *term  // nil while nothing may be done
	terms int    // begun so far
	keep  Keeper // nil while there is no connection
	// asked is the last Watch, and cluster the identity that was reported before it:
	// the core takes that cluster for the right one.
	asked            *core.Watch
	cluster, askedOf string

	// running are the works and watches of all terms; one begins under mu, while
	// its term is the current one.
	running sync.WaitGroup
}

// New makes the edge of a shard. It contacts nobody.
func New(name string, source Source, opts Options) (*Shard, error) {
	if opts.Keeper == nil {
		return nil, errors.New("make shard " + name + ": a keeper is needed")
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = 16
	}
	if opts.Look <= 0 {
		opts.Look = 5 * time.Second
	}
	if opts.Schemas == nil {
		opts.Schemas = NewSchemas()
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	out := newOutbox(name)
	return &Shard{
		name: name, source: source, opts: opts, log: opts.Log.With("shard", name),
		view: newView(out), outbox: out, queue: newQueue(opts.Concurrency),
	}, nil
}

// Name is the shard's name.
func (s *Shard) Name() string { return s.name }

// Run works until ctx ends, then stops everything, releases the Lease and returns
// nil. What goes wrong on the shard is reported and tried again.
func (s *Shard) Run(ctx context.Context, events chan<- core.Event) error {
	// What client-go has to say comes back as errors; it would say it twice.
	tasks, ctx := errgroup.WithContext(klog.NewContext(ctx, klog.Logger{}))
	tasks.Go(func() error { s.outbox.run(ctx, events); return nil })
	tasks.Go(func() error { s.queue.run(ctx, s.do); return nil })
	tasks.Go(func() error { s.connect(ctx); return nil })
	return tasks.Wait()
}

// Handle carries out an effect on this shard (core.Watch, core.Do, core.Inspect,
// core.SeeSecrets, core.Remember); others are none of its business. It does not block.
// Each Do is answered by a Done, each Inspect by an Inspected, each SeeSecrets by a
// SecretsSeen.
func (s *Shard) Handle(effect core.Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := effect.(type) {
	case core.Watch:
		s.asked, s.askedOf = &e, s.cluster
		if s.term != nil {
			s.term.watch(e)
		}
	case core.Do:
		s.queue.add(job{work: e.Work, term: s.term})
	case core.Inspect:
		s.queue.add(job{work: core.Work{Owner: e.Owner}, inspect: &e, term: s.term})
	case core.SeeSecrets:
		s.queue.add(job{work: core.Work{Owner: e.Owner}, see: &e, term: s.term})
	case core.Remember:
		if s.keep != nil {
			s.keep.Remember(e.Tip, e.Accepted)
		}
	}
}

// do carries out one work, and answers.
func (s *Shard) do(j job) {
	switch {
	case j.inspect != nil:
		s.inspect(j)
		return
	case j.see != nil:
		s.see(j)
		return
	}
	done := outcome{failures: []core.Failure{*noLease()}}
	if s.enter(j.term) {
		done = j.term.do(j.work)
		s.running.Done()
	}
	s.outbox.control(core.Done{Shard: s.name, Owner: j.work.Owner, Failures: done.failures, Healed: done.healed})
}

// enter tells whether a work of this term may still be done; the term's end
// waits for it then.
func (s *Shard) enter(t *term) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t == nil || t != s.term || !t.watched() {
		return false
	}
	s.running.Add(1)
	return true
}
