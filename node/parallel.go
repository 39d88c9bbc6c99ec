package node

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel runs tasks on all processors, in the order given, and returns when
// all have ended.
func parallel(tasks []func()) {
	var running sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(tasks)) {
		running.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(tasks); i = next.Add(1) - 1 {
				tasks[i]()
			}
		})
	}
	running.Wait()
}
