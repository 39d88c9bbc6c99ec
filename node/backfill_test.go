package node_test

import (
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// A node that begins to claim a range gets its history from a node that has
// claimed it for longer, although it dropped it itself; its state does not
// change by that, and a restart in between does not forget it.
func TestNode_Backfill_HistoryOfANewlyClaimedRange(t *testing.T) {
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c := newClusterWith(t, node.Options{}, "n1")
	c.options = node.Options{Retention: compaction.Options{Own: compaction.DefaultOwn, Other: nothing}}
	c.options.SetTrimEvery(10 * time.Millisecond)
	c.start("n2")
	c.meet()
	c.write("n1", register(claimOf("n1", "a", "m"), 1))
	for i := range 30 {
		w := c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf("n1", "a", "m"), Amount: int64(i + 1)})
		if i == 29 {
			c.spread("n1", w)
		}
	}
	history := func(name string) int {
		within := claimOf("n1", "b", "c").Range
		h, err := c.nodes[name].History(node.Filter{Keyspace: "default", Range: &within}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(h.Events)
	}
	c.eventually("n2 has dropped what does not concern it", func() bool { return history("n2") == 0 })
	c.write("n2", register(claimOf("n2", "b", "c"), 5))
	c.eventually("n2 has the history from before", func() bool { return history("n2") == 32 })
	// More would say that some were dropped meanwhile, and added again.
	n2 := c.nodes["n2"]
	c.eventually("all of it but its own event was added", func() bool {
		added := n2.Counters().Backfilled
		if added != 31 {
			t.Logf("%d events were added", added)
		}
		return added >= 31
	})
	n1 := c.nodes["n1"]
	if took, written := n2.Counters().Delays.Count, n1.Context().Get(n1.Replica()); took > written {
		t.Errorf("the delays of %d deltas are counted, of the %d events of n1: history has none", took, written)
	}
	c.eventually("both are equal", c.equal)
	c.sameEvents("n1", "n1")
	// memberlist warns of a ping that took long: of the machine, not of us.
	ofItsOwn := func(l logbook) int { return l.count("WARN") - l.count("WARN memberlist: ") }
	if ofItsOwn(c.logs["n2"]) > 0 || ofItsOwn(c.logs["n1"]) > 0 {
		t.Errorf("n1: %q\nn2: %q", c.logs["n1"].above(), c.logs["n2"].above())
	}

	// While nobody who has it is there, it is wanted, across a restart too.
	c.stop("n1")
	c.write("n2", register(claimOf("n2", "k", "l"), 5))
	c.stop("n2")
	c.start("n2")
	c.start("n1")
	c.meet()
	c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf("n1", "a", "m"), Amount: 1})
	c.eventually("n2 has asked for the rest", func() bool { return c.nodes["n2"].Wanted() == 0 })
}

// Where nobody else claims anything there is no history to get, and nothing to
// remember on disk.
func TestNode_Backfill_WantedOnlyWhereOthersClaim(t *testing.T) {
	c := newClusterWith(t, node.Options{}, "n1")
	c.write("n1", register(claimOf("n2", "a", "c"), 1))
	inside, held, looked := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		looked <- c.nodes["n1"].LookAtCore(func() { close(inside); <-held })
	}()
	<-inside // so that nothing is asked for meanwhile
	for _, test := range []struct {
		from, to string
		want     int
	}{{"x", "z", 0}, {"c", "d", 0}, {"b", "d", 1}} {
		c.write("n1", register(claimOf("n1", test.from, test.to), 1))
		if n := c.nodes["n1"].Wanted(); n != test.want {
			t.Errorf("after [%s, %s) the history of %d ranges is wanted, want %d", test.from, test.to, n, test.want)
		}
	}
	close(held)
	if err := <-looked; err != nil {
		t.Error(err)
	}
}
