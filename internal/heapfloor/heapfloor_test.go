package heapfloor

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

func TestPercentFor_Bounds(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		floor, live, roots int64
		want               int
	}{
		{32 * mib, 0, 0, 800},          // nothing was collected yet: Go's least heap
		{32 * mib, mib, 0, 800},        // 3,100 would make the least heap 124 MiB
		{32 * mib, 8 * mib, 0, 300},    // 8 + 24
		{32 * mib, mib, 8 * mib, 344},  // 1 + 31, of what Go takes the percentage of
		{32 * mib, mib, 80 * mib, 100}, // stacks alone make it grow by more
		{32 * mib, 16 * mib, 0, 100},   // from here on it may double
		{32 * mib, 300 * mib, 0, 100},  // no more than usual
		{mib, 10, 0, 100},              // no less either
	} {
		if got := percentFor(test.floor, test.live, test.roots); got != test.want {
			t.Errorf("%d of %d live, %d of roots: %d %%, want %d", test.live, test.floor, test.roots, got, test.want)
		}
	}
}

// kept keeps what the tests have live.
var kept []byte

// percent returns what decides when the heap is collected.
func percent() int { return int(read("/gc/gogc:percent")) }

// goal returns how large the heap grows before it is collected.
func goal() int64 { return read("/gc/heap/goal:bytes") }

func read(metric string) int64 {
	sample := []metrics.Sample{{Name: metric}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// TestBegin_LiftsTheGoal: how large the heap grows before it is collected is exact;
// how often that is while so much is allocated is not, since what is allocated
// during a collection counts as live.
func TestBegin_LiftsTheGoal(t *testing.T) {
	t.Setenv("GOGC", "")
	const floor = 64 << 20
	becomes(t, func() bool { return goal() < floor/2 }, "usually")
	end := Begin(floor)
	becomes(t, func() bool { return goal() >= floor && goal() < floor+floor/4 }, "with little live and a floor of 64 MiB")
	end()
	if got := percent(); got != usual {
		t.Errorf("after the end it is %d", got)
	}
	becomes(t, func() bool { return goal() < floor/2 }, "after the end")
	if got := percent(); got != usual {
		t.Errorf("after the end, and a collection, it is %d", got)
	}
}

// TestBegin_LargeHeap: what is large is collected as ever, once a collection has
// told that it is.
func TestBegin_LargeHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	kept = nil
	runtime.GC()
	defer Begin(16 << 20)()
	becomes(t, func() bool { return percent() != usual }, "with little live")
	kept = make([]byte, 64<<20)
	defer func() { kept = nil }()
	becomes(t, func() bool { return percent() == usual }, "with 64 MiB live and a floor of 16")
	runtime.KeepAlive(kept)
}

// becomes waits until something is so after a collection: what is to be done after
// one is done on a goroutine of its own.
func becomes(t *testing.T, so func() bool, when string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s the heap grows to %d, at %d %%", when, goal(), percent())
		}
		runtime.GC()
	}
}

func TestBegin_LeavesGOGCAlone(t *testing.T) {
	t.Setenv("GOGC", "100")
	before := percent()
	defer Begin(1 << 30)()
	if got := percent(); got != before {
		t.Errorf("with GOGC=100 it is %d, %d before", got, before)
	}
}

// TestBegin_ManyStacks: what Go adds for stacks does not lift the heap above the floor.
func TestBegin_ManyStacks(t *testing.T) {
	t.Setenv("GOGC", "")
	const floor, stacks = 32 << 20, 2000
	stop := make(chan struct{})
	var deep, gone sync.WaitGroup
	for range stacks { // of 16 KiB and more
		deep.Add(1)
		gone.Go(func() { descend(40, &deep, stop) })
	}
	defer func() { close(stop); gone.Wait() }()
	deep.Wait()
	runtime.GC()
	defer Begin(floor)()
	live, roots := found()
	if roots < floor/2 {
		t.Fatalf("%d bytes of roots are too few for this test", roots)
	}
	if most := max(floor, 2*live+roots) + 1<<20; goal() > most {
		t.Errorf("with %d bytes live and %d of roots the heap grows to %d, want at most %d", live, roots, goal(), most)
	}
}

// descend waits at the bottom of a deep stack.
func descend(depth int, deep *sync.WaitGroup, stop chan struct{}) byte {
	var frame [512]byte
	if depth == 0 {
		deep.Done()
		<-stop
		return frame[0]
	}
	frame[depth] = descend(depth-1, deep, stop)
	return frame[depth]
}
