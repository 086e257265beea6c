package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/jitter"
)

// Options of a Keeper. Zero durations take the defaults.
type Options struct {
	// Shard is named in what is reported.
	Shard string
	// Identity names this replica among all that ever run: two processes must not
	// share one, nor a process and its successor.
	Identity string
	// Duration is how long the lease is good without being renewed; default 15 s,
	// whole seconds.
	Duration time.Duration
	// Renew is the time between two renewals, and between two looks at somebody
	// else's lease; default a third of Duration.
	Renew time.Duration
	// Retry is the pause after a failed renewal, and the first one while the shard
	// cannot be reached (doubled up to 30 s); default 1 s.
	Retry time.Duration
	// Roster is what the keepers of one replica share; default one of its own.
	Roster *Roster
	// ReadOnly never writes: the lease is looked at and never held.
	ReadOnly bool
}

func (o Options) withDefaults() Options {
	if o.Duration == 0 {
		o.Duration = 15 * time.Second
	}
	if o.Renew == 0 {
		o.Renew = o.Duration / 3
	}
	if o.Retry == 0 {
		o.Retry = time.Second
	}
	if o.Roster == nil {
		o.Roster = NewRoster()
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Identity == "":
		return errors.New("an identity is needed")
	case o.Duration < time.Second || o.Duration%time.Second != 0:
		return fmt.Errorf("duration %v: want whole seconds", o.Duration)
	case 2*o.Renew > o.Duration:
		return fmt.Errorf("renew every %v: want half the duration (%v) at most", o.Renew, o.Duration)
	}
	return nil
}

// errConflict: the lease was not as it was when the write was decided.
var errConflict = errors.New("lease has changed")

// server is the API server as a keeper sees it.
type server interface {
	// identity gives the uid of the cluster's kube-system namespace.
	identity(ctx context.Context) (string, error)
	// get gives the lease, nil when there is none.
	get(ctx context.Context) (*coordinationv1.Lease, error)
	// put creates the lease (no uid) or changes it, and gives it as stored. It
	// gives errConflict when it is not as it was read.
	put(ctx context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error)
}

// Keeper acquires and renews the Lease of one shard. Run it once.
type Keeper struct {
	opts   Options
	server server
	// spread keeps replicas that began at the same moment apart.
	spread *jitter.Source

	// What Run remembers between two steps.
	state    State
	last     *coordinationv1.Lease // as written; nil while it is not held
	cluster  string
	failures int
	err      error // of the last renewal
	report   func(core.Lease)
	reported *core.Lease

	mu       sync.Mutex
	deadline time.Time
	memory   Memory
}

// NewKeeper makes a keeper for the cluster that cfg leads to. It contacts nobody.
func NewKeeper(cfg *rest.Config, opts Options) (*Keeper, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("keep the lease of shard %s: %w", opts.Shard, err)
	}
	server, err := connect(cfg)
	if err != nil {
		return nil, fmt.Errorf("keep the lease of shard %s: %w", opts.Shard, err)
	}
	return newKeeper(server, opts), nil
}

func newKeeper(server server, opts Options) *Keeper {
	return &Keeper{opts: opts, server: server, spread: jitter.New(opts.Identity, opts.Shard)}
}

// Deadline is until when this replica may act on the shard; zero or past when it
// may not. Every request has to end before.
func (k *Keeper) Deadline() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if expired(k.deadline, time.Now()) {
		return time.Time{}
	}
	return k.deadline
}

// Remember has the next renewal write these down. Empty ones leave what is there.
func (k *Keeper) Remember(tip, accepted string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.memory = Memory{Tip: tip, Accepted: accepted}
}

