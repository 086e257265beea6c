package core

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls do for 0 … n-1 on all processors, and returns when all have ended.
// What do does is a pure function whose results stand by index: in which order they
// come makes no difference.
func parallel(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
