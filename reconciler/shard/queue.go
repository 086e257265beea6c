package shard

import (
	"context"
	"sync"

	"github.com/tenantry/tenantry/reconciler/core"
)

// job is a work, or a look at Secrets of the work's owner, and the term in which it was
// asked for.
type job struct {
	work    core.Work
	inspect *core.Inspect
	see     *core.SeeSecrets
	term    *term
}

// queue runs jobs: those of one owner one after the other, those of several at
// once up to a limit.
type queue struct {
	limit int
	wake  chan struct{}

	mu      sync.Mutex
	waiting []job
	busy    map[string]bool // owners' uids
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1), busy: map[string]bool{}}
}

func (q *queue) add(j job) {
	q.mu.Lock()
	q.waiting = append(q.waiting, j)
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next takes the first job whose owner is free.
func (q *queue) next() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.busy) >= q.limit {
		return job{}, false
	}
	for i, j := range q.waiting {
		if uid := j.work.Owner.UID; !q.busy[uid] {
			q.busy[uid] = true
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return j, true
		}
	}
	return job{}, false
}

func (q *queue) free(j job) {
	q.mu.Lock()
	delete(q.busy, j.work.Owner.UID)
	q.mu.Unlock()
	q.signal()
}

// run gives jobs to do until ctx ends, and waits for those that are running.
func (q *queue) run(ctx context.Context, do func(job)) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		for j, ok := q.next(); ok; j, ok = q.next() {
			running.Go(func() {
				defer q.free(j)
				do(j)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
	}
}
