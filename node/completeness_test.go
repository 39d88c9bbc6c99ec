package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestNode_Completeness_OfOneThatIsToJoinItself: a node whose only address to join is
// its own, since all of a cluster are configured alike and it is the first, begins the
// cluster, and lacks nothing.
func TestNode_Completeness_OfOneThatIsToJoinItself(t *testing.T) {
	c := newCluster(t, "n2")
	c.stop("n2")
	c.addresses["n1"] = c.addresses["n2"]
	n1 := c.start("n1")
	c.eventually("it is ready", func() bool { return c.status("n1").Ready })
	if x := n1.Completeness(); x.Incomplete {
		t.Errorf("it is %+v", x)
	}
}

// TestNode_Ready_IsStableAfterARestart: a node that was down is not ready before
// it knows what it has missed, and if that is much, before it is here; once it
// is ready it stays so.
func TestNode_Ready_IsStableAfterARestart(t *testing.T) {
	c := newClusterWith(t, node.Options{Retention: compaction.Options{
		Own: compaction.Retention{Age: 1, Bytes: 1}, Other: compaction.Retention{Age: 1, Bytes: 1},
	}}, "n1", "n2", "n3")
	if s := c.status("n1"); !s.Ready {
		t.Errorf("a node of a new directory: %v", s.NotReady)
	}
	c.eventually("all are equal", c.equal)
	for i, missed := range []int{2000, 3, 0} {
		c.stop("n3")
		var batch []delta.Operation
		for j := range missed {
			claim := ranges.Claim{Keyspace: "default", Node: "n9", Range: ranges.Single(fmt.Sprintf("%d-%06d", i, j))}
			batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Claim: claim, Amount: 1})
		}
		if len(batch) > 0 {
			c.write("n1", batch...)
			c.eventually("the others are equal", c.equal)
		}
		for _, name := range []string{"n1", "n2"} {
			if _, err := c.nodes[name].Compact(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		c.network.Split([]string{"n3"}, []string{"n1", "n2", ""})
		n3 := c.start("n3")
		if s := c.status("n3"); !slices.ContainsFunc(s.NotReady, func(reason string) bool { return strings.Contains(reason, "what it has missed") }) {
			t.Errorf("%d missed: it has met nobody yet, and is not ready only since %q", missed, s.NotReady)
		}
		c.network.HealAll()
		wasReady := false
		deadline := time.Now().Add(20 * time.Second)
		var settled time.Time
		for settled.IsZero() || time.Since(settled) < 300*time.Millisecond {
			s, err := n3.Status()
			switch {
			case err != nil:
				t.Fatal(err)
			case time.Now().After(deadline):
				t.Fatalf("%d missed: not ready for ever: %v", missed, s.NotReady)
			case wasReady && !s.Ready:
				t.Fatalf("%d missed: ready, and then not: %v", missed, s.NotReady)
			case s.Ready && missed == 2000 && s.Claims < missed:
				t.Fatalf("%d missed: ready with %d claims", missed, s.Claims)
			case s.Ready && settled.IsZero() && c.equal():
				settled = time.Now()
			}
			wasReady = wasReady || s.Ready
		}
	}
}
