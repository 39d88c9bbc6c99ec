package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// never is longer than any test.
const never = time.Hour

// copyOf copies the data directory of a stopped node.
func (c *cluster) copyOf(name string) (from string) {
	c.t.Helper()
	to := filepath.Join(c.dir, fmt.Sprintf("%s-copy", name))
	if err := os.CopyFS(to, os.DirFS(filepath.Join(c.dir, name))); err != nil {
		c.t.Fatal(err)
	}
	return to
}

// rollBack puts a copy in place of the data directory of a stopped node.
func (c *cluster) rollBack(name, to string) {
	c.t.Helper()
	dir := filepath.Join(c.dir, name)
	if err := os.RemoveAll(dir); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(to, dir); err != nil {
		c.t.Fatal(err)
	}
}

// events returns what the log of a node says that each dot was.
func (c *cluster) events(at string) map[string]string {
	c.t.Helper()
	h, err := c.nodes[at].History(node.Filter{}, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range h.Events {
		out[e.Dot.String()] = fmt.Sprintf("%+v", e.Event)
	}
	return out
}

// sameEvents fails if two nodes know different events by one dot.
func (c *cluster) sameEvents(a, b string) {
	c.t.Helper()
	others := c.events(b)
	for dot, event := range c.events(a) {
		if other, ok := others[dot]; ok && other != event {
			c.t.Errorf("dot %s is %s on %s and %s on %s", dot, event, a, other, b)
		}
	}
}

// spread waits until all members have on disk what a write did.
func (c *cluster) spread(at string, w node.Written) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if got, err := c.nodes[at].Await(ctx, w.Token(), node.Members{All: true}); err != nil || len(got.Missing) > 0 {
		c.t.Fatalf("await: %+v, %v", got, err)
	}
}

func TestNode_Open_RolledBackDirectoryReusesNoNumber(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	kept, lost, new := claimOf("n1", "a", "b"), claimOf("n1", "b", "c"), claimOf("n1", "c", "d")
	c.spread("n1", c.write("n1", register(kept, 1)))
	former := c.nodes["n1"].Replica()
	c.stop("n1")
	old := c.copyOf("n1")

	c.start("n1")
	c.meet()
	c.spread("n1", c.write("n1", register(lost, 2), delta.Operation{Verb: delta.VerbIncrease, Claim: kept, Amount: 4}))
	c.stop("n1")

	c.rollBack("n1", old)
	// As long as its former life is listed it may be taken for a second process.
	c.eventually("n2 finds n1 dead", func() bool { return c.nodes["n2"].Members()[0].Liveness == gossip.Dead })
	c.addresses["n1"] = "" // elsewhere, so that it has something to say at once
	c.start("n1")
	c.write("n1", register(new, 3)) // likewise
	c.meet()
	c.eventually("both are equal", c.equal)
	for _, name := range []string{"n1", "n2"} {
		if got := []int64{c.priority(name, kept), c.priority(name, lost), c.priority(name, new)}; fmt.Sprint(got) != "[5 2 3]" {
			t.Errorf("%s shows %v", name, got)
		}
	}
	c.sameEvents("n1", "n2")
	if c.nodes["n1"].Replica() == former {
		t.Error("it goes on under the id whose numbers it has forgotten")
	}
	log := c.logs["n1"] // of what tells it first, the lost events or the start
	if !log.has("WARN", "rolled back", former.String(), c.nodes["n1"].Replica().String()) && !log.has("WARN", "older copy", former.String(), c.nodes["n1"].Replica().String()) {
		t.Errorf("the log does not say what happened: %q", c.logs["n1"].above())
	}
	for name, log := range c.logs {
		if log.has("diverged") {
			t.Errorf("%s took it for corruption: %q", name, log.above())
		}
	}
	if s, _ := c.nodes["n1"].Status(); s.Identity != "confirmed" {
		t.Errorf("the identity is %s", s.Identity)
	}
}

