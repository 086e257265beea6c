package repository

import (
	"context"
	"log/slog"
	"sync"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

// Branches names the three branches of a fleet repository.
type Branches struct{ Declared, Ledger, Status string }

// Edge carries out the core's effects on Git. Make it with New, then Run it.
type Edge struct {
	repo     *git.Repository
	branches Branches
	log      *slog.Logger

	mu    sync.Mutex
	queue [3][]core.Effect // by urgency
	wake  chan struct{}

	// loader remembers what did not change between loads.
	loader fleet.Loader
	// What the core was told last. Only Run's goroutine touches these.
	declared core.Declared
	ledger   string
	ledgerOK bool
	told     bool // the ledger's tip, even if it is empty
	status   string
	statusOK bool
}

// New makes the edge of one repository.
func New(repo *git.Repository, branches Branches, log *slog.Logger) *Edge {
	return &Edge{repo: repo, branches: branches, log: log, wake: make(chan struct{}, 1)}
}

// Handle queues an effect on Git; it never blocks. It tells whether the effect
// was for Git.
func (e *Edge) Handle(effect core.Effect) bool {
	urgency := 1
	switch effect.(type) {
	case core.PushLedger:
		urgency = 0
	case core.Fetch, core.FindLast:
	case core.PushStatus:
		urgency = 2
	default:
		return false
	}
	e.mu.Lock()
	e.queue[urgency] = append(e.queue[urgency], effect)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return true
}

// Run carries effects out and reports what came of them, until ctx ends.
func (e *Edge) Run(ctx context.Context, report func(core.Event)) {
	for {
		effect := e.next()
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
		switch f := effect.(type) {
		case core.Fetch:
			e.fetch(ctx, f, report)
		case core.FindLast:
			report(e.findLast(ctx, f))
		case core.PushLedger:
			report(e.pushLedger(ctx, f))
		case core.PushStatus:
			report(e.pushStatus(ctx, f))
		}
	}
}

func (e *Edge) next() core.Effect {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.queue {
		if len(e.queue[i]) > 0 {
			effect := e.queue[i][0]
			e.queue[i] = e.queue[i][1:]
			return effect
		}
	}
	return nil
}
