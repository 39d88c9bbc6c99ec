package node_test

import (
	"path/filepath"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// crowded is a claim and how many replicas have a live record of it.
type crowded struct {
	claim   ranges.Claim
	origins int
}

// amount is what each of them contributed: so large, as are the sequences, that
// few records make a Release too large for a delta.
const amount = 1 << 33

// seedCrowded makes a directory that holds such claims.
func seedCrowded(t *testing.T, dir, cluster string, claims ...crowded) {
	t.Helper()
	a := delta.Answer{Span: delta.Whole, Context: crdt.NewContext(), InSession: true}
	for n, x := range claims {
		entry, sequence := delta.Entry{Key: delta.ClaimKey(x.claim)}, 1<<40+uint64(n)
		for i := range uint32(x.origins) {
			id := crdt.ReplicaID{0: 1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
			a.Context[id] = sequence
			entry.Counter = append(entry.Counter, crdt.Contribution{Origin: id, Era: sequence, Last: sequence, Total: amount, Added: sequence})
		}
		a.Entries = append(a.Entries, entry)
	}
	s, err := store.Open(dir, store.Options{Cluster: cluster, Node: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Update(delta.Env{}, func(c *delta.Commit) error {
		if err := c.OpenSession(a.Context); err != nil {
			return err
		}
		if err := c.Take(a); err != nil {
			return err
		}
		return c.CompleteSession()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNode_Leave_ReleasesClaimsOfManyOrigins: of two claims that fit no batch
// together, and one of which fits no delta, nothing is left when a node leaves.
func TestNode_Leave_ReleasesClaimsOfManyOrigins(t *testing.T) {
	c := newCluster(t)
	claims := []crowded{{claimOf("n1", "a", "b"), 29_000}, {claimOf("n1", "b", "c"), 15_000}}
	seedCrowded(t, filepath.Join(c.dir, "n1"), t.Name(), claims...)
	n1 := c.start("n1")
	for _, x := range claims {
		if got := n1.Lookup("default", x.claim.Range.From).Servers; len(got) != 1 || got[0].Priority != amount*int64(x.origins) {
			t.Fatalf("%v is served by %v", x.claim, got)
		}
	}
	left, err := n1.Leave(t.Context(), true)
	if err != nil || left.Released != len(claims) {
		t.Fatalf("leave: %+v, %v", left, err)
	}
	for _, x := range claims {
		if got := n1.Lookup("default", x.claim.Range.From).Servers; len(got) != 0 {
			t.Errorf("after the release %v is served by %v", x.claim, got)
		}
	}
}