func TestNode_Write_RolledBackAndCutOffGoesUnderNewID(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: 50 * time.Millisecond}, "n1", "n2")
	lost, new := claimOf("n1", "b", "c"), claimOf("n1", "c", "d")
	former := c.nodes["n1"].Replica()
	c.stop("n1")
	old := c.copyOf("n1")
	c.start("n1")
	c.meet()
	c.eventually("n2 confirms who n1 is", func() bool { s, _ := c.nodes["n1"].Status(); return s.Identity == "confirmed" })
	c.spread("n1", c.write("n1", register(lost, 2)))
	c.stop("n1")

	c.rollBack("n1", old)
	c.network.Cut("n1", "n2")
	c.start("n1")
	if got := c.nodes["n1"].Replica(); got != former {
		t.Errorf("a restart alone changed the id to %s", got)
	}
	c.write("n1", register(new, 3))
	if c.nodes["n1"].Replica() == former {
		t.Error("it numbers events under an id that nobody could confirm")
	}
	c.network.HealAll()
	c.meet()
	c.eventually("both are equal", c.equal)
	c.sameEvents("n1", "n2")
	if got := []int64{c.priority("n1", lost), c.priority("n2", new)}; fmt.Sprint(got) != "[2 3]" {
		t.Errorf("after healing %v", got)
	}
}

func TestNode_Write_RestartedKeepsItsID(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	former := c.nodes["n1"].Replica()
	c.stop("n1")
	c.start("n1")
	c.spread("n1", c.write("n1", register(claimOf("n1", "b", "c"), 1)))
	if got := c.nodes["n1"].Replica(); got != former {
		t.Errorf("it went on as %s", got)
	}
	c.eventually("both are equal", c.equal)
}

func TestNode_Open_BothRestartedLearnThatTheyAgree(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	c.eventually("both are equal", c.equal)
	c.stop("n1")
	c.stop("n2")
	c.start("n1")
	c.start("n2")
	c.eventually("both are confirmed and in sync, having nothing to say", func() bool {
		for _, n := range c.nodes {
			s, _ := n.Status()
			if s.Identity != "confirmed" || len(n.Members()) != 2 || !n.Members()[0].InSync || !n.Members()[1].InSync {
				return false
			}
		}
		return true
	})
}

// TestNode_Write_NobodyToAskWaitsForNobody: whoever knows nobody cannot be sure
// that nobody knows it, so a restart writes under a new id; and at once.
func TestNode_Write_NobodyToAskWaitsForNobody(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never, Join: []string{}}, "n1")
	id := c.nodes["n1"].Replica()
	for _, join := range [][]string{{}, {"127.0.0.1:1"}} {
		c.stop("n1")
		c.options.Join = join
		c.start("n1")
		if s, _ := c.nodes["n1"].Status(); s.Identity != "confirmed" || c.nodes["n1"].Replica() != id {
			t.Errorf("a restart alone: %s, %s after %s", s.Identity, c.nodes["n1"].Replica(), id)
		}
		c.write("n1", register(claimOf("n1", "a", "b"), 1)) // would wait
		if got := c.nodes["n1"].Replica(); got == id {
			t.Error("it goes on under an id that others may have seen more of")
		} else {
			id = got
		}
	}
	c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claimOf("n1", "a", "b")})
	if s, _ := c.nodes["n1"].Status(); len(s.Waiting) > 0 || s.Claims != 0 {
		t.Errorf("%d claims, and records wait for %v", s.Claims, s.Waiting)
	}
	c.start("n2")
	c.write("n2", register(claimOf("n2", "b", "c"), 1)) // is new
}

func TestNode_Write_WaitForIdentityEndsWithContextAndClose(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	c.eventually("n1 has remembered n2", func() bool { r, err := c.nodes["n1"].Remembered(); return err == nil && len(r) == 1 })
	c.stop("n1")
	c.stop("n2")
	n1 := c.start("n1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := n1.Write(ctx, []delta.Operation{register(claimOf("n1", "a", "b"), 1)}); err != context.DeadlineExceeded {
		t.Errorf("it returned %v", err)
	}
	if s, _ := n1.Status(); s.Identity != "unconfirmed" {
		t.Errorf("the identity is %s", s.Identity)
	}
	written := make(chan error)
	go func() {
		_, err := n1.Write(context.Background(), []delta.Operation{register(claimOf("n1", "a", "b"), 1)})
		written <- err
	}()
	c.stop("n1")
	if err := <-written; err != node.ErrClosed {
		t.Errorf("a write that waited for the identity returned %v", err)
	}
}

