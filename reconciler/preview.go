package reconciler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
)

// preview is a core of which nothing is carried out: its questions are answered, and
// its decisions are taken for committed.
type preview struct {
	opts    DiffOptions
	core    *core.Core
	git     *repository.Edge
	viewers map[string]*shard.Viewer
	queue   []core.Event

	// fetched is set once Git is read; asked counts the questions to it under way.
	fetched   bool
	asked     int
	classes   map[string]*fleet.Class // by tree
	fleets    map[string]*fleet.Fleet
	decisions []string
	// extra is what would be removed, by owner's uid.
	extra map[string][]core.Delete
}

// meet asks every shard who it is, all at once.
func (p *preview) meet(ctx context.Context, sources map[string]shard.Source) {
	names := slices.Sorted(maps.Keys(sources))
	leases, viewers := make([]core.Lease, len(names)), make([]*shard.Viewer, len(names))
	var tasks errgroup.Group
	for i, name := range names {
		tasks.Go(func() error {
			leases[i] = core.Lease{Shard: name}
			cfg, _, err := sources[name].Config()
			if err == nil {
				viewers[i], err = shard.NewViewer(cfg)
			}
			if err == nil {
				leases[i].Identity, err = viewers[i].Identity(ctx)
			}
			leases[i].Err = err
			return nil
		})
	}
	_ = tasks.Wait()
	p.queue = append(p.queue, core.Kubeconfigs{Shards: names})
	for i, name := range names {
		p.viewers[name] = viewers[i]
		p.queue = append(p.queue, leases[i])
	}
}

// mostRounds bounds the decisions that follow from each other: a shard is pinned, a
// tenant placed, its kinds listed, all within a few.
const mostRounds = 100

// think steps the core until it has nothing more to ask or to decide.
func (p *preview) think(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var reading errgroup.Group
	defer func() { cancel(); _ = reading.Wait() }()
	heard := make(chan core.Event)
	reading.Go(func() error {
		p.git.Run(ctx, func(e core.Event) {
			select {
			case heard <- e:
			case <-ctx.Done():
			}
		})
		return nil
	})
	for rounds := 0; rounds < mostRounds; {
		event, err := p.next(ctx, heard)
		if err != nil {
			return err
		}
		if event == nil {
			break
		}
		for _, effect := range p.core.Step(event, time.Now()) {
			if _, ok := effect.(core.WouldPush); ok {
				rounds++
			}
			p.answer(ctx, effect)
		}
	}
	for _, problem := range p.core.Problems() {
		return fmt.Errorf("%s: %s", problem.Reason, problem.Message)
	}
	return nil
}

// next is what the core has to hear; nil when there is nothing more.
func (p *preview) next(ctx context.Context, heard <-chan core.Event) (core.Event, error) {
	if len(p.queue) > 0 {
		event := p.queue[0]
		p.queue = p.queue[1:]
		return event, nil
	}
	if p.asked > 0 {
		select {
		case event := <-heard:
			p.take(event)
			return core.Tick{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if next := p.core.Next(); !next.IsZero() && !next.After(time.Now()) {
		return core.Tick{}, nil
	}
	return nil, nil
}

// answer does what an effect asks to be found out, and nothing else.
func (p *preview) answer(ctx context.Context, effect core.Effect) {
	switch e := effect.(type) {
	case core.Fetch:
		if p.fetched { // the answer is about one moment
			p.queue = append(p.queue, core.Fetched{Seq: e.Seq})
			return
		}
		p.fetched = true
		p.asked++
		p.git.Handle(e)
	case core.FindLast:
		p.asked++
		p.git.Handle(e)
	case core.Watch:
		p.watch(ctx, e)
	case core.WouldPush:
		p.decide(e)
	case core.WouldDo:
		p.extra[e.Work.Owner.UID] = e.Work.Delete
	}
}

// take hears what Git holds, with another fleet in the declared branch's place.
func (p *preview) take(event core.Event) {
	switch e := event.(type) {
	case core.Declared:
		if p.opts.Fleet != nil && e.Problem == "" {
			e.Fleet, e.Tree, e.Findings = p.opts.Fleet, "preview", nil
		}
		if e.Fleet != nil {
			p.know(e.Tree, e.Fleet)
		}
		event = e
	case core.LedgerRead:
		maps.Copy(p.classes, e.Classes)
		maps.Copy(p.fleets, e.Fleets)
	case core.Fetched:
		p.asked--
	case core.LastFound:
		p.asked--
		for _, last := range e.ByRef {
			p.know(last.Tree, last.Fleet)
		}
	case core.StatusRead:
		return // what is so is looked at anew
	}
	p.queue = append(p.queue, event)
}

// know keeps what decisions may name.
func (p *preview) know(tree string, f *fleet.Fleet) {
	p.fleets[tree] = f
	for _, c := range f.Classes {
		p.classes[ledger.ClassKey(c.Tree, c.ProviderTree())] = c
	}
}

// decide takes decisions for committed.
func (p *preview) decide(e core.WouldPush) {
	p.decisions = append(p.decisions, strings.TrimSpace(e.Ledger.Message(e.Changes)))
	if e.Ledger == nil {
		e.Ledger = ledger.Empty()
	}
	clear(p.extra) // found under the former ledger: everybody is looked at again
	p.queue = append(p.queue, core.LedgerRead{
		Tip: fmt.Sprintf("preview-%d", len(p.decisions)), Ledger: e.Ledger.With(e.Changes), Classes: p.classes, Fleets: p.fleets,
	})
}

func (p *preview) watch(ctx context.Context, e core.Watch) {
	seen, synced, err := p.viewers[e.Shard].Look(ctx, e)
	if err != nil {
		p.queue = append(p.queue, core.Lease{Shard: e.Shard, Err: err})
		return
	}
	p.queue = append(p.queue, seen, synced)
}
