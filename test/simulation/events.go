package simulation

import (
	"container/heap"
	"time"
)

// event is something that happens at its time.
type event struct {
	at  time.Time
	seq uint64 // first come, first served
	do  func()
}

// events are those to come, the next one first.
type events struct {
	all []event
	seq uint64
}

func (q *events) Len() int { return len(q.all) }
func (q *events) Less(i, j int) bool {
	a, b := q.all[i], q.all[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.seq < b.seq
}
func (q *events) Swap(i, j int) { q.all[i], q.all[j] = q.all[j], q.all[i] }
func (q *events) Push(x any)    { q.all = append(q.all, x.(event)) } //nolint:forcetypeassert // add pushes nothing else

func (q *events) Pop() any {
	last := q.all[len(q.all)-1]
	q.all[len(q.all)-1] = event{}
	q.all = q.all[:len(q.all)-1]
	return last
}

func (q *events) add(at time.Time, do func()) {
	q.seq++
	heap.Push(q, event{at, q.seq, do})
}

// next gives the time of the next event; false when there is none.
func (q *events) next() (time.Time, bool) {
	if len(q.all) == 0 {
		return time.Time{}, false
	}
	return q.all[0].at, true
}

func (q *events) take() event { return heap.Pop(q).(event) } //nolint:forcetypeassert // as above
