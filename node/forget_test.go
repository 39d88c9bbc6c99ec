package node_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// ghosts returns where a node still shows something of another that was
// forgotten together with its claims.
func (c *cluster) ghosts(at, of string, replicas ...crdt.ReplicaID) []string {
	c.t.Helper()
	var found []string
	if m, ok := c.memberOf(at, of); ok {
		found = append(found, fmt.Sprintf("member %s", m.Liveness))
	}
	if _, ok := c.nodes[at].Node(of); ok || slices.ContainsFunc(c.nodes[at].Nodes(), func(x node.NodeInfo) bool { return x.Name == of }) {
		found = append(found, "node record")
	}
	if claims := c.claimsOf(at, node.Filter{Node: of}); len(claims) > 0 {
		found = append(found, fmt.Sprint(claims))
	}
	for _, w := range c.status(at).Waiting {
		if slices.Contains(replicas, w.Replica) {
			found = append(found, fmt.Sprintf("%d records wait for %s", w.Records, w.Replica))
		}
	}
	addresses, err := c.nodes[at].Remembered()
	if err != nil {
		c.t.Fatal(err)
	}
	if slices.Contains(addresses, c.addresses[of]) {
		found = append(found, "remembered at "+c.addresses[of])
	}
	return found
}

// dead stops a node and waits until others find it dead.
func (c *cluster) dead(name string, at ...string) {
	c.t.Helper()
	c.stop(name)
	c.eventually(name+" is found dead", func() bool {
		return !slices.ContainsFunc(at, func(other string) bool { return c.liveness(other, name) != gossip.Dead })
	})
}

// TestNode_Forget_WhileAnotherIsAway is what forgetting is for: no ghost
// anywhere, also where nobody could be told of it, and none when the dead one
// returns.
func TestNode_Forget_WhileAnotherIsAway(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	c.options.Join = []string{} // n4 is nobody's to join
	n4 := c.start("n4")
	if _, err := n4.Join(t.Context(), []string{c.addresses["n1"]}); err != nil {
		t.Fatal(err)
	}
	c.meet()
	claim, other := claimOf("n4", "a", "m"), claimOf("n4", "m", "z")
	c.spread("n4", c.write("n4", register(claim, 5), register(other, 6)))
	c.spread("n1", c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 2}))
	c.eventually("n3 has remembered n4", func() bool {
		r, err := c.nodes["n3"].Remembered()
		return err == nil && slices.Contains(r, c.addresses["n4"])
	})
	forgotten := n4.Replica()
	if _, err := c.nodes["n1"].Forget(t.Context(), "n4", true); !errors.Is(err, node.ErrAlive) || len(c.claimsOf("n1", node.Filter{Node: "n4"})) != 2 {
		t.Fatalf("while it is alive: %v", err)
	}
	c.network.Split([]string{"n3"}, []string{"n1", "n2", "n4"})
	c.dead("n4", "n1", "n2")
	f, err := c.nodes["n1"].Forget(t.Context(), "n4", true)
	if err != nil || !f.Retired || f.Released != 2 || fmt.Sprint(f.Replicas) != fmt.Sprint([]crdt.ReplicaID{forgotten}) {
		t.Fatalf("forget: %+v, %v", f, err)
	}
	if got := c.ghosts("n1", "n4", forgotten); len(got) > 1 || len(got) == 1 && got[0] != "remembered at "+c.addresses["n4"] {
		t.Errorf("right after it n1 shows %v", got) // the keeper has yet to drop the address
	}
	c.write("n3", register(claimOf("n3", "x", "y"), 1)) // n3 does not stand still meanwhile
	c.network.HealAll()
	gone := func() bool {
		for name := range c.nodes {
			if len(c.ghosts(name, "n4", forgotten)) > 0 {
				return false
			}
		}
		return c.equal()
	}
	c.eventually("no node shows n4", gone)
	for name := range c.nodes {
		if s := c.status(name); s.Members != 3 {
			t.Errorf("%s counts %d members", name, s.Members)
		}
	}
	if again, err := c.nodes["n2"].Forget(t.Context(), "n4", true); err != nil || again.Retired || again.Released != 0 || len(again.Replicas) != 0 || len(again.Token) != 0 {
		t.Errorf("forget again, elsewhere: %+v, %v", again, err)
	}

	c.options.Join = nil
	c.start("n4") // from its old directory
	c.meet()
	c.eventually("it goes by a new id", func() bool { return c.nodes["n4"].Replica() != forgotten })
	c.eventually("all are equal, and list it", func() bool {
		_, listed := c.nodes["n3"].Node("n4")
		return c.equal() && listed
	})
	for name := range c.nodes {
		if claims := c.claimsOf(name, node.Filter{Node: "n4"}); len(claims) != 0 {
			t.Errorf("%s shows what was released: %v", name, claims)
		}
		if w := c.status(name).Waiting; len(w) != 0 {
			t.Errorf("on %s records wait: %+v", name, w)
		}
	}
}

