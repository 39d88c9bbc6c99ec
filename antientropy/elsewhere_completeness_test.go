package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
)

// TestCore_Completeness_OfOneThatGoesOnElsewhere: a fresh member whose peer dies
// in the middle of a session goes on with another one, which has not seen all
// that the first had, but something else. What both have seen is little, or
// nothing: with that the member is not complete (E3).
func TestCore_Completeness_OfOneThatGoesOnElsewhere(t *testing.T) {
	for _, shape := range []struct {
		name   string
		shared int // claims of the first that the other one has, too
	}{{"nothing in common", 0}, {"something in common", 20}} {
		t.Run(shape.name, func(t *testing.T) {
			k := newCluster(t, 1)
			k.options.SplitFanOut, k.options.LeafRecords, k.options.RangeBytesMax = 2, 1, 1
			first, other := k.add("first"), k.add("other")
			k.run(100)
			fill(t, shape.shared, first)
			k.run(3000)
			k.separate("first", "other", true)
			for i := range 40 {
				k.writeAlone(first, shape.shared+i)
				k.writeAlone(other, 100+i)
			}
			first.trim(100)
			other.trim(100)
			fresh := k.add("fresh")
			k.separate("fresh", "other", true)
			start := antientropy.StartOf(fresh.replica)
			start.Fresh = true
			fresh.restart(start)
			for !fresh.replica.InSession() || fresh.replica.Fingerprint.Count < 10 {
				if !k.step(k.now + 60_000) {
					t.Fatal("it never begins to fetch")
				}
			}
			first.stop()
			k.separate("fresh", "other", false)
			fresh.tellPeers()
			for until := k.now + 60_000; fresh.core.Completeness().Incomplete; {
				if !k.step(until) {
					t.Fatalf("incomplete for ever: %+v", fresh.core.Completeness())
				}
			}
			if !other.replica.Context.Leq(fresh.replica.Context) && !first.replica.Context.Leq(fresh.replica.Context) {
				t.Errorf("complete, though it has seen %s; the one it began with %s, the other one %s", fresh.replica.Context, first.replica.Context, other.replica.Context)
			}
		})
	}
}

// separate cuts two members off from each other, or no more.
func (k *cluster) separate(x, y string, are bool) {
	k.faults.cut[[2]string{x, y}], k.faults.cut[[2]string{y, x}] = are, are
}
