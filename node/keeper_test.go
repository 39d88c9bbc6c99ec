package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

func (c *cluster) status(at string) node.Status {
	c.t.Helper()
	s, err := c.nodes[at].Status()
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func TestNode_Ready_AloneIsLoudUntilSomebodyIsReached(t *testing.T) {
	c := newCluster(t, "n2", "n1")
	c.stop("n1")
	c.stop("n2")
	if err := os.RemoveAll(filepath.Join(c.dir, "n1")); err != nil { // it had to have a port that is not n2's
		t.Fatal(err)
	}
	c.start("n1") // is to join n2; opening does not fail
	c.write("n1", register(claimOf("n1", "a", "m"), 1))
	c.eventually("n1 is not ready, since it is alone", func() bool {
		s := c.status("n1")
		return !s.Ready && strings.Contains(s.NotReady[0], "no other member")
	})
	if !c.logs["n1"].has("WARN", "only itself", c.addresses["n2"]) {
		t.Errorf("it says %q", c.logs["n1"].above())
	}
	c.options.Join = []string{}
	c.start("n2")
	c.eventually("n1 is ready", func() bool { return c.status("n1").Ready })
	c.eventually("both are equal", c.equal)
	c.stop("n2")
	c.eventually("n1 is alone again", func() bool { return !c.status("n1").Ready })
}

func TestNode_Join_IsTriedAgainHoweverOftenMembersChange(t *testing.T) {
	c := newClusterWith(t, node.Options{Join: []string{"127.0.0.1:1"}}, "n1")
	c.eventually("it has tried three times", func() bool {
		c.nodes["n1"].Poke()
		return c.logs["n1"].count("members not reached") >= 3
	})
}

func TestNode_Open_RejoinsWhomItHasMet(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	c.eventually("all are equal", c.equal)
	c.eventually("n3 has remembered the others", func() bool { r, err := c.nodes["n3"].Remembered(); return err == nil && len(r) == 2 })
	for _, name := range []string{"n1", "n2", "n3"} {
		c.stop(name)
	}
	c.options.Join = []string{} // nobody is told whom to join
	c.start("n2")
	c.start("n3")
	c.meet()
	c.addresses["n1"] = ""
	c.start("n1") // elsewhere
	c.meet()
	c.eventually("the others remember n1 where it is now, and there alone", func() bool {
		r2, err2 := c.nodes["n2"].Remembered()
		r3, err3 := c.nodes["n3"].Remembered()
		want := func(other string) []string {
			return slices.Sorted(slices.Values([]string{c.addresses["n1"], c.addresses[other]}))
		}
		return err2 == nil && err3 == nil && slices.Equal(r2, want("n3")) && slices.Equal(r3, want("n2"))
	})
}

func TestNode_Open_ConfiguredClaims(t *testing.T) {
	claim, foreign := claimOf("n1", "a", "m"), claimOf("elsewhere", "m", "z")
	self := claim
	self.Node = ""
	c := newClusterWith(t, node.Options{Claims: []ranges.Weighted{{Claim: self, Priority: 5}, {Claim: foreign, Priority: 2}}}, "n1")
	if got := c.claimsOf("n1", node.Filter{}); fmt.Sprint(got) != fmt.Sprint(map[ranges.Claim]int64{claim: 5, foreign: 2}) {
		t.Fatalf("after the first start it shows %v", got)
	}
	c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 3}, delta.Operation{Verb: delta.VerbRelease, Claim: foreign})
	events := len(c.events("n1"))
	c.stop("n1")
	c.start("n1")
	if got := c.claimsOf("n1", node.Filter{}); fmt.Sprint(got) != fmt.Sprint(map[ranges.Claim]int64{claim: 8, foreign: 2}) {
		t.Errorf("after the second start it shows %v", got)
	}
	// Its record and that it has retired its former id, since it knows nobody.
	if got := len(c.events("n1")); got != events+3 {
		t.Errorf("%d events at a start that had one claim to make", got-events)
	}
}

func TestNode_Node_RecordOverwrittenByAnotherIsWrittenAgain(t *testing.T) {
	c := newClusterWith(t, node.Options{Service: "here:1", Labels: map[string]string{"zone": "a"}}, "n1", "n2")
	n1, n2 := c.nodes["n1"], c.nodes["n2"]
	c.eventually("both are equal", c.equal)
	if err := n2.Overwrite(t.Context(), delta.NodeRecord{Name: "n1", Service: "elsewhere:1"}); err != nil {
		t.Fatal(err)
	}
	c.eventually("n2 knows n1 as it is", func() bool {
		r, ok := n2.Node("n1")
		return ok && r.Generation == 3 && r.Dot.Replica == n1.Replica() && r.Service == "here:1" && len(r.Labels) == 1
	})
	if err := n2.Overwrite(t.Context(), delta.NodeRecord{Name: "n1", Retired: true}); err != nil {
		t.Fatal(err)
	}
	c.eventually("n1 lives, and says so", func() bool { r, ok := n2.Node("n1"); return ok && r.Generation == 5 })
	if _, ok := n2.Node("n3"); ok {
		t.Error("it knows a node that has never said anything")
	}
}

