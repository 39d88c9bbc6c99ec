package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// forgotten are three nodes inside this process, so that the network between
// them can be cut, and n4, a process of its own.
type forgotten struct {
	t       *testing.T
	network *node.Network
	inside  []*demoNode
	n4      *testDaemon
}

func newForgotten(t *testing.T) *forgotten {
	t.Helper()
	f := &forgotten{t: t, network: node.NewNetwork()}
	t.Cleanup(func() {
		for _, d := range f.inside {
			if err := d.stop(); err != nil {
				t.Error(err)
			}
		}
		if f.n4 != nil {
			f.n4.kill()
		}
	})
	var join []string
	for _, name := range []string{"n1", "n2", "n3"} {
		n, err := node.Open(t.Context(), node.Options{
			DataDir: filepath.Join(t.TempDir(), name), Cluster: clusterOf(t), Node: name, Gossip: "127.0.0.1:0", Join: join, Faults: f.network,
		})
		if err != nil {
			t.Fatal(err)
		}
		d := &demoNode{name: name, node: n}
		f.inside = append(f.inside, d)
		if err := d.serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		join = []string{f.inside[0].node.GossipAddr()}
	}
	f.n4 = &testDaemon{t: t, name: "n4", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0", join: join[0]}
	f.n4.start()
	return f
}

// command runs ssnode against one of the nodes and requires an exit code.
func (f *forgotten) command(at *demoNode, code int, args ...string) string {
	f.t.Helper()
	out, err := exec.Command("ssnode", append(args, "--addr", at.client.Address())...).CombinedOutput()
	var ended *exec.ExitError
	got := 0
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		f.t.Fatal(err)
	}
	if got != code {
		f.t.Fatalf("%v on %s ends with %d, want %d: %s", args, at.name, got, code, out)
	}
	return string(out)
}

func (f *forgotten) until(what string, isSo func() bool) {
	f.t.Helper()
	if err := eventually(f.t.Context(), what, func() (bool, error) { return isSo(), nil }); err != nil {
		f.t.Fatal(err)
	}
}

// liveness returns what a node believes of n4, "" if it does not list it.
func (f *forgotten) liveness(at *client.Client) wire.Liveness {
	f.t.Helper()
	members, err := at.Members(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, m := range members.Members {
		if m.Node == "n4" {
			return m.Liveness
		}
	}
	return ""
}

// claims returns how many claims of n4 a node shows.
func (f *forgotten) claims(at *client.Client) int {
	f.t.Helper()
	claims, err := at.Claims(f.t.Context(), client.Query{AllKeyspaces: true, Node: "n4"})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(claims.Claims)
}

// ghosts returns what a node still shows of n4.
func (f *forgotten) ghosts(at *client.Client) []string {
	f.t.Helper()
	var found []string
	if l := f.liveness(at); l != "" {
		found = append(found, "a member that is "+string(l))
	}
	nodes, err := at.Nodes(f.t.Context(), client.Query{})
	if err != nil {
		f.t.Fatal(err)
	}
	if slices.ContainsFunc(nodes.Nodes, func(n wire.Node) bool { return n.Node == "n4" }) {
		found = append(found, "a node")
	}
	if n := f.claims(at); n > 0 {
		found = append(found, fmt.Sprintf("%d claims", n))
	}
	status, err := at.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if status.WaitingRecords > 0 || status.Members != 3 {
		found = append(found, fmt.Sprintf("%d members, %d records that wait: %v", status.Members, status.WaitingRecords, status.Waiting))
	}
	return found
}

// TestForget_WhileAnotherIsPartitionedAway_LeavesNoGhost is the promise of
// forget: the dead node is gone everywhere, also where nobody could be told of
// it, and its return brings back nothing that was released.
func TestForget_WhileAnotherIsPartitionedAway_LeavesNoGhost(t *testing.T) {
	f := newForgotten(t)
	n1, n2, n3 := f.inside[0], f.inside[1], f.inside[2]
	for _, d := range f.inside {
		f.until(d.name+" sees n4", func() bool { return f.liveness(d.client) == wire.LivenessAlive })
	}
	f.command(n1, 0, "register", "--node", "n4", "--from", "a", "--to", "m", "--priority", "5", "--wait", "all")
	f.command(n2, 0, "increase", "--node", "n4", "--from", "a", "--to", "m", "--by", "2", "--wait", "all")
	if _, err := f.n4.client.Write(t.Context(), []wire.Operation{{Op: wire.OpRegister, Bounds: wire.Bounds{From: "m"}}}, client.WriteOptions{Wait: wire.MemberCount{All: true}}); err != nil {
		t.Fatal(err)
	}
	if text := f.command(n1, wire.ExitFailure, "forget", "n4", "--release"); !strings.Contains(text, "living member") || f.claims(n1.client) != 2 {
		t.Fatalf("while it is alive: %s", text)
	}
	before, err := f.n4.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	f.n4.kill()
	f.network.Split([]string{"n3"}, []string{"n1", "n2"})
	f.until("n1 and n2 find n4 dead", func() bool {
		return f.liveness(n1.client) == wire.LivenessDead && f.liveness(n2.client) == wire.LivenessDead
	})
	f.command(n1, 0, "forget", "n4", "--release")
	f.until("n2 is rid of it", func() bool { return len(f.ghosts(n2.client)) == 0 })
	f.command(n3, 0, "register", "--node", "n3", "--from", "x", "--to", "y")
	if f.liveness(n3.client) == "" || f.claims(n3.client) != 2 {
		t.Fatal("n3 was told though it was cut off")
	}
	f.network.HealAll()
	for _, d := range f.inside {
		f.until(d.name+" is rid of it", func() bool { return len(f.ghosts(d.client)) == 0 })
	}

	f.n4.start() // from its old directory
	f.until("n4 goes by a new id", func() bool {
		status, err := f.n4.client.Status(t.Context())
		return err == nil && status.Replica != before.Replica
	})
	all := []*testDaemon{f.n4}
	for _, d := range f.inside {
		all = append(all, &testDaemon{t: t, name: d.name, client: d.client})
	}
	requireEqual(t, all)
	for _, d := range all {
		f.until(d.name+" lists it again", func() bool { return f.liveness(d.client) == wire.LivenessAlive })
		if n := f.claims(d.client); n != 0 {
			t.Errorf("%s shows %d claims that were released", d.name, n)
		}
		if status, err := d.client.Status(t.Context()); err != nil || status.WaitingRecords != 0 || status.Members != 4 {
			t.Errorf("%s: %+v, %v", d.name, status, err)
		}
	}
}
