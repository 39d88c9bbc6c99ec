package node_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"go.uber.org/goleak"
)

// testsAtOnce is how many tests run at a time: most of their time they wait for
// members to be found alive or dead.
const testsAtOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", testsAtOnce); err != nil {
		panic(err)
	}
	code := m.Run()
	// memberlist lets a probe that was under way at the end run out: two
	// seconds at most.
	for deadline := time.Now().Add(10 * time.Second); code == 0 && time.Now().Before(deadline); {
		if goleak.Find() == nil {
			os.Exit(0)
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// cluster is several nodes of one process, on loopback.
type cluster struct {
	t       *testing.T
	dir     string
	network *node.Network
	nodes   map[string]*node.Node
	seed    string
	// addresses are where nodes gossip, so that they come back there.
	addresses map[string]string
	// options are those of every node started from now on.
	options node.Options
	logs    map[string]logbook
}

func newCluster(t *testing.T, names ...string) *cluster {
	t.Helper()
	return newClusterWith(t, node.Options{}, names...)
}

func newClusterWith(t *testing.T, o node.Options, names ...string) *cluster {
	t.Helper()
	t.Parallel() // what takes time is to wait
	c := &cluster{t: t, dir: t.TempDir(), options: o, network: node.NewNetwork(), nodes: map[string]*node.Node{}, addresses: map[string]string{}, logs: map[string]logbook{}}
	t.Cleanup(func() {
		for name := range c.nodes {
			c.stop(name)
		}
	})
	for _, name := range names {
		c.start(name)
	}
	c.meet()
	return c
}

// meet waits until all see all alive.
func (c *cluster) meet() {
	c.t.Helper()
	c.eventually("all members are alive everywhere", func() bool {
		for _, n := range c.nodes {
			if !allAlive(n, len(c.nodes)) {
				return false
			}
		}
		return true
	})
}

func allAlive(n *node.Node, want int) bool {
	alive := 0
	for _, m := range n.Members() {
		if m.Liveness == gossip.Alive {
			alive++
		}
	}
	return alive == want
}

func (c *cluster) start(name string) *node.Node {
	c.t.Helper()
	o := c.options
	// Tests share the ports of loopback: a cluster of its own keeps a node from
	// taking that of another test, at an address it remembers, for its own.
	o.Cluster = c.t.Name()
	o.DataDir, o.Node, o.Gossip, o.Faults = filepath.Join(c.dir, name), name, cmp.Or(c.addresses[name], "127.0.0.1:0"), c.network
	if c.seed != "" && o.Join == nil {
		o.Join = []string{c.seed}
	}
	if _, ok := c.logs[name]; !ok {
		c.logs[name] = newLogbook()
	}
	o.Logger = slog.New(c.logs[name])
	n, err := node.Open(context.Background(), o)
	for deadline := time.Now().Add(10 * time.Second); errors.Is(err, gossip.ErrListen) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // some connection has this port, for a moment
		n, err = node.Open(context.Background(), o)
	}
	if err != nil {
		c.t.Fatalf("open %s: %v", name, err)
	}
	if c.seed == "" {
		c.seed = n.GossipAddr()
	}
	c.nodes[name], c.addresses[name] = n, n.GossipAddr()
	return n
}

func (c *cluster) stop(name string) {
	if err := c.nodes[name].Close(); err != nil {
		c.t.Errorf("close %s: %v", name, err)
	}
	delete(c.nodes, name)
}

// eventually waits for what real sockets and disks bring about.
func (c *cluster) eventually(what string, isSo func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !isSo() {
		if time.Now().After(deadline) {
			for name, n := range c.nodes {
				s, err := n.Status()
				c.t.Logf("%s: %+v %v members %+v", name, s, err, n.Members())
				c.t.Logf("%s says: %s", name, strings.Join(c.logs[name].above(), "\n"))
			}
			c.t.Fatalf("it did not come about that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *cluster) write(at string, operations ...delta.Operation) node.Written {
	c.t.Helper()
	w, err := c.nodes[at].Write(context.Background(), operations)
	if err != nil {
		c.t.Fatalf("write on %s: %v", at, err)
	}
	return w
}

// priority returns what a node shows for a claim, 0 if nothing.
func (c *cluster) priority(at string, claim ranges.Claim) int64 {
	c.t.Helper()
	claims, _, err := c.nodes[at].Claims(node.Filter{Keyspace: claim.Keyspace, Node: claim.Node})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, w := range claims {
		if w.Claim == claim {
			return w.Priority
		}
	}
	return 0
}

func (c *cluster) equal() bool {
	var first *node.Status
	for _, n := range c.nodes {
		s, err := n.Status()
		if err != nil {
			c.t.Fatal(err)
		}
		if first == nil {
			first = &s
		}
		if s.Fingerprint != first.Fingerprint || !s.Context.Equal(first.Context) {
			return false
		}
	}
	return true
}

func claimOf(name, from, to string) ranges.Claim {
	return ranges.Claim{Keyspace: "default", Node: name, Range: ranges.Range{From: from, To: ranges.Before(to)}}
}

func keyspaceOf(keyspace string, c ranges.Claim) ranges.Claim {
	c.Keyspace = keyspace
	return c
}

func register(claim ranges.Claim, priority int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbRegister, Claim: claim, Amount: priority}
}

func TestNode_Write_IsSeenEverywhere(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	claim := claimOf("n1", "a", "m")
	w := c.write("n2", register(claim, 7))
	got, err := c.nodes["n2"].Await(t.Context(), w.Token(), node.Members{All: true})
	if err != nil || fmt.Sprint(got) != "{[n1 n2 n3] []}" {
		t.Fatalf("await: %v, %v", got, err)
	}
	for name, n := range c.nodes {
		if servers := n.Lookup("default", "foo").Servers; fmt.Sprint(servers) != "[{n1 7}]" {
			t.Errorf("%s answers %v", name, servers)
		}
	}
	c.eventually("all are equal", c.equal)
}

func TestNode_Release_ConcurrentWithIncreaseOverACut(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	claim := claimOf("n1", "a", "m")
	c.write("n1", register(claim, 10))
	c.eventually("n2 and n3 see the claim", func() bool { return c.priority("n2", claim) == 10 && c.priority("n3", claim) == 10 })
	c.network.Split([]string{"n1"}, []string{"n2", "n3"})
	c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claim})
	c.write("n2", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 3})
	c.eventually("n3 sees the increase", func() bool { return c.priority("n3", claim) == 13 })
	if got := c.priority("n1", claim); got != 0 {
		t.Fatalf("n1 shows %d after its release", got)
	}
	c.network.HealAll()
	c.eventually("all show 3", func() bool {
		return c.priority("n1", claim) == 3 && c.priority("n2", claim) == 3 && c.priority("n3", claim) == 3
	})
	c.eventually("all are equal", c.equal)
}

