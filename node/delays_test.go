package node_test

import (
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// ofOthers returns how many deltas of other replicas the log of a node has.
func (c *cluster) ofOthers(at string) (count uint64) {
	c.t.Helper()
	n := c.nodes[at]
	err := n.View(func(v *store.View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			if p.Origin != n.Replica() {
				count++
			}
			return nil
		})
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return count
}

// TestNode_Counters_DelaysOfWhatOthersWrote: each delta of another replica counts
// once, and no own one.
func TestNode_Counters_DelaysOfWhatOthersWrote(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	before := c.nodes["n2"].Counters().Delays.Count
	for i := range 5 {
		c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), int64(i+1))))
	}
	if got := c.nodes["n2"].Counters().Delays.Count; got < before+5 {
		t.Errorf("n2 has counted %d, and %d before the writes", got, before)
	}
	for name, n := range c.nodes {
		c.eventually(name+" has counted each delta of the other, and no more", func() bool {
			return n.Counters().Delays.Count == c.ofOthers(name)
		})
	}
}

// TestNode_Counters_DelaysOfWhatCameLate: what was written while a node was cut off
// took as long as that.
func TestNode_Counters_DelaysOfWhatCameLate(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	c.eventually("both are equal", c.equal)
	before := c.nodes["n2"].Counters().Delays
	c.network.Cut("n1", "n2")
	const cut = 300 * time.Millisecond
	written := c.write("n1", register(claimOf("n1", "a", "b"), 1))
	time.Sleep(cut)
	c.network.HealAll()
	c.spread("n1", written)
	after := c.nodes["n2"].Counters().Delays
	if took := after.TotalMilliseconds - before.TotalMilliseconds; after.Count == before.Count || took < uint64(cut.Milliseconds())-1 {
		t.Errorf("%d took %d ms, cut off for %s", after.Count-before.Count, took, cut)
	}
}
