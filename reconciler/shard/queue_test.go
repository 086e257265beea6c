package shard

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(3)
		var mu sync.Mutex
		busy, most, order := map[string]int{}, 0, map[string][]int64{}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			q.run(ctx, func(j job) {
				uid := j.work.Owner.UID
				mu.Lock()
				busy[uid]++
				if busy[uid] > 1 {
					t.Errorf("two works of %s at once", uid)
				}
				all := 0
				for _, n := range busy {
					all += n
				}
				most = max(most, all)
				order[uid] = append(order[uid], j.work.Epoch)
				mu.Unlock()
				pass(time.Second)
				mu.Lock()
				busy[uid]--
				mu.Unlock()
			})
		})
		// One owner's long queue does not stop the others, and keeps its order.
		for epoch := range int64(5) {
			q.add(job{work: core.Work{Owner: render.Owner{UID: "long"}, Epoch: epoch}})
		}
		for i := range 4 {
			q.add(job{work: core.Work{Owner: render.Owner{UID: fmt.Sprint("short-", i)}}})
		}
		pass(2*time.Second + time.Millisecond)
		synctest.Wait()
		mu.Lock()
		if len(order) != 5 || most != 3 {
			t.Errorf("after two rounds %d owners were begun with, at most %d at once", len(order), most)
		}
		mu.Unlock()
		pass(10 * time.Second)
		cancel()
		running.Wait()
		if !slices.Equal(order["long"], []int64{0, 1, 2, 3, 4}) {
			t.Errorf("order is %v", order["long"])
		}
	})
}

func TestQueueEndsWithItsWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		ctx, cancel := context.WithCancel(t.Context())
		done := 0
		q.add(job{work: core.Work{Owner: render.Owner{UID: "a"}}})
		q.add(job{work: core.Work{Owner: render.Owner{UID: "b"}}})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			q.run(ctx, func(job) { pass(time.Minute); done++ })
		}()
		pass(time.Second)
		cancel()
		<-ended
		if done != 1 {
			t.Errorf("%d works were done: the one that was running has to end, the other not to begin", done)
		}
	})
}

// pass lets the bubble's time pass.
func pass(d time.Duration) { <-time.After(d) }