func TestNode_Open_AfterRestartKnowsWhatItMissed(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	before := claimOf("n2", "a", "m")
	c.write("n2", register(before, 5))
	c.stop("n2")
	missed := claimOf("n1", "m", "z")
	c.write("n1", register(missed, 6))
	n2 := c.start("n2")
	if got := n2.Lookup("default", "b").Servers; fmt.Sprint(got) != "[{n2 5}]" {
		t.Fatalf("n2 answers %v from its disk", got)
	}
	c.eventually("n2 knows what it missed", func() bool { return c.priority("n2", missed) == 6 })
	c.eventually("both are equal", c.equal)
}

func TestNode_Compact_TrimmedHistoryIsRepairedByRange(t *testing.T) {
	c := newCluster(t)
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c.options.Retention = compaction.Options{Own: nothing, Other: nothing}
	n1 := c.start("n1")
	for i := range 300 {
		c.write("n1", register(claimOf("other", fmt.Sprintf("%03d", i), fmt.Sprintf("%03d~", i)), int64(i+1)))
	}
	done, err := n1.Compact(t.Context(), false)
	if err != nil || done.After.LogRecords > 1 {
		t.Fatalf("compact leaves %d records: %v", done.After.LogRecords, err)
	}
	c.options.Claims = []ranges.Weighted{{Claim: claimOf("n2", "100", "110"), Priority: 1}}
	n2 := c.start("n2")
	c.eventually("n2 has everything", c.equal)
	if !c.logs["n2"].has("session begun", "takes part") {
		t.Errorf("it did not begin with what it takes part in: %q", c.logs["n2"].all)
	}
	history, err := n2.History(node.Filter{Keyspace: "default"}, 0)
	if err != nil || history.Complete {
		t.Fatalf("the history of what came by range repair passes for complete: %+v, %v", history, err)
	}
}
