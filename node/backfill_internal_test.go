package node

import (
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// TestNode_FreshlyShared_OfWhatIsKnown: history is wanted where others claim, as
// far as that is known; a node that has not been compared with anybody since its
// start, or lacks much, wants all.
func TestNode_FreshlyShared_OfWhatIsKnown(t *testing.T) {
	alone, shared := inKeyspace("k1"), inKeyspace("k2")
	other := shared
	other.Node = "n2"
	for name, test := range map[string]struct {
		isOver, lacks bool
		want          int
	}{"compared": {true, false, 1}, "not compared": {false, false, 2}, "incomplete": {true, true, 2}} {
		n := &Node{routing: newRouting(), protocol: &protocol{}}
		n.protocol.completeness.Store(&antientropy.Completeness{Incomplete: test.lacks})
		n.comparison.over.Store(test.isOver)
		n.routing.loaded("n1", crdt.NewContext())
		if _, err := apply(n.routing, effectsOf(nil, map[ranges.Claim]int64{alone: 1, shared: 1, other: 1})); err != nil {
			t.Fatal(err)
		}
		got := n.freshlyShared()
		if len(got) != test.want || got[len(got)-1] != (compaction.Part{Keyspace: "k2", Range: shared.Range}) {
			t.Errorf("%s: wanted is %v", name, got)
		}
	}
}
