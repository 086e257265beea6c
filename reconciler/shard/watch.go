package shard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/jitter"
	"github.com/tenantry/tenantry/render"
)

// anchors is the watch over the anchors among those over kinds.
const anchors = "anchors"

// watcher watches kinds during one term.
type watcher struct {
	term *term

	mu     sync.Mutex
	began  bool
	wanted map[string]bool // kinds asked for
	kinds  map[string]*kindWatch
	told   string // the last Synced, as text
}

// kindWatch is the watch over one kind. Under watcher.mu.
type kindWatch struct {
	full   bool
	state  watchState
	cancel context.CancelFunc
}

type watchState int

const (
	listing watchState = iota
	synced
	unserved
)

func newWatcher(t *term) *watcher {
	return &watcher{term: t, wanted: map[string]bool{}, kinds: map[string]*kindWatch{}}
}

func (w *watcher) asked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.began
}

// ask starts what is not watched yet. A kind that is to be judged from now on is
// listed again, in full.
func (w *watcher) ask(e core.Watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.told = true, ""
	if w.kinds[anchors] == nil {
		w.start(anchors, true)
	}
	for _, kind := range e.Kinds {
		w.wanted[kind] = true
		full := slices.Contains(e.Judged, kind) || kind == "v1/Secret"
		switch old := w.kinds[kind]; {
		case old == nil:
			w.start(kind, full)
		case full && !old.full:
			old.cancel()
			w.start(kind, full)
		}
	}
	w.settled()
}

// start is called from Handle, while the term is the current one.
func (w *watcher) start(kind string, full bool) {
	ctx, cancel := context.WithCancel(w.term.ctx)
	k := &kindWatch{full: full, cancel: cancel}
	w.kinds[kind] = k
	w.term.shard.running.Go(func() { w.keep(ctx, kind, k) })
}

// keep watches one kind until ctx ends.
func (w *watcher) keep(ctx context.Context, kind string, k *kindWatch) {
	t, told, spread := w.term, "", w.term.shard.spread(kind)
	for attempts := 0; ctx.Err() == nil; attempts++ {
		err := w.reflect(ctx, kind, k, spread)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errNoKind) {
			w.set(k, unserved)
		}
		if w.current(k) == synced {
			attempts = 0 // it worked in between
		}
		if err != nil && err.Error() != told {
			told = err.Error()
			t.shard.log.Warn("cannot watch", "kind", kind, "error", err)
			if w.current(k) == listing {
				t.shard.outbox.control(core.Unwatched{Shard: t.shard.name, Kind: kind, Message: told})
			}
		}
		sleep(ctx, spread.Stretch(backoff(attempts)))
	}
}

// reflect lists and watches a kind until that fails.
func (w *watcher) reflect(ctx context.Context, kind string, k *kindWatch, spread *jitter.Source) error {
	t := w.term
	var lw *cache.ListWatch
	var into cache.ReflectorStore
	if kind == anchors {
		lw = t.client.listAnchors()
		into = &anchorStore{view: t.shard.view, term: t.number, synced: func() { w.set(k, synced) }}
	} else {
		id, err := parseKind(kind)
		if err != nil {
			return errors.Join(errNoKind, err)
		}
		resource, err := t.client.lookup(ctx, id)
		if err != nil {
			return err
		}
		lw = t.client.listKind(id, resource, k.full)
		into = &objectStore{
			view: t.shard.view, term: t.number, kind: id,
			judged: k.full && !isSecret(id), synced: func() { w.set(k, synced) },
		}
	}
	silent := klog.FromContext(ctx)
	r := cache.NewReflectorWithOptions(lw, nil, into, cache.ReflectorOptions{
		Name: t.shard.name + "/" + kind, Logger: &silent,
		Backoff: &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 4, Cap: 5 * time.Second},
	})
	for attempts := 0; ; attempts++ {
		err := r.ListAndWatchWithContext(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case kindGone(err) && kind != anchors:
			id, _ := parseKind(kind)
			t.client.forgetKind(id)
			return errNoKind
		case err != nil:
			return err
		}
		// The watch ended as watches do: go on from where it was.
		sleep(ctx, spread.Stretch(backoff(0)/4))
	}
}

func (w *watcher) current(k *kindWatch) watchState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return k.state
}

func (w *watcher) set(k *kindWatch, s watchState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.state != s {
		k.state = s
		w.settled()
	}
}

// settled reports Synced once all that was asked for is listed, or not served.
func (w *watcher) settled() {
	if k := w.kinds[anchors]; k == nil || k.state != synced {
		return
	}
	e := core.Synced{Shard: w.term.shard.name}
	for kind := range w.wanted {
		switch w.kinds[kind].state {
		case listing:
			return
		case synced:
			e.Kinds = append(e.Kinds, kind)
		case unserved:
			e.Unknown = append(e.Unknown, kind)
		}
	}
	slices.Sort(e.Kinds)
	slices.Sort(e.Unknown)
	text := strings.Join(e.Kinds, " ") + "\n" + strings.Join(e.Unknown, " ")
	if text == w.told {
		return
	}
	w.told = text
	if w.term.ctx.Err() == nil {
		w.term.shard.outbox.control(e)
	}
}

// parseKind reads <group>/<version>/<kind>, or <version>/<kind> of the core group.
func parseKind(kind string) (render.ObjectID, error) {
	parts := strings.Split(kind, "/")
	if len(parts) == 2 {
		parts = append([]string{""}, parts...)
	}
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return render.ObjectID{}, errors.New("kind " + kind + ": want <group>/<version>/<kind>")
	}
	return render.ObjectID{Group: parts[0], Version: parts[1], Kind: parts[2]}, nil
}
