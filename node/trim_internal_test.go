package node

import (
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// TestPlanLog_Newer_IsLeftAlone: a trimming that knows where the node participates as
// of some record decides about none that came later, whether it can be dropped or not.
func TestPlanLog_Newer_IsLeftAlone(t *testing.T) {
	s, err := store.Open(t.TempDir(), store.Options{Node: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, from := range []string{"a", "b", "c"} {
		claim := ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "n1", Range: ranges.Range{From: from, To: ranges.Unbounded()}}
		_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
			_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbRegister, Claim: claim, Amount: 1}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	env := compaction.Env{Now: 1000, Options: compaction.Options{Other: compaction.Retention{Age: 1, Bytes: 1}}}
	for older := range uint64(4) {
		var c Compacted
		if err := planLog(older+1)(&c, s, env); err != nil { // the first index is 1
			t.Fatal(err)
		}
		if n := uint64(len(c.Plan.Drop)); n != older {
			t.Errorf("%d records go, want the first %d of 3", n, older)
		}
	}
}
