package node

import (
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// delayMax are the upper bounds of the classes of delays, in milliseconds: from the
// step of a delta's time to what no node takes unless it was cut off.
var delayMax = [...]int64{1, 2, 5, 10, 20, 40, 100, 200, 400, 1000, 2000, 5000, 10_000, 20_000, 60_000}

// delays counts how long deltas of other replicas took from there to here. One
// goroutine adds, others read.
type delays struct {
	// classes count what is above the bound before and at most their own, the last
	// one what is above all bounds.
	classes [len(delayMax) + 1]atomic.Uint64
	// total is in milliseconds.
	total atomic.Uint64
}

// Delays is a reading of how long deltas of other replicas took from when their
// origin committed them, by its clock, to when this node showed them, by its own:
// in whole milliseconds, 0 where the clocks say that it was before. The commits of
// both are a part of that. One that came late, say after a partition, took as long
// as it did; what came as a state, or as history of what was known, is no delta.
type Delays struct {
	// Within are how many took no longer than each bound; the bounds ascend.
	Within []DelaysWithin
	// Count is how many there are, TotalMilliseconds how long all took together: a
	// time.Duration has no room for what a fresh node catches up on.
	Count, TotalMilliseconds uint64
}

// DelaysWithin is how many took no longer than Max.
type DelaysWithin struct {
	Max   time.Duration
	Count uint64
}

// shown counts the deltas that a replica shows from now on, in milliseconds of the
// Unix epoch, but its own.
func (d *delays) shown(own crdt.ReplicaID, all []delta.Packed, now int64) {
	for _, p := range all {
		if p.Origin != own {
			d.add(now - max(0, p.Time)) // and so without overflow, whatever others send
		}
	}
}

// add counts one delay, in milliseconds.
func (d *delays) add(delay int64) {
	delay = max(0, delay)
	class := 0
	for class < len(delayMax) && delay > delayMax[class] {
		class++
	}
	d.classes[class].Add(1)
	d.total.Add(uint64(delay))
}

// reading returns what was counted.
func (d *delays) reading() Delays {
	r := Delays{Within: make([]DelaysWithin, len(delayMax)), TotalMilliseconds: d.total.Load()}
	for class, most := range delayMax {
		r.Count += d.classes[class].Load()
		r.Within[class] = DelaysWithin{Max: time.Duration(most) * time.Millisecond, Count: r.Count}
	}
	r.Count += d.classes[len(delayMax)].Load()
	return r
}
