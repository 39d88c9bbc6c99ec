package node_test

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// twins are two processes on copies of a stopped node's directory.
type twins [2]*node.Node

// left returns those that go on.
func (w twins) left() []*node.Node {
	return slices.DeleteFunc(w[:], func(n *node.Node) bool { return n.Err() != nil })
}

// startTwins starts two processes on copies of a stopped node's directory, at
// two addresses, at once.
func (c *cluster) startTwins(name string, at [2]string, join [2][]string) (out twins) {
	c.t.Helper()
	for i := range out {
		dir, log := filepath.Join(c.t.TempDir(), name), newLogbook()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(c.dir, name))); err != nil {
			c.t.Fatal(err)
		}
		o := c.options
		o.DataDir, o.Node, o.Cluster, o.Gossip, o.Join, o.Logger = dir, name, c.t.Name(), at[i], join[i], slog.New(log)
		n, err := node.Open(c.t.Context(), o)
		if err != nil {
			c.t.Fatal(err)
		}
		out[i] = n
		c.t.Cleanup(func() {
			_ = n.Close() // one has ended by itself
			if c.t.Failed() {
				c.t.Logf("copy %d at %s says %q", i, at[i], log.above())
			}
		})
	}
	return out
}

// free returns an address on loopback that nobody listens at.
func (c *cluster) free() string {
	c.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestNode_Open_OneOfTwoCopiesStays: of two processes that start on copies of
// one directory at once exactly one goes on, whoever they join, and is answered.
func TestNode_Open_OneOfTwoCopiesStays(t *testing.T) {
	for _, kind := range []string{"join a third", "join each other", "join each other and a third", "one is where the original was"} {
		t.Run(kind, func(t *testing.T) {
			c := newClusterWith(t, node.Options{IdentityWait: time.Second}, "n2", "n1")
			c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
			c.stop("n1")
			at, third := [2]string{c.free(), c.free()}, c.nodes["n2"].GossipAddr()
			join := [2][]string{{third}, {third}}
			switch kind {
			case "join each other": // and n2, which they remember
				join = [2][]string{{at[1]}, {at[0]}}
			case "join each other and a third":
				join = [2][]string{{at[1], third}, {at[0], third}}
			case "one is where the original was":
				at[1] = c.addresses["n1"]
			}
			both := c.startTwins("n1", at, join)
			lists := func(n *node.Node) bool {
				return slices.ContainsFunc(c.nodes["n2"].Members(), func(m node.Member) bool {
					return m.Name == "n1" && m.Gossip == n.GossipAddr() && m.Liveness == gossip.Alive
				})
			}
			var written []ranges.Claim
			for i, n := range both {
				claim := claimOf("n1", fmt.Sprint("e", i), fmt.Sprint("f", i))
				if _, err := n.Write(t.Context(), []delta.Operation{register(claim, 1)}); err == nil {
					written = append(written, claim)
				}
			}
			c.eventually("one is left, or none", func() bool { left := both.left(); return len(left) == 0 || len(left) == 1 && lists(left[0]) })
			time.Sleep(3 * time.Second) // in which it might end, too
			left := both.left()
			if len(left) != 1 {
				t.Fatalf("%d are left: %v, %v", len(left), both[0].Err(), both[1].Err())
			}
			c.nodes["n1"] = left[0]
			c.spread("n1", c.write("n1", register(claimOf("n1", "c", "d"), 1)))
			c.eventually("what either has acknowledged is there", func() bool { return c.showAll(written, left[0], c.nodes["n2"]) })
		})
	}
}

// TestNode_Conflict_EndsOnlyIfToldAgain: what a rival said once may be over, so
// a node that has lost its name to somebody who does not answer goes on.
func TestNode_Conflict_EndsOnlyIfToldAgain(t *testing.T) {
	c := newClusterWith(t, node.Options{Join: []string{}}, "n1")
	n := c.nodes["n1"]
	lost := gossip.Conflict{Name: "n1", Rival: gossip.Meta{Start: gossip.StartID{Counter: 7, Nonce: 7}}, Gossip: c.free(), Lost: true}
	n.Conflict(lost)
	n.Conflict(lost)
	time.Sleep(2 * node.ConfirmTime)
	if err := n.Err(); err != nil {
		t.Fatalf("it ended without an answer: %v", err)
	}
	n.Conflict(lost)
	c.eventually("it ends", func() bool { return n.Err() != nil })
}

// TestNode_Bequeath_IsOnDiskBeforeTheCopyEnds: the original was restarted alone
// and has written nothing, so that nobody confirms its id. What the copy wrote,
// up to its end, is on its disk when the copy has ended.
func TestNode_Bequeath_IsOnDiskBeforeTheCopyEnds(t *testing.T) {
	c := newClusterWith(t, node.Options{Join: []string{}}, "n1")
	c.write("n1", register(claimOf("n1", "a", "b"), 1))
	c.stop("n1")
	dir, log := filepath.Join(t.TempDir(), "copy"), newLogbook()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(c.dir, "n1"))); err != nil {
		t.Fatal(err)
	}
	original := c.start("n1")
	o := c.options
	o.DataDir, o.Node, o.Cluster, o.Gossip, o.Logger = dir, "n1", t.Name(), "127.0.0.1:0", slog.New(log)
	second, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	var written []ranges.Claim
	write := func() bool {
		claim := claimOf("n1", fmt.Sprintf("k%05d", len(written)), fmt.Sprintf("k%05d~", len(written)))
		_, err := second.Write(t.Context(), []delta.Operation{register(claim, 1)})
		if err == nil {
			written = append(written, claim)
		}
		return err == nil
	}
	for range 20 {
		write()
	}
	_, _ = second.Join(t.Context(), []string{original.GossipAddr()}) // is refused
	for deadline := time.Now().Add(30 * time.Second); write() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-second.Done():
	case <-time.After(30 * time.Second):
		t.Fatalf("the copy does not end; it says %q", log.above())
	}
	c.stop("n1")
	if !c.showAll(written, c.start("n1")) {
		t.Errorf("of %d claims that the copy has acknowledged some are gone; it says %q", len(written), log.above())
	}
}
