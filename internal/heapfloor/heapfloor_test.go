package heapfloor

import (
	"runtime"
	"testing"
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

func TestBegin_CollectsLess(t *testing.T) {
	t.Setenv("GOGC", "")
	runtime.GC()
	usually := collections(256)
	end := Begin(64 << 20)
	if got := collections(256); got > usually/3 {
		t.Errorf("collected %d times while 256 MiB were allocated, with a floor of 64; %d without", got, usually)
	}
	end()
	runtime.GC()
	if got := collections(256); got < usually/2 {
		t.Errorf("collected %d times after the end, %d before", got, usually)
	}
}

// TestBegin_LargeHeap: what is large is collected as ever.
func TestBegin_LargeHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	end := Begin(16 << 20)
	defer end()
	kept = make([]byte, 64<<20)
	defer func() { kept = nil }()
	runtime.GC()
	runtime.GC() // whatever cleans up has run by its end, or by the next
	if got := collections(512); got < 4 {
		t.Errorf("collected %d times while 512 MiB were allocated beside 64 that are live", got)
	}
}

func TestBegin_LeavesGOGCAlone(t *testing.T) {
	t.Setenv("GOGC", "100")
	runtime.GC()
	usually := collections(256)
	defer Begin(1 << 30)()
	if got := collections(256); got < usually/2 {
		t.Errorf("collected %d times with GOGC=100, %d before", got, usually)
	}
}
