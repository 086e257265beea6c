package shard

import (
	"context"
	"sync"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// gather is how long changes are collected before they are reported together.
const gather = 5 * time.Millisecond

// outbox collects what is to be reported while the core is busy. Of an object
// only the last change is kept; other events keep their order, and never
// overtake the objects that were put in before them.
type outbox struct {
	shard string
	wake  chan struct{}

	mu       sync.Mutex
	objects  map[key]*core.Object // nil: gone
	anchors  map[string]core.Anchor
	controls []core.Event
}

// key names an object under one owner's label.
type key struct {
	owner string
	id    render.ObjectID
}

func newOutbox(shard string) *outbox {
	return &outbox{
		shard: shard, wake: make(chan struct{}, 1),
		objects: map[key]*core.Object{}, anchors: map[string]core.Anchor{},
	}
}

func (o *outbox) object(obj *core.Object) {
	o.change(func() { o.objects[key{obj.OwnerUID, obj.ID}] = obj })
}

func (o *outbox) gone(owner string, id render.ObjectID) {
	o.change(func() { o.objects[key{owner, id}] = nil })
}

func (o *outbox) anchor(a core.Anchor) {
	o.change(func() { o.anchors[a.OwnerUID] = a })
}

func (o *outbox) control(e core.Event) {
	o.change(func() { o.controls = append(o.controls, e) })
}

func (o *outbox) change(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the box: first what there is, then what follows from it.
func (o *outbox) take() []core.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	var events []core.Event
	if len(o.objects)+len(o.anchors) > 0 {
		seen := core.Observed{Shard: o.shard}
		for k, obj := range o.objects {
			if obj == nil {
				seen.Gone = append(seen.Gone, core.Gone{OwnerUID: k.owner, ID: k.id})
			} else {
				seen.Objects = append(seen.Objects, obj)
			}
		}
		for _, a := range o.anchors {
			seen.Anchors = append(seen.Anchors, a)
		}
		events = append(events, seen)
	}
	events = append(events, o.controls...)
	o.objects, o.anchors, o.controls = map[key]*core.Object{}, map[string]core.Anchor{}, nil
	return events
}

// run reports until ctx ends.
func (o *outbox) run(ctx context.Context, events chan<- core.Event) {
	pause := time.NewTimer(gather)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		pause.Reset(gather)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		for _, e := range o.take() {
			select {
			case <-ctx.Done():
				return
			case events <- e:
			}
		}
	}
}
