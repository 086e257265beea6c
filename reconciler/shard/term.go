package shard

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/tenantry/tenantry/reconciler/core"
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

// do carries out one work. A panic is the work's own failure, not its neighbours'.
func (t *term) do(w core.Work) (failures []core.Failure) {
	defer func() {
		if p := recover(); p != nil {
			// The value may quote what was being worked on; the stack does not.
			t.shard.log.Error("work panicked", "owner", w.Owner.String(), "stack", string(debug.Stack()))
			failures = []core.Failure{{Reason: ReasonInternal, Message: "a programming error stopped this; the log has its place"}}
		}
	}()
	if known := t.shard.view.epoch(w.Owner.UID); known > w.Epoch {
		return []core.Failure{{
			Reason:  ReasonSuperseded,
			Message: fmt.Sprintf("the shard has seen epoch %d of %s, this is of epoch %d", known, w.Owner, w.Epoch),
		}}
	}
	if w.RaiseAnchor {
		if f := t.raiseAnchor(&w); f != nil {
			return []core.Failure{*f}
		}
	}
	first, rest := stages(w.Apply)
	if failures = t.applyAll(&w, first); len(failures) > 0 {
		return failures // the rest lives in what could not be made
	}
	failures = t.applyAll(&w, rest)
	for _, d := range w.Derive {
		if f := t.derive(&w, d); f != nil {
			failures = append(failures, *f)
		}
	}
	if len(failures) > 0 {
		return failures // nothing is taken away before its successor stands
	}
	for _, d := range w.Delete {
		if f := t.delete(&w, d); f != nil {
			failures = append(failures, *f)
		}
	}
	return failures
}

// stages divides applies into those that others live in or depend on by type,
// and the rest.
func stages(all []core.Apply) (first, rest []core.Apply) {
	for _, a := range all {
		switch a.Object.ID.Kind {
		case "Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass":
			first = append(first, a)
		default:
			rest = append(rest, a)
		}
	}
	return first, rest
}

// saw reports an object as a response shows it.
func (t *term) saw(o *core.Object) { t.shard.view.answered(t.number, o) }