// Run keeps the lease until ctx ends, then releases it; whoever acted under the
// lease has to have stopped by then. It calls report, from its own goroutine,
// whenever there is something new to say. It returns nil: what goes wrong is
// reported and tried again.
func (k *Keeper) Run(ctx context.Context, report func(core.Lease)) error {
	k.report = report
	for ctx.Err() == nil {
		pause := time.NewTimer(k.step(ctx))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
	k.release(context.WithoutCancel(ctx))
	return nil
}

// step does what is to be done now and says how long to wait for the next one.
func (k *Keeper) step(ctx context.Context) time.Duration {
	if k.last != nil && k.Deadline().IsZero() {
		k.giveUp()
	}
	if k.last == nil {
		return k.look(ctx)
	}
	err := k.write(ctx, k.last)
	if errors.Is(err, errConflict) {
		return k.look(ctx)
	}
	return k.settle(ctx, err)
}

// look reads the lease and acts on it.
func (k *Keeper) look(ctx context.Context) time.Duration {
	ctx, cancel := k.timeout(ctx)
	defer cancel()
	found, err := k.server.get(ctx)
	if err != nil {
		return k.settle(ctx, err)
	}
	now := time.Now()
	k.state = k.state.Look(found, now)
	action := Decide(found, k.opts.Identity, k.state, now, k.opts.Duration)
	if action.Verb != Wait || k.cluster == "" {
		// Read before each acquisition: a kubeconfig may lead elsewhere by now.
		if k.cluster, err = k.server.identity(ctx); err != nil {
			return k.settle(ctx, err)
		}
	}
	if action.Verb == Wait || k.opts.ReadOnly {
		k.lost()
		k.failures = 0
		m := memoryOf(found)
		k.tell(core.Lease{Holder: holder(found), Identity: k.cluster, Tip: m.Tip, Accepted: m.Accepted})
		return waitFor(action, now, k.spread.Stretch(k.opts.Renew))
	}
	err = k.write(ctx, found)
	if errors.Is(err, errConflict) {
		return k.spread.Stretch(k.opts.Retry / 4) // somebody was faster; see who
	}
	if err == nil {
		m := memoryOf(found)
		k.tell(core.Lease{Held: true, Identity: k.cluster, Tip: m.Tip, Accepted: m.Accepted})
	}
	return k.settle(ctx, err)
}

// write makes the lease ours, or keeps it so, and moves the deadline.
func (k *Keeper) write(ctx context.Context, found *coordinationv1.Lease) error {
	ctx, cancel := k.timeout(ctx)
	defer cancel()
	k.mu.Lock()
	memory := k.memory
	k.mu.Unlock()
	sent := time.Now()
	k.opts.Roster.join(k)
	stored, err := k.server.put(ctx, record(found, k.opts.Identity, memory, k.opts.Duration, sent))
	if err != nil {
		if k.last == nil {
			k.opts.Roster.leave(k)
		}
		return err
	}
	k.last = stored
	k.state = k.state.Look(stored, sent)
	k.mu.Lock()
	k.deadline = Deadline(sent, k.opts.Duration)
	k.mu.Unlock()
	return nil
}

// settle says how long to wait after err.
func (k *Keeper) settle(ctx context.Context, err error) time.Duration {
	k.err = err
	if err == nil {
		k.failures = 0
		return k.opts.Renew
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0 // the end, not a failure
	}
	if left := time.Until(k.Deadline()); k.last != nil && left > 0 {
		return min(k.spread.Stretch(k.opts.Retry), left)
	}
	k.giveUp()
	k.failures++
	return k.spread.Stretch(min(k.opts.Retry<<min(k.failures-1, 10), 30*time.Second))
}

// giveUp reports that the shard cannot be reached, or was not for too long.
func (k *Keeper) giveUp() {
	if k.err == nil {
		k.err = errors.New("the lease ran out before it could be renewed")
	}
	k.lost()
	k.cluster = ""
	k.tell(core.Lease{Err: k.err})
}

func (k *Keeper) lost() {
	k.last = nil
	k.opts.Roster.leave(k)
	k.mu.Lock()
	k.deadline = time.Time{}
	k.memory = Memory{} // by the next time another holder may have come further
	k.mu.Unlock()
}

// tell reports what is new. What the lease remembers is told with the rest, it
// is no news by itself.
func (k *Keeper) tell(l core.Lease) {
	l.Shard = k.opts.Shard
	if old := k.reported; old != nil && old.Held == l.Held && old.Holder == l.Holder &&
		old.Identity == l.Identity && text(old.Err) == text(l.Err) {
		return
	}
	k.reported = &l
	k.report(l)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// release lets the next one take the lease at once. Failing costs the next one
// the lease's duration, nothing else.
func (k *Keeper) release(ctx context.Context) {
	last := k.last
	k.mu.Lock()
	memory := k.memory
	k.mu.Unlock()
	k.lost()
	if last == nil || k.opts.Roster.holds(k.cluster) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := k.server.put(ctx, released(last, memory, time.Now()))
	if !errors.Is(err, errConflict) {
		return
	}
	// A renewal that was cut off may have arrived.
	if last, err = k.server.get(ctx); err == nil && holder(last) == k.opts.Identity && !k.opts.Roster.holds(k.cluster) {
		_, _ = k.server.put(ctx, released(last, memory, time.Now()))
	}
}

// timeout bounds one exchange: while the lease is held, by its end.
func (k *Keeper) timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(k.opts.Renew)
	if d := k.Deadline(); !d.IsZero() && d.Before(end) {
		end = d
	}
	return context.WithDeadline(ctx, end)
}

func waitFor(a Action, now time.Time, at time.Duration) time.Duration {
	if a.Verb == Wait {
		return min(at, a.Until.Sub(now))
	}
	return at
}
