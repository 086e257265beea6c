package controllers

import (
	"container/heap"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// queue has objects to look at, each once, by time; of one time the first asked for
// comes first.
type queue struct {
	entries entries
	byKey   map[apiserver.Key]*entry
	asked   uint64
}

type entry struct {
	key   apiserver.Key
	at    time.Time
	asked uint64
	place int
}

func newQueue() *queue { return &queue{byKey: map[apiserver.Key]*entry{}} }

func (q *queue) holds(key apiserver.Key) bool { return q.byKey[key] != nil }

// add asks for key at a time: an earlier one is kept.
func (q *queue) add(key apiserver.Key, at time.Time) {
	if have := q.byKey[key]; have == nil {
		q.asked++
		e := &entry{key: key, at: at, asked: q.asked}
		q.byKey[key] = e
		heap.Push(&q.entries, e)
	} else if at.Before(have.at) {
		have.at = at
		heap.Fix(&q.entries, have.place)
	}
}

// next is the time of the first.
func (q *queue) next() (time.Time, bool) {
	if len(q.entries) == 0 {
		return time.Time{}, false
	}
	return q.entries[0].at, true
}

// take gives the first.
func (q *queue) take() apiserver.Key {
	e := heap.Pop(&q.entries).(*entry) //nolint:forcetypeassert // nothing else is pushed
	delete(q.byKey, e.key)
	return e.key
}

// entries is a heap.
type entries []*entry

func (h entries) Len() int { return len(h) }

func (h entries) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].asked < h[j].asked
}

func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *entries) Push(x any) {
	e := x.(*entry) //nolint:forcetypeassert // nothing else is pushed
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
