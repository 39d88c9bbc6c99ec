package node_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// memberOf returns what a node knows of a member, and whether it lists it.
func (c *cluster) memberOf(at, name string) (node.Member, bool) {
	for _, m := range c.nodes[at].Members() {
		if m.Name == name {
			return m, true
		}
	}
	return node.Member{}, false
}

func (c *cluster) liveness(at, name string) gossip.Liveness {
	m, _ := c.memberOf(at, name)
	return m.Liveness
}

func TestNode_Leave_IsWaitedForNoMoreAndKeepsItsClaims(t *testing.T) {
	c := newClusterWith(t, node.Options{Service: "here:1"}, "n1", "n2", "n3")
	claim := claimOf("n1", "a", "m")
	c.spread("n1", c.write("n1", register(claim, 7)))
	left, err := c.nodes["n1"].Leave(t.Context(), false)
	if err != nil || left.Released != 0 || fmt.Sprint(left.Awaited) != "{[n1 n2 n3] []}" {
		t.Fatalf("leave: %+v, %v", left, err)
	}
	select {
	case <-c.nodes["n1"].Departed():
	default:
		t.Error("nobody is told that it is done")
	}
	if again, err := c.nodes["n1"].Leave(t.Context(), true); err != nil || fmt.Sprint(again) != fmt.Sprint(left) {
		t.Errorf("leave again: %+v, %v", again, err)
	}
	if _, err := c.nodes["n1"].Write(t.Context(), []delta.Operation{register(claim, 7)}); err != node.ErrLeaving {
		t.Errorf("a write after leaving: %v", err)
	}
	if s := c.status("n1"); s.Ready {
		t.Error("it says that it is ready")
	}
	c.stop("n1")
	c.eventually("the others list it as left", func() bool {
		return c.liveness("n2", "n1") == gossip.Left && c.liveness("n3", "n1") == gossip.Left
	})
	if got := c.priority("n2", claim); got != 7 {
		t.Errorf("its claim shows %d", got)
	}
	if r, ok := c.nodes["n2"].Node("n1"); !ok || r.Service != "here:1" || r.Gossip != "" {
		t.Errorf("what it says of itself is %+v", r)
	}
	// A member that was not there, or has forgotten what gossip told it, does
	// not wait for it either.
	c.stop("n2")
	c.start("n2")
	c.meet()
	began := time.Now()
	c.spread("n2", c.write("n2", register(claimOf("n2", "a", "m"), 1)))
	if _, listed := c.memberOf("n2", "n1"); listed && time.Since(began) > 5*time.Second {
		t.Errorf("a wait for all took %s", time.Since(began))
	}
	if s := c.status("n2"); s.Members != 2 {
		t.Errorf("n2 counts %d members", s.Members)
	}

	c.start("n1")
	c.meet()
	c.spread("n1", c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1}))
	if s := c.status("n2"); s.Members != 3 {
		t.Errorf("after its return n2 counts %d members", s.Members)
	}
	c.eventually("all are equal", c.equal)
}

func TestNode_Leave_ReleasesItsClaimsIfTold(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	var operations []delta.Operation
	for i := range 250 {
		operations = append(operations, register(claimOf("n1", fmt.Sprintf("%03d", i), fmt.Sprintf("%03d~", i)), 1))
	}
	c.spread("n1", c.write("n1", append(operations, register(claimOf("n2", "a", "b"), 1))...))
	left, err := c.nodes["n1"].Leave(t.Context(), true)
	if err != nil || left.Released != 250 || len(left.Missing) != 0 {
		t.Fatalf("leave: %+v, %v", left, err)
	}
	if got := c.claimsOf("n2", node.Filter{}); len(got) != 1 {
		t.Errorf("when it has left, n2 shows %d claims", len(got))
	}
	if s := c.status("n2"); len(s.Waiting) != 0 {
		t.Errorf("records wait: %+v", s.Waiting)
	}
}

func TestNode_Leave_FailedDiskLeavesItWhereItIs(t *testing.T) {
	d := newDisk()
	var o node.Options
	o.SetDisk(d.commit)
	o.SetDiskRetry(10 * time.Millisecond)
	c := newClusterWith(t, o, "n1")
	c.write("n1", register(claimOf("n1", "a", "b"), 1))
	d.fail(errDisk, nil)
	if _, err := c.nodes["n1"].Leave(t.Context(), true); !errors.Is(err, node.ErrUnavailable) {
		t.Errorf("leave with a failed disk: %v", err)
	}
	d.fail(nil, nil)
	c.eventually("it takes writes again", func() bool {
		_, err := c.nodes["n1"].Write(t.Context(), []delta.Operation{register(claimOf("n1", "b", "c"), 1)})
		return err == nil
	})
	if r, ok := c.nodes["n1"].Node("n1"); !ok || r.Gossip == "" {
		t.Errorf("it says of itself %+v", r)
	}
}
