package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// TestNode_Completeness_OfFreshNode: a node that is to join others says that
// much is missing until it has all of it, and is not ready before; one that
// begins a cluster lacks nothing.
func TestNode_Completeness_OfFreshNode(t *testing.T) {
	c := newClusterWith(t, node.Options{Retention: compaction.Options{
		Own: compaction.Retention{Age: 1, Bytes: 1}, Other: compaction.Retention{Age: 1, Bytes: 1},
	}}, "n1")
	if x := c.nodes["n1"].Completeness(); x.Incomplete {
		t.Errorf("the first node: %+v", x)
	}
	var batch []delta.Operation
	for i := range 2000 {
		claim := ranges.Claim{Keyspace: "default", Node: "n9", Range: ranges.Single(fmt.Sprintf("%06d", i))}
		batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Claim: claim, Amount: 1})
	}
	c.write("n1", batch...)
	if _, err := c.nodes["n1"].Compact(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	c.options.Join = []string{"127.0.0.1:1"} // nobody is there
	n2 := c.start("n2")
	isNotReady := func() bool {
		s, err := n2.Status()
		return err == nil && slices.ContainsFunc(s.NotReady, func(reason string) bool { return strings.Contains(reason, "is being fetched") })
	}
	if !n2.Completeness().Incomplete || !isNotReady() {
		t.Errorf("before it has met anybody: %+v, not ready for that %t", n2.Completeness(), isNotReady())
	}
	if _, err := n2.Join(t.Context(), []string{c.seed}); err != nil {
		t.Fatal(err)
	}
	c.eventually("the fresh node is complete", func() bool {
		before := n2.Completeness().Incomplete
		if s, err := n2.Status(); err == nil && s.Claims < 2000 && !before {
			t.Errorf("complete with %d claims", s.Claims)
			return true
		}
		return !before
	})
	if isNotReady() {
		t.Error("complete, and not ready for want of the state")
	}
}
