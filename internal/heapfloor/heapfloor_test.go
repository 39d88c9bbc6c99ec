package heapfloor

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestPercentFor_Bounds(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		floor, live int64
		want        int
	}{
		{32 * mib, 0, 800},         // nothing was collected yet: Go's least heap
		{32 * mib, mib, 800},       // 3,100 would make the least heap 124 MiB
		{32 * mib, 8 * mib, 300},   // 8 + 24
		{32 * mib, 16 * mib, 100},  // from here on it may double
		{32 * mib, 300 * mib, 100}, // no more than usual
		{mib, 10, 100},             // no less either
	} {
		if got := percentFor(test.floor, test.live); got != test.want {
			t.Errorf("%d of %d live: %d %%, want %d", test.live, test.floor, got, test.want)
		}
	}
}

// kept keeps what the tests have live, thrown what they throw away.
var kept, thrown []byte

// collections returns how often the heap is collected while so much is allocated.
func collections(mib int) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range mib * 16 {
		thrown = make([]byte, 1<<16)
	}
	runtime.ReadMemStats(&after)
	return int(after.NumGC - before.NumGC)
}

// percent returns what decides when the heap is collected.
func percent() int {
	p := debug.SetGCPercent(usual)
	debug.SetGCPercent(p)
	return p
}

func TestBegin_CollectsLess(t *testing.T) {
	t.Setenv("GOGC", "")
	runtime.GC()
	usually := collections(256)
	end := Begin(64 << 20)
	if got := collections(256); got >= usually {
		t.Errorf("collected %d times while 256 MiB were allocated, with a floor of 64; %d without", got, usually)
	}
	if got := percent(); got < 8*usual {
		t.Errorf("with little live and a floor of 64 MiB the percentage is %d", got)
	}
	end()
	if got := percent(); got != usual {
		t.Errorf("after the end it is %d", got)
	}
	runtime.GC()
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
	if got := percent(); got == usual {
		t.Errorf("with little live it is %d", got)
	}
	kept = make([]byte, 64<<20)
	defer func() { kept = nil }()
	for deadline := time.Now().Add(30 * time.Second); percent() != usual; {
		if time.Now().After(deadline) {
			t.Fatalf("with 64 MiB live and a floor of 16 it is %d", percent())
		}
		runtime.GC() // what is to be done after it is done on a goroutine of its own
	}
	runtime.KeepAlive(kept)
}

func TestBegin_LeavesGOGCAlone(t *testing.T) {
	t.Setenv("GOGC", "100")
	before := percent()
	defer Begin(1 << 30)()
	if got := percent(); got != before {
		t.Errorf("with GOGC=100 it is %d, %d before", got, before)
	}
}
