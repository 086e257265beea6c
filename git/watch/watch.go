package watch

import (
	"context"
	"math/rand/v2"
	"time"
)

// Options of Watch.
type Options struct {
	// Interval between two looks; default one minute.
	Interval time.Duration
	// Jitter is the part of the interval by which it varies, up and down, so that
	// many replicas do not ask at the same moment; 0 is a tenth, negative none.
	Jitter float64
	// Random gives numbers from [0, 1) for the jitter; default dice.
	Random func() float64
	// Path of a local repository whose references are watched as well; empty for
	// a remote one.
	Path string
	// Settle is how long a local repository has to be quiet before it is looked
	// at: a push touches several files. Default 20 ms.
	Settle time.Duration
}

func (o Options) withDefaults() Options {
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Jitter == 0 {
		o.Jitter = 0.1
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Settle <= 0 {
		o.Settle = 20 * time.Millisecond
	}
	return o
}

// Watch gives a channel that says "look now": at once, after every interval, and
// after changes of a local repository. It is closed when ctx ends. A path that
// cannot be watched (it does not exist yet, the system is out of watches) is tried
// again and again; the interval remains meanwhile.
func Watch(ctx context.Context, opts Options) <-chan struct{} {
	opts = opts.withDefaults()
	signals := make(chan struct{}, 1)
	signals <- struct{}{}
	l := &loop{opts: opts, signals: signals}
	if opts.Path != "" {
		l.attach = func() (*source, error) { return watchRefs(opts.Path) }
		l.reattach()
	}
	go func() {
		defer close(signals)
		l.run(ctx)
	}()
	return signals
}

// source reports changes until it is stopped, or closes its channel when it can
// see no more.
type source struct {
	changes <-chan struct{}
	stop    func()
}

// loop turns changes and passing time into signals.
type loop struct {
	opts    Options
	attach  func() (*source, error) // nil without a path
	signals chan<- struct{}

	source  *source
	changes <-chan struct{}
	retry   <-chan time.Time
}

// retryAttach is how long to wait before a path is tried again.
const retryAttach = 5 * time.Second

// reattach gives up the source there may be and tries to get one.
func (l *loop) reattach() (attached bool) {
	l.detach()
	source, err := l.attach()
	if err != nil {
		l.retry = time.After(retryAttach)
		return false
	}
	l.source, l.changes, l.retry = source, source.changes, nil
	return true
}

func (l *loop) detach() {
	if l.source != nil {
		l.source.stop()
	}
	l.source, l.changes = nil, nil
}

func (l *loop) run(ctx context.Context) {
	defer l.detach()
	interval := time.NewTimer(l.pause())
	defer interval.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-l.changes:
			if !open {
				l.detach()
				l.retry = time.After(retryAttach)
			} else if settled == nil { // the first change counts: endless ones must not delay for ever
				settled = time.After(l.opts.Settle)
			}
			continue
		case <-l.retry:
			if !l.reattach() {
				continue
			} // what changed meanwhile was not seen: look
		case <-settled:
			settled = nil
		case <-interval.C:
		}
		interval.Reset(l.pause())
		select {
		case l.signals <- struct{}{}:
		default: // one is waiting already
		}
	}
}

func (l *loop) pause() time.Duration {
	return Jitter(l.opts.Interval, l.opts.Jitter, l.opts.Random())
}

// Jitter spreads d evenly over d·(1 ± part); random is from [0, 1).
func Jitter(d time.Duration, part, random float64) time.Duration {
	if part <= 0 {
		return d
	}
	return time.Duration(float64(d) * (1 + min(part, 1)*(2*random-1)))
}
