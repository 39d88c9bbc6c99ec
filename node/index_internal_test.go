package node

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// TestIndex_IsOfTheInstantOfItsView: while writers write, every view has the
// fingerprints of its own entries, and so has the first after a restart.
func TestIndex_IsOfTheInstantOfItsView(t *testing.T) {
	n := openAlone(t, Options{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 40 {
				key := fmt.Sprintf("%02d", i*7%40)
				o := delta.Operation{
					Verb: delta.VerbRegister, Amount: 1,
					Claim: ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("w%d", w), Range: ranges.Single(key)},
				}
				if i%3 == 2 {
					o.Verb = delta.VerbRelease
				}
				err := n.writeLocal(context.Background(), func(c *delta.Commit) error {
					_, _, err := c.Write([]delta.Operation{o})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 30 {
		checkIndex(t, n)
	}
	writers.Wait()
	checkIndex(t, n)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), Options{DataDir: n.options.DataDir, Gossip: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	checkIndex(t, again)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkIndex(t *testing.T, n *Node) {
	t.Helper()
	err := n.store.View(func(v *store.View) error {
		kept := v.Index().(index).kept
		if kept.Whole() != v.Summary().Fingerprint {
			return fmt.Errorf("the index is of %s, the view of %s", kept.Whole(), v.Summary().Fingerprint)
		}
		return kept.Valid(v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNode_Indexing_FollowsCommits: what a node writes is followed by its fingerprints, though
// nobody asks for them.
func TestNode_Indexing_FollowsCommits(t *testing.T) {
	n := openAlone(t, Options{})
	var some []delta.Operation
	for i := range 300 {
		some = append(some, registering(fmt.Sprintf("%03d", i)))
	}
	for range 4 { // fewer than are derived by who writes
		if _, err := n.Write(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "1,200 changes have fingerprints", func() bool { return !n.store.IsIndexWorth() })
}
