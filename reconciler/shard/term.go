package shard

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// term is the time during which the Lease is held without a break.
type term struct {
	number  int
	shard   *Shard
	client  *client
	ctx     context.Context // ends with the term
	cancel  context.CancelFunc
	watcher *watcher
}

func newTerm(ctx context.Context, s *Shard, c *client, number int) *term {
	ctx, cancel := context.WithCancel(ctx)
	t := &term{number: number, shard: s, client: c, ctx: ctx, cancel: cancel}
	t.watcher = newWatcher(t)
	return t
}

// watch asks for kinds to be watched.
func (t *term) watch(w core.Watch) { t.watcher.ask(w) }

// watched tells whether the core has asked for a watch of this cluster, which it
// does once it takes it for the right one.
func (t *term) watched() bool { return t.watcher.asked() }

// outcome is what came of a work.
type outcome struct {
	failures []core.Failure
	healed   []core.Healed
}

// add takes in what came of one object.
func (o *outcome) add(f *core.Failure, h *core.Healed) {
	if f != nil {
		o.failures = append(o.failures, *f)
	} else if h != nil {
		o.healed = append(o.healed, *h)
	}
}

// do carries out one work. A panic is the work's own failure, not its neighbours'.
func (t *term) do(w core.Work) (done outcome) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked(w.Owner)
			done.add(&core.Failure{Reason: ReasonInternal, Message: panicMessage}, nil)
		}
	}()
	if known := t.shard.view.epoch(w.Owner.UID); known > w.Epoch {
		done.add(&core.Failure{
			Reason:  ReasonSuperseded,
			Message: fmt.Sprintf("the shard has seen epoch %d of %s, this is of epoch %d", known, w.Owner, w.Epoch),
		}, nil)
		return done
	}
	if w.RaiseAnchor {
		if f := t.raiseAnchor(&w); f != nil {
			done.add(f, nil)
			return done
		}
	}
	first, roles, rest := stages(w.Apply)
	if t.applyAll(&w, first, &done); len(done.failures) > 0 {
		return done // the rest lives in what could not be made
	}
	t.applyAll(&w, roles, &done)
	t.applyAll(&w, rest, &done)
	for _, d := range w.Derive {
		done.add(t.derive(&w, d))
	}
	if len(done.failures) > 0 {
		return done // nothing is taken away before its successor stands
	}
	for _, d := range w.Delete {
		done.add(t.delete(&w, d), nil)
	}
	return done
}

const panicMessage = "a programming error stopped this; the log has its place"

// panicked logs where. The value may quote what was being worked on; the stack does
// not.
func (t *term) panicked(o render.Owner) {
	t.shard.log.Error("work panicked", "owner", o.String(), "stack", string(debug.Stack()))
}

// stages divides applies into those that others live in or depend on by type, the
// roles, without which an API server refuses their bindings, and the rest.
func stages(all []core.Apply) (first, roles, rest []core.Apply) {
	for _, a := range all {
		switch a.Object.ID.Kind {
		case "Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass":
			first = append(first, a)
		case "Role", "ClusterRole":
			roles = append(roles, a)
		default:
			rest = append(rest, a)
		}
	}
	return first, roles, rest
}

// saw reports an object as a response shows it.
func (t *term) saw(o *core.Object) { t.shard.view.answered(t.number, o) }