func TestNode_Open_ForgottenReplicaGoesOnUnderNewID(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	claim := claimOf("n1", "a", "m")
	c.spread("n1", c.write("n1", register(claim, 5)))
	forgotten := c.nodes["n1"].Replica()
	c.stop("n1")
	c.eventually("n2 finds n1 dead", func() bool { return c.nodes["n2"].Members()[0].Liveness == gossip.Dead })
	if f, err := c.nodes["n2"].ForgetReplica(t.Context(), forgotten); err != nil || len(f.Replicas) != 1 {
		t.Fatal(f, err)
	}
	c.start("n1")
	c.eventually("n1 has a new id", func() bool { return c.nodes["n1"].Replica() != forgotten })
	c.spread("n1", c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1}))
	c.eventually("both are equal", c.equal)
	if got := c.priority("n2", claim); got != 6 {
		t.Errorf("n2 shows %d", got)
	}
	if !c.logs["n1"].has("WARN", "told to forget", forgotten.String()) {
		t.Errorf("the log does not say why: %q", c.logs["n1"].above())
	}
	c.eventually("n2 lists n1 by its new id", func() bool {
		return c.nodes["n2"].Members()[0].Replica == c.nodes["n1"].Replica()
	})
}

func TestNode_Open_NameTakenEndsTheNewcomer(t *testing.T) {
	c := newCluster(t, "n1")
	first, claim := c.nodes["n1"], claimOf("n1", "a", "b")
	c.write("n1", register(claim, 7))
	log := newLogbook()
	second, err := node.Open(t.Context(), node.Options{
		DataDir: t.TempDir(), Node: "n1", Cluster: t.Name(), Gossip: "127.0.0.1:0", Join: []string{first.GossipAddr()}, Logger: slog.New(log),
		Claims: []ranges.Weighted{{Claim: claim, Priority: 1}}, ReleaseOnExit: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("both live on")
	}
	if err := second.Err(); !errors.Is(err, node.ErrNameTaken) || !log.has("ERROR", "n1", first.GossipAddr(), "another name") {
		t.Errorf("it ended with %v, and says %q", err, log.above())
	}
	if err := second.Close(); err != nil {
		t.Errorf("close after the end: %v", err)
	}
	if _, err := second.Write(t.Context(), nil); err != node.ErrClosed {
		t.Errorf("a write after the end returns %v", err)
	}
	if first.Err() != nil || c.priority("n1", claim) != 7 {
		t.Error("the first one suffered")
	}
	if ms := first.Members(); len(ms) != 1 || ms[0].Liveness != gossip.Alive {
		t.Errorf("its members are %+v", ms)
	}
}

// TestNode_Open_OlderCopyIsKnownByItsStart: a directory was copied back with
// events that no other has, so that no context tells. The start that another
// remembers does, also after a restart of his own.
func TestNode_Open_OlderCopyIsKnownByItsStart(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n1", "n2")
	lost, new := claimOf("n1", "b", "c"), claimOf("n1", "c", "d")
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	c.stop("n1")
	old := c.copyOf("n1")
	c.start("n1")
	c.meet()
	c.eventually("n2 was told of the start", func() bool { return c.nodes["n2"].StartSeen("n1") == 2 })
	c.eventually("n2 confirms who n1 is", func() bool { s, _ := c.nodes["n1"].Status(); return s.Identity == "confirmed" })
	c.eventually("both are equal", c.equal)
	c.network.Cut("n1", "n2")
	c.write("n1", register(lost, 2))
	former := c.nodes["n1"].Replica()
	c.stop("n1")
	c.stop("n2")

	c.rollBack("n1", old)
	c.network.HealAll()
	c.start("n2")
	c.start("n1")
	c.write("n1", register(new, 3))
	if got := c.nodes["n1"].Replica(); got == former {
		t.Error("it numbers events under the id whose numbers it has forgotten")
	}
	if !c.logs["n1"].has("WARN", "goes on under a new id", "older copy", former.String()) {
		t.Errorf("the log does not say why: %q", c.logs["n1"].above())
	}
	if s, _ := c.nodes["n1"].Status(); !strings.Contains(s.Rival, "older copy") || !strings.Contains(s.Rival, "(last heard of at 20") {
		t.Errorf("its status says %q", s.Rival)
	}
	c.meet()
	c.eventually("both are equal", c.equal)
}

// TestNode_Fork_KeepsWhatBothWrote: a copy of a directory is started beside the
// only member that it knows, and out of reach of the original. Both number
// events alike. When the partition ends one of them gives way, and what either
// wrote is on all that are left.
func TestNode_Fork_KeepsWhatBothWrote(t *testing.T) {
	t.Run("beside a third", func(t *testing.T) { testFork(t, true) })
	t.Run("alone", func(t *testing.T) { testFork(t, false) })
}

// testFork has the original run alone, or beside a third member.
func testFork(t *testing.T, third bool) {
	// Each is confirmed in a moment, by all that it knows. Who gave up earlier, on a busy
	// machine, would go by another id, and nothing be forked.
	c := newClusterWith(t, node.Options{IdentityWait: never}, "n2", "n1")
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	c.spread("n2", c.write("n2", register(claimOf("n2", "a", "b"), 1)))
	c.stop("n1")
	copied := c.copyOf("n1")
	c.start("n1")
	c.meet()
	c.eventually("n2 confirms who n1 is", func() bool { s, _ := c.nodes["n1"].Status(); return s.Identity == "confirmed" })
	c.stop("n2")
	// n2 and the copy are on a network of their own, whose addresses have no
	// name on the other.
	c.network.Split([]string{"n1", "n3"}, []string{"n2", ""})
	c.options.Join = []string{c.nodes["n1"].GossipAddr()}
	if third {
		c.start("n3")
	}

	other := &cluster{t: t, dir: t.TempDir(), options: c.options, network: node.NewNetwork(), nodes: map[string]*node.Node{}, addresses: map[string]string{}, logs: map[string]logbook{}}
	t.Cleanup(func() {
		for _, n := range other.nodes {
			_ = n.Close() // the copy ends by itself
		}
	})
	for _, name := range []string{"n1", "n2"} {
		other.network.Cut(name, "")
	}
	other.options.Join = nil
	other.addresses["n2"] = c.addresses["n2"]
	for name, from := range map[string]string{"n1": copied, "n2": filepath.Join(c.dir, "n2")} {
		if err := os.Rename(from, filepath.Join(other.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	other.start("n2")
	other.start("n1")
	other.meet()
	c.eventually("n2 confirms who the copy is", func() bool { s, _ := other.nodes["n1"].Status(); return s.Identity == "confirmed" })
	former := c.nodes["n1"].Replica()
	if got := other.nodes["n1"].Replica(); got != former {
		t.Fatalf("the copy goes by %s, not %s, so nothing is forked: %q", got, former, other.logs["n1"].above())
	}
	here, onCopy := []ranges.Claim{claimOf("n1", "b", "c"), claimOf("n1", "c", "d")}, []ranges.Claim{claimOf("n1", "d", "e"), claimOf("n1", "e", "f")}
	for i := range here {
		c.write("n1", register(here[i], 2))
		other.write("n1", register(onCopy[i], 3))
	}
	c.eventually("n3, if any, has what was written on the original", c.equal)
	c.eventually("n2 has what was written on the copy", other.equal)

	c.network.HealAll()
	other.network.HealAll()
	from := c.nodes["n1"]
	if third {
		from = c.nodes["n3"]
	}
	_, _ = from.Join(t.Context(), []string{other.nodes["n2"].GossipAddr()}) // may be refused for its name
	both := []*node.Node{c.nodes["n1"], other.nodes["n1"]}
	copy, n2 := both[1], other.nodes["n2"]
	remaining := []*node.Node{n2}
	if third {
		remaining = append(remaining, c.nodes["n3"])
	}
	delete(other.nodes, "n1") // each may end by itself
	delete(c.nodes, "n1")
	t.Cleanup(func() { _, _ = both[0].Close(), copy.Close() })

	// How long it takes depends on when members exchange their lists: a quarter
	// of a minute, as a rule.
	deadline := time.Now().Add(90 * time.Second)
	for !c.showAll(append(here, onCopy...), remaining...) {
		if time.Now().After(deadline) {
			t.Fatalf("n2 has %v\nthe original says %q\nthe copy says %q", n2.Token(), c.logs["n1"].above(), other.logs["n1"].above())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if both[0].Replica() == former && copy.Replica() == former {
		t.Errorf("both still go by %s", former)
	}
	for _, n := range both {
		if err := n.Err(); err != nil && !errors.Is(err, node.ErrNameTaken) {
			t.Errorf("one ends with: %v", err)
		}
	}
}

// showAll reports whether nodes have the same, all claims included.
func (c *cluster) showAll(claims []ranges.Claim, nodes ...*node.Node) bool {
	c.t.Helper()
	var fingerprints []delta.Fingerprint
	for _, n := range nodes {
		s, err := n.Status()
		if err != nil {
			c.t.Fatal(err)
		}
		fingerprints = append(fingerprints, s.Fingerprint)
		visible, _, err := n.Claims(node.Filter{})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, claim := range claims {
			if !slices.ContainsFunc(visible, func(w ranges.Weighted) bool { return w.Claim == claim }) {
				return false
			}
		}
	}
	return len(slices.Compact(fingerprints)) == 1
}
