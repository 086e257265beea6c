package repository

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

// Branches names the three branches of a fleet repository. The edge of a repository that
// holds only observations has no other branch than Status.
type Branches struct{ Declared, Ledger, Status string }

// Urgencies.
const (
	urgent = iota // decisions: shards wait for them
	soon          // reading
	least         // observations
)

// Edge carries out the core's effects on Git. Make it with New, then Run it.
type Edge struct {
	repo     *git.Repository
	branches Branches
	log      *slog.Logger
	// apart is the edge of the repository that holds the status branch, when that is
	// another one: it may hang without anything else noticing.
	apart *Edge

	// patience bounds one effect, whatever Git's server does: others wait behind it.
	patience time.Duration

	mu    sync.Mutex
	queue [least + 1][]core.Effect // by urgency
	wake  chan struct{}

	// loader remembers what did not change between loads.
	loader fleet.Loader
	// What the core was told last. Only Run's goroutine touches these.
	declared core.Declared
	ledger   string
	ledgerOK bool
	told     bool   // the ledger's tip, even if it is empty
	known    string // the ledger's last tip without a problem, read or pushed
	status   string
	statusOK bool

	overview overview
}

// patience is long enough for the first transfer of a large fleet. Silence ends a
// request much earlier (git.Options.Timeout); this ends what trickles or blocks.
const patience = 15 * time.Minute

// New makes the edge of one repository. judge says what is wrong with providers of the
// fleet's own (fleet.Loader).
func New(repo *git.Repository, branches Branches, judge func(*fleet.Provider) fleet.Findings, log *slog.Logger) *Edge {
	return &Edge{repo: repo, branches: branches, loader: fleet.Loader{Judge: judge}, log: log, patience: patience, wake: make(chan struct{}, 1)}
}

// StatusIn has observations kept in another repository, on the branch named for them.
// It is said before Run.
func (e *Edge) StatusIn(repo *git.Repository) {
	e.apart = New(repo, Branches{Status: e.branches.Status}, nil, e.log)
	e.branches.Status = ""
}

// Handle queues an effect on Git; it never blocks. It tells whether the effect
// was for Git.
func (e *Edge) Handle(effect core.Effect) bool {
	urgency := soon
	switch effect.(type) {
	case core.PushLedger:
		urgency = urgent
	case core.Fetch:
		if e.apart != nil {
			e.apart.look()
		}
	case core.FindLast:
	case core.PushStatus:
		if e.apart != nil {
			return e.apart.Handle(effect)
		}
		urgency = least
	default:
		return false
	}
	e.add(urgency, effect)
	return true
}

func (e *Edge) add(urgency int, effect core.Effect) {
	e.mu.Lock()
	e.queue[urgency] = append(e.queue[urgency], effect)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// look queues a Fetch where none is waiting: a repository that hangs must not be asked
// as often as the others meanwhile.
func (e *Edge) look() {
	e.mu.Lock()
	waiting := len(e.queue[soon]) > 0
	e.mu.Unlock()
	if !waiting {
		e.add(soon, core.Fetch{})
	}
}

// Run carries effects out and reports what came of them, until ctx ends.
func (e *Edge) Run(ctx context.Context, report func(core.Event)) {
	if e.apart != nil {
		var other sync.WaitGroup
		other.Go(func() { e.apart.Run(ctx, report) })
		defer other.Wait()
	}
	for {
		effect := e.next(least)
		if effect == nil {
			select {
			case <-ctx.Done():
				return
			case <-e.wake:
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		e.carryOut(ctx, effect, report)
	}
}

func (e *Edge) carryOut(ctx context.Context, effect core.Effect, report func(core.Event)) {
	bounded, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	switch f := effect.(type) {
	case core.Fetch:
		if e.branches.Declared == "" {
			e.fetchStatus(bounded, report)
			return
		}
		e.fetch(bounded, f, report)
	case core.FindLast:
		report(e.findLast(bounded, f, func() {
			// A search may take long, and decisions do not depend on it.
			for next := e.next(urgent); next != nil && ctx.Err() == nil; next = e.next(urgent) {
				e.carryOut(ctx, next, report)
			}
		}))
	case core.PushLedger:
		report(e.pushLedger(bounded, f))
	case core.PushStatus:
		report(e.pushStatus(bounded, f))
	}
}

// next takes the first effect of the most urgent kind, none less urgent than limit.
func (e *Edge) next(limit int) core.Effect {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.queue[:limit+1] {
		if len(e.queue[i]) > 0 {
			effect := e.queue[i][0]
			e.queue[i] = e.queue[i][1:]
			return effect
		}
	}
	return nil
}