func TestNode_Forget_RetiresEveryReplicaOfTheName(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	claim := claimOf("other", "a", "m")
	c.spread("n3", c.write("n3", register(claim, 1)))
	replicas := []crdt.ReplicaID{c.nodes["n3"].Replica()}
	c.dead("n3", "n1", "n2")
	if err := os.RemoveAll(filepath.Join(c.dir, "n3")); err != nil {
		t.Fatal(err)
	}
	c.addresses["n3"] = ""
	c.start("n3") // with nothing
	c.meet()
	c.spread("n3", c.write("n3", register(claim, 1)))
	if replicas = append(replicas, c.nodes["n3"].Replica()); replicas[0] == replicas[1] {
		t.Fatal("a lost directory keeps its id")
	}
	c.eventually("n1 knows n3 as it is", func() bool { r, ok := c.nodes["n1"].Node("n3"); return ok && r.Dot.Replica == replicas[1] })
	c.dead("n3", "n1", "n2")
	c.spreadTo("n1", c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claim}), 2)
	for name := range c.nodes {
		if w := c.status(name).Waiting; len(w) != 2 || w[0].Node != "n3" || w[1].Node != "n3" {
			t.Errorf("on %s these wait: %+v", name, w)
		}
	}
	// n1 remembers whom it has met, also when it was restarted and its log was
	// trimmed.
	c.stop("n1")
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c.options.Retention = compaction.Options{Own: nothing, Other: nothing}
	if done, err := c.start("n1").Compact(t.Context(), false); err != nil || done.After.LogRecords > 0 {
		t.Fatalf("compact leaves %d records: %v", done.After.LogRecords, err)
	}
	c.eventually("n1 sees n2 alive", func() bool { return c.liveness("n1", "n2") == gossip.Alive })
	if m, ok := c.memberOf("n1", "n3"); !ok || m.Liveness == gossip.Alive || m.Replica != replicas[1] {
		t.Errorf("of n3, which it has not met since, it knows %+v", m)
	}
	f, err := c.nodes["n1"].Forget(t.Context(), "n3", false)
	slices.SortFunc(replicas, crdt.ReplicaID.Compare)
	if err != nil || fmt.Sprint(f.Replicas) != fmt.Sprint(replicas) {
		t.Fatalf("forget retires %v, %v; want %v", f.Replicas, err, replicas)
	}
	c.eventually("nothing waits for it anywhere", func() bool {
		return len(c.status("n1").Waiting) == 0 && len(c.status("n2").Waiting) == 0 && c.equal()
	})
}

func TestNode_Forget_Refusals(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	n1 := c.nodes["n1"]
	c.write("n1", register(claimOf("stranger", "a", "m"), 1))
	for _, x := range []struct {
		what    string
		name    string
		release bool
		want    error
	}{
		{"itself", "n1", true, node.ErrSelf},
		{"who is alive", "n2", true, node.ErrAlive},
		{"who never was", "nobody", true, delta.ErrNotFound},
		{"who serves and is no member", "stranger", false, delta.ErrNotFound},
		{"what is no name", "a b", false, delta.ErrInvalid},
	} {
		if f, err := n1.Forget(t.Context(), x.name, x.release); !errors.Is(err, x.want) {
			t.Errorf("forget %s: %+v, %v", x.what, f, err)
		}
	}
	if f, err := n1.Forget(t.Context(), "stranger", true); err != nil || f.Released != 1 || f.Retired {
		t.Errorf("forget a stranger with its claims: %+v, %v", f, err)
	}
	for _, x := range []struct {
		what string
		id   crdt.ReplicaID
		want error
	}{
		{"itself", n1.Replica(), node.ErrSelf},
		{"who is alive", c.nodes["n2"].Replica(), node.ErrAlive},
		{"who never was", crdt.ReplicaID{7}, delta.ErrNotFound},
	} {
		if f, err := n1.ForgetReplica(t.Context(), x.id); !errors.Is(err, x.want) {
			t.Errorf("forget a replica, %s: %+v, %v", x.what, f, err)
		}
	}
}

func TestNode_SetNode_OfItselfStrangersAndMembers(t *testing.T) {
	c := newClusterWith(t, node.Options{Service: "first:1"}, "n1", "n2")
	n1 := c.nodes["n1"]
	set := func(name, service string) crdt.Context {
		t.Helper()
		token, err := n1.SetNode(t.Context(), name, service, map[string]string{"zone": "a"})
		if err != nil {
			t.Fatal(err)
		}
		for replica, sequence := range token {
			c.spread("n1", node.Written{Last: crdt.Dot{Replica: replica, Sequence: sequence}})
		}
		return token
	}
	for name, service := range map[string]string{"n1": "second:1", "outside": "there:1"} {
		if token := set(name, service); len(token) == 0 {
			t.Errorf("%s: it made no event", name)
		}
		if r, ok := c.nodes["n2"].Node(name); !ok || r.Service != service || len(r.Labels) != 1 {
			t.Errorf("n2 knows of %s: %+v", name, r)
		}
		if token := set(name, service); len(token) != 0 {
			t.Errorf("%s: saying the same again made an event", name)
		}
	}
	if _, err := n1.SetNode(t.Context(), "n2", "x", nil); !errors.Is(err, node.ErrAlive) {
		t.Errorf("of a living member: %v", err)
	}
	if _, err := n1.SetNode(t.Context(), "a b", "x", nil); !errors.Is(err, delta.ErrInvalid) {
		t.Errorf("of what is no name: %v", err)
	}
	if _, listed := c.memberOf("n1", "outside"); listed || c.status("n1").Members != 2 {
		t.Error("who serves and is no member is counted for one")
	}
	// The keeper must not put back what the options say.
	n1.Poke()
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	if r, _ := c.nodes["n2"].Node("n1"); r.Service != "second:1" {
		t.Errorf("n1 is said to be at %s", r.Service)
	}
	c.dead("n2", "n1")
	if _, err := n1.SetNode(t.Context(), "n2", "moved:1", nil); err != nil {
		t.Errorf("of a dead member: %v", err)
	}
	if m, ok := c.memberOf("n1", "n2"); !ok || c.status("n1").Members != 2 {
		t.Errorf("it is a member no more: %+v", m)
	}
}
