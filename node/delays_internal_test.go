package node

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// deltasAfter returns deltas of a replica that its clock put so many milliseconds
// before now.
func deltasAfter(origin crdt.ReplicaID, now int64, delays ...int64) []delta.Packed {
	var all []delta.Packed
	for _, d := range delays {
		all = append(all, delta.Packed{Delta: delta.Delta{Origin: origin, Time: now - d}})
	}
	return all
}

// TestDelays_Shown_ClassesAndOwn: every delay is within the first bound that it does
// not exceed, clocks that disagree make none negative, and own deltas have none.
func TestDelays_Shown_ClassesAndOwn(t *testing.T) {
	own, other := crdt.ReplicaID{1}, crdt.ReplicaID{2}
	const now = 1_700_000_000_000
	var d delays
	d.shown(own, deltasAfter(own, now, 3, 30), now)
	if r := d.reading(); r.Count != 0 || r.TotalMilliseconds != 0 {
		t.Errorf("own deltas are counted: %+v", r)
	}
	d.shown(own, deltasAfter(other, now, -3_600_000, 0, 1, 2, 3, 60_000, 60_001), now)
	r := d.reading()
	within := func(most time.Duration) uint64 {
		i := slices.IndexFunc(r.Within, func(w DelaysWithin) bool { return w.Max == most })
		if i < 0 {
			t.Fatalf("no bound is %s", most)
		}
		return r.Within[i].Count
	}
	for most, want := range map[time.Duration]uint64{
		time.Millisecond: 3, 2 * time.Millisecond: 4, 5 * time.Millisecond: 5, 40 * time.Millisecond: 5, 20 * time.Second: 5, time.Minute: 6,
	} {
		if got := within(most); got != want {
			t.Errorf("%d took at most %s, want %d", got, most, want)
		}
	}
	if r.Count != 7 || r.TotalMilliseconds != 120_007 {
		t.Errorf("%d took %d ms, want 7 and 120007", r.Count, r.TotalMilliseconds)
	}
}

// TestDelays_Shown_AnyTime: a time that no clock shows is no reason for a total that
// nobody can make sense of.
func TestDelays_Shown_AnyTime(t *testing.T) {
	const now = 1_700_000_000_000
	for _, at := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		var d delays
		d.shown(crdt.ReplicaID{1}, []delta.Packed{{Delta: delta.Delta{Origin: crdt.ReplicaID{2}, Time: at}}}, now)
		if r := d.reading(); r.Count != 1 || r.TotalMilliseconds > now {
			t.Errorf("a delta of %d: %d took %d ms", at, r.Count, r.TotalMilliseconds)
		}
	}
}

// TestDelays_Shown_AllocatesNothing, as it is a part of each commit.
func TestDelays_Shown_AllocatesNothing(t *testing.T) {
	var d delays
	all := deltasAfter(crdt.ReplicaID{2}, 100_000, 1, 50, 99_999)
	if n := testing.AllocsPerRun(100, func() { d.shown(crdt.ReplicaID{1}, all, 100_000) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
