package node_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

func TestNode_Join_SaysWhyNobodyWasMet(t *testing.T) {
	c := newCluster(t, "n1")
	log := newLogbook()
	stranger, err := node.Open(t.Context(), node.Options{
		DataDir: t.TempDir(), Node: "n9", Cluster: "another", Gossip: "127.0.0.1:0", Join: []string{}, Logger: slog.New(log),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	newer, err := gossip.Start(gossip.Options{
		Name: "n8", Cluster: t.Name(), Bind: "127.0.0.1:0", Versions: gossip.Versions{Min: 200, Max: 201},
		Meta: gossip.Meta{Replica: crdt.ReplicaID{8}, Start: gossip.StartID{Counter: 1, Nonce: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	for _, x := range []struct {
		what, address string
		kind          error
		words         []string
	}{
		{"another cluster", stranger.GossipAddr(), node.ErrForeign, []string{`"another"`, t.Name(), "--cluster"}},
		{"another version", newer.Addr(), node.ErrForeign, []string{"200 to 201", "upgrade"}},
		{"itself", c.addresses["n1"], node.ErrSelf, nil},
		{"no address", "nonsense", delta.ErrInvalid, []string{"host:port"}},
		{"nobody", "127.0.0.1:1", node.ErrNotReached, []string{"refused"}},
	} {
		joined, err := c.nodes["n1"].Join(t.Context(), []string{x.address})
		if !errors.Is(err, x.kind) || len(joined.Failed) != 1 || joined.Failed[0].Address != x.address || !errors.Is(joined.Failed[0], x.kind) {
			t.Errorf("%s: %+v, %v", x.what, joined, err)
			continue
		}
		for _, word := range append(x.words, x.address) {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", x.what, err, word)
			}
		}
	}
	c.eventually("who was refused another cluster says so too", func() bool {
		return log.has("WARN", "another cluster", "theirs="+t.Name(), "ours=another")
	})
	if !c.logs["n1"].has("WARN", "refused a member", "200 to 201") {
		t.Errorf("the log does not name the version: %q", c.logs["n1"].all)
	}
	if !c.logs["n1"].has("cannot join", `"another"`) {
		t.Errorf("the log of who asked does not say why: %q", c.logs["n1"].all)
	}
}

func TestNode_Join_MetOnceIsRejoinedForEver(t *testing.T) {
	c := newClusterWith(t, node.Options{Join: []string{}}, "n1")
	c.start("n2")
	joined, err := c.nodes["n1"].Join(t.Context(), []string{c.addresses["n2"], "127.0.0.1:1"})
	if err != nil || !slices.Equal(joined.Reached, []string{c.addresses["n2"]}) || len(joined.Failed) != 1 {
		t.Fatalf("join: %+v, %v", joined, err)
	}
	c.meet()
	c.eventually("n1 has it on disk", func() bool {
		r, err := c.nodes["n1"].Remembered()
		return err == nil && slices.Equal(r, []string{c.addresses["n2"]})
	})
	c.stop("n1")
	c.dead("n2")
	c.start("n1")
	c.eventually("n1 is loud about being alone", func() bool { return !c.status("n1").Ready && c.nodes["n1"].Counters().Alone })
	c.start("n2")
	c.meet()
	c.eventually("n1 is ready", func() bool { return c.status("n1").Ready && !c.nodes["n1"].Counters().Alone })
}