func TestNode_SetAPI_SpreadsAndRefusesWhatDoesNotFit(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	c.eventually("n1 has remembered n2", func() bool { r, err := c.nodes["n1"].Remembered(); return err == nil && len(r) == 1 })
	seen := func(url string) func() bool {
		return func() bool {
			r, _ := c.nodes["n2"].Node("n1")
			return r.API == url && c.nodes["n2"].Members()[0].API == url
		}
	}
	if err := c.nodes["n1"].SetAPI(t.Context(), "http://one"); err != nil {
		t.Fatal(err)
	}
	c.eventually("n2 knows", seen("http://one"))
	if err := c.nodes["n1"].SetAPI(t.Context(), "http://"+strings.Repeat("x", 1000)); err == nil || c.nodes["n1"].API() != "http://one" {
		t.Errorf("an address that does not fit: %v, now %q", err, c.nodes["n1"].API())
	}
	c.stop("n1")
	c.network.Cut("n1", "n2")
	c.start("n1")
	if err := c.nodes["n1"].SetAPI(t.Context(), "http://two"); err != nil { // while nobody can confirm who it is
		t.Fatal(err)
	}
	c.network.HealAll()
	c.eventually("n2 knows the new one", seen("http://two"))
}

func TestNode_Trim_KeepsItsOwnHistoryAndDropsWhatAllHave(t *testing.T) {
	var o node.Options
	o.SetTrimEvery(20 * time.Millisecond)
	c := newClusterWith(t, o, "n1", "n2")
	own, other := claimOf("n1", "a", "m"), claimOf("x", "p", "q")
	c.write("n1", register(own, 1), register(other, 1))
	has := func(at, keyspace string) (events int) {
		h, err := c.nodes[at].History(node.Filter{Keyspace: keyspace}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(h.Events)
	}
	for range 5 {
		c.write("n2", delta.Operation{Verb: delta.VerbIncrease, Claim: other, Amount: 1})
		c.write("n2", delta.Operation{Verb: delta.VerbIncrease, Claim: own, Amount: 1})
	}
	c.eventually("n1 keeps what touches its own, and n2 nothing", func() bool { return has("n1", "default") == 7 && has("n2", "default") == 0 })
	c.eventually("both are equal", c.equal)
	h, err := c.nodes["n1"].History(node.Filter{Keyspace: "default", Range: &own.Range}, 0)
	if err != nil || !h.Complete || len(h.Events) != 6 {
		t.Errorf("n1's own history has %d events, complete: %t, %v", len(h.Events), h.Complete, err)
	}
	if h, err := c.nodes["n2"].History(node.Filter{Keyspace: "default"}, 0); err != nil || h.Complete {
		t.Errorf("n2's history passes for complete: %v", err)
	}
	c.network.Cut("n1", "n2")
	c.write("n2", register(claimOf("x", "s", "t"), 1))
	if done, err := c.nodes["n2"].Compact(t.Context(), false); err != nil || done.Plan.Dropped[compaction.Other].Records != 0 || has("n2", "default") != 1 {
		t.Errorf("what n1 has not seen is dropped: %+v, %v", done.Plan, err)
	}
	c.network.HealAll()
	c.eventually("once n1 has it, it goes", func() bool { return has("n2", "default") == 0 && c.equal() })
}

func TestNode_Close_ReleasesOnExit(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	c.stop("n3") // a dead member must not keep the others from learning of it
	c.options.ReleaseOnExit = true
	c.stop("n1")
	n1 := c.start("n1")
	c.meet()
	var operations []delta.Operation
	for i := range 250 {
		operations = append(operations, register(claimOf("n1", fmt.Sprintf("%03d", i), fmt.Sprintf("%03d~", i)), 1))
	}
	operations = append(operations, register(claimOf("n2", "a", "b"), 1))
	c.spreadTo("n1", c.write("n1", operations...), 2)
	if n1.Name() != "n1" || len(c.claimsOf("n2", node.Filter{})) != 251 {
		t.Fatal("n2 does not know the claims")
	}
	c.stop("n1")
	if got := c.claimsOf("n2", node.Filter{}); len(got) != 1 {
		t.Errorf("%d claims are left", len(got))
	}
	c.eventually("n1 is not listed as alive", func() bool {
		return c.nodes["n2"].Members()[0].Liveness != gossip.Alive
	})
	c.options.ReleaseOnExit = false
}

// spreadTo waits until some members have on disk what a write did.
func (c *cluster) spreadTo(at string, w node.Written, count int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if got, err := c.nodes[at].Await(ctx, w.Token(), node.Members{N: count}); err != nil || len(got.OnDisk) < count {
		c.t.Fatalf("await: %+v, %v", got, err)
	}
}

func TestNode_Open_FailsWholeAndLeavesNothing(t *testing.T) {
	c := newCluster(t, "n1")
	o := node.Options{DataDir: t.TempDir(), Node: "n2", Gossip: c.addresses["n1"], ReleaseOnExit: true}
	if _, err := node.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "gossip") {
		t.Errorf("an address that is taken: %v", err)
	}
	o.Gossip = "127.0.0.1:0"
	o.Claims = []ranges.Weighted{{Claim: claimOf("n2", "a", "b"), Priority: 1}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := node.Open(ctx, o); err == nil {
		t.Error("it opened though it was told to stop")
	}
	n2, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("the directory cannot be opened afterwards: %v", err)
	}
	if err := n2.Close(); err != nil {
		t.Error(err)
	}
	o.Labels = map[string]string{"bad name": "x"}
	o.GossipKeys = [][]byte{{1}}
	o.IdentityWait = -1
	if _, err := node.Open(t.Context(), o); err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}
