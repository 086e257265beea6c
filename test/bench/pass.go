package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/render"
)

// pass runs the daemon's core and its edge on Git over a fleet in a repository on
// this machine. Its shards are played, and pushes acknowledged: what is measured is
// fetching, loading, placing, deciding and rendering, and nothing else.
type pass struct {
	core   *core.Core
	git    *repository.Edge
	events chan core.Event
	shards map[string]*playedShard
	// queue holds what was played and is to be told to the core.
	queue []core.Event
	tips  int
	// worked are the tenants, by name, that a Do was for since it was cleared.
	worked map[string]bool
	// stepped is the time spent in Step, longest that of its longest call.
	steps            int
	stepped, longest time.Duration
	// reported is when statuses were last pushed.
	reported time.Time
	// loaded is when the declared branch was last read.
	loaded time.Time
}

// patience bounds the wait for anything: whatever takes longer is broken.
const patience = 2 * time.Minute

var branches = repository.Branches{Declared: "main", Ledger: "tenantry-ledger", Status: "tenantry-status"}

// newPass begins a pass over the fleet in a repository; stop ends it.
func newPass(ctx context.Context, dir string, shards []string) (p *pass, stop func(), err error) {
	renderer, err := render.New(render.Options{Image: image})
	if err != nil {
		return nil, nil, err
	}
	repo, err := git.Open(ctx, git.Options{URL: dir})
	if err != nil {
		return nil, nil, err
	}
	p = &pass{
		core:   core.New(core.Config{FetchInterval: time.Hour}, renderer),
		git:    repository.New(repo, branches, renderer.JudgeProvider, slog.New(slog.DiscardHandler)),
		events: make(chan core.Event, 64), shards: map[string]*playedShard{}, worked: map[string]bool{},
	}
	p.queue = append(p.queue, core.Kubeconfigs{Shards: shards})
	for _, name := range shards {
		p.shards[name] = &playedShard{judged: map[string]bool{}}
		p.queue = append(p.queue, core.Lease{Shard: name, Held: true, Identity: "cluster-" + name})
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.git.Run(ctx, func(e core.Event) {
			select {
			case p.events <- e:
			case <-ctx.Done():
			}
		})
	}()
	return p, func() { cancel(); <-ended; _ = repo.Close() }, nil
}

// image stands for our own image, which nobody pulls here.
const image = "ghcr.io/tenantry/tenantry:bench"

// errPatience says that what was waited for did not come.
var errPatience = errors.New("it takes too long")

// until steps the core until what is wanted has come.
func (p *pass) until(wanted func() bool) error {
	limit := time.After(patience)
	for !wanted() {
		event, err := p.next(limit)
		if err != nil {
			return err
		}
		if _, declared := event.(core.Declared); declared {
			p.loaded = time.Now()
		}
		start := time.Now()
		effects := p.core.Step(event, start)
		took := time.Since(start)
		p.steps, p.stepped, p.longest = p.steps+1, p.stepped+took, max(p.longest, took)
		for _, e := range effects {
			if err := p.do(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is the next event: what was played first, then Git's, then the passing of time.
func (p *pass) next(limit <-chan time.Time) (core.Event, error) {
	if len(p.queue) > 0 {
		event := p.queue[0]
		p.queue = p.queue[1:]
		return event, nil
	}
	wait := time.Second // what is wanted may be a matter of time
	if at := p.core.Next(); !at.IsZero() {
		wait = min(wait, time.Until(at))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case e := <-p.events:
		return e, nil
	case <-timer.C:
		return core.Tick{}, nil
	case <-limit:
		return nil, fmt.Errorf("go over the fleet: %w: %v", errPatience, p.core.Problems())
	}
}

// do plays the edges, but for what reads Git.
func (p *pass) do(e core.Effect) error {
	switch e := e.(type) {
	case core.PushLedger:
		p.queue = append(p.queue, core.LedgerPushed{Tip: p.tip()})
	case core.PushStatus:
		p.reported = time.Now()
		p.queue = append(p.queue, core.StatusPushed{Tip: p.tip()})
	case core.Watch:
		p.queue = append(p.queue, p.shards[e.Shard].watch(e)...)
	case core.Inspect:
		p.queue = append(p.queue, core.Inspected{
			Shard: e.Shard, Owner: e.Owner, Revision: e.Revision,
			Certificate: &core.Certificate{Fingerprint: e.Owner.UID, NotAfter: time.Now().Add(24 * time.Hour)},
		})
	case core.SeeSecrets:
		p.queue = append(p.queue, core.SecretsSeen{Shard: e.Shard, Owner: e.Owner})
	case core.Do:
		seen, err := p.shards[e.Work.Shard].carryOut(e.Work, time.Now())
		if err != nil {
			return err
		}
		p.queue = append(p.queue, seen...)
		if e.Work.Owner.Kind == render.OwnerTenant {
			p.worked[e.Work.Owner.Name] = true
		}
	default:
		p.git.Handle(e)
	}
	return nil
}

// tip names a commit that is not made.
func (p *pass) tip() string {
	p.tips++
	return fmt.Sprintf("%040x", p.tips)
}

// settled tells whether every tenant is ready and nothing is left to be done.
func (p *pass) settled() bool {
	if len(p.queue) > 0 {
		return false
	}
	if at := p.core.Next(); !at.IsZero() && time.Until(at) < time.Second {
		return false
	}
	return true
}

// unready names some tenants that are not ready, and why.
func (p *pass) unready() []string {
	why := map[string]bool{}
	for _, st := range p.core.Tenants() {
		if st.Phase != core.Ready {
			for _, c := range st.Conditions {
				if c.Status != "True" {
					why[fmt.Sprintf("%s: %s: %s", st.Phase, c.Reason, c.Message)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(why))
}

// look tells the core that Git may have changed.
func (p *pass) look() { p.queue = append(p.queue, core.Look{}) }
