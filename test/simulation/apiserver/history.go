package apiserver

import (
	"maps"
	"slices"
	"sort"
)

// event is one write to a kind: of a new object was is nil, of one that is gone is is
// nil and last what it was in the end.
type event struct {
	version       int64
	was, is, last *stored
}

// history are the writes to a kind that watches and lists can still be told of.
type history struct {
	events []event
	// dropped counts those that are forgotten.
	dropped int
	// end says that the kind is served no more.
	end bool
}

func (h *history) add(e event) { h.events = append(h.events, e) }

func (h *history) compact() {
	h.dropped += len(h.events)
	h.events = nil
}

// after gives the position of the first write after a version.
func (h *history) after(version int64) int {
	return h.dropped + sort.Search(len(h.events), func(i int) bool { return h.events[i].version > version })
}

// then gives the objects of a kind as they were at a version, in their order.
func (k *kind) then(version int64) []*stored {
	objects, order := k.objects, k.order
	if from := k.history.after(version) - k.history.dropped; from < len(k.history.events) {
		objects = maps.Clone(objects)
		for _, e := range slices.Backward(k.history.events[from:]) {
			if e.was == nil {
				delete(objects, place(e.is.key.Namespace, e.is.key.Name))
			} else {
				objects[place(e.was.key.Namespace, e.was.key.Name)] = e.was
			}
		}
		order = slices.Sorted(maps.Keys(objects))
	}
	all := make([]*stored, 0, len(order))
	for _, p := range order {
		all = append(all, objects[p])
	}
	return all
}
