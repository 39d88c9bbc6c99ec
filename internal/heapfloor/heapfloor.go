// Package heapfloor keeps the garbage collector from running all the time in a
// process that has little in memory.
//
// Go collects when the heap has grown by as much as was live, and from 4 MiB on.
// A node with some thousand claims has a megabyte live and throws away 44 kB
// with each commit, most of it pages of bbolt: it collected every seventy
// commits, and a write that met it waited for some milliseconds of two
// processors.
//
// A ballast, a large allocation that nobody touches, does the same, but stands
// in every figure of the heap.
package heapfloor

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// usual is the percentage that Go starts with: collect when the heap has
	// doubled.
	usual = 100
	// leastHeap is where Go collects first, at the usual percentage. It grows
	// and shrinks with it.
	leastHeap = 4 << 20
)

// OfNode is a good floor for the process of a node, in bytes.
const OfNode = 32 << 20

// Begin has the heap collected when it has this many bytes, the floor, or has
// doubled if that is more. It does nothing if GOGC is set: who sets it knows
// better. The process has one collector, so this is for commands, not for
// packages that others import; end undoes it.
func Begin(floor int64) (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	p := &pacer{floor: floor, percent: usual}
	p.adjust()
	return p.end
}

// pacer sets the percentage after each collection.
type pacer struct {
	floor int64

	mu      sync.Mutex
	percent int
	ended   bool
}

// adjust sets the percentage for what was live when the heap was last collected,
// and has itself called when it is collected again.
func (p *pacer) adjust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	live, roots := found()
	p.set(percentFor(p.floor, live, roots))
	runtime.AddCleanup(new(cycle), (*pacer).adjust, p)
}

// cycle is garbage from the start, so what cleans up after it runs after the next
// collection. It has a pointer to be an allocation of its own.
type cycle struct{ _ *cycle }

// set stops the world, so it leaves alone what is nearly right.
func (p *pacer) set(percent int) {
	if d := percent - p.percent; d == 0 || percent != usual && max(d, -d) < p.percent/8 {
		return
	}
	p.percent = percent
	debug.SetGCPercent(percent)
}

func (p *pacer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.set(usual)
}

// percentFor returns the percentage at which a heap of which so much is live is
// collected when it is as large as the floor, or has doubled if that is more.
// Go takes the percentage of the roots as well, stacks and globals: thousands of
// idle connections have more of these than there is in the heap. It is at most
// the one at which Go's own least heap is as large as the floor.
func percentFor(floor, live, roots int64) int {
	most := floor * usual / leastHeap
	grown := (floor - live) * usual / max(live+roots, 1)
	return int(max(usual, min(most, grown)))
}

// found returns the bytes that were live when the heap was last collected, and
// those of the roots.
func found() (live, roots int64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64() + samples[2].Value.Uint64())
}
