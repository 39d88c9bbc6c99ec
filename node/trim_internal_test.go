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

// TestLogReader_ReadsInShortViews: what it reads is the log up to an index, in order and
// once; while it is read others write, and where others trim it says so.
func TestLogReader_ReadsInShortViews(t *testing.T) {
	s, err := store.Open(t.TempDir(), store.Options{Node: "n1", NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	claim := ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "n1", Range: ranges.Everything()}
	write := func(n int) {
		t.Helper()
		_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
			for range n {
				if _, _, err := c.Write([]delta.Operation{{Verb: delta.VerbRegister, Claim: claim, Amount: 1}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const records = 2*sliceRecords + 100
	write(records)
	l := logReader{store: s, end: records} // all but the last
	next := uint64(1)
	for r := range l.records {
		if r.Index != next {
			t.Fatalf("record %d comes, want %d", r.Index, next)
		}
		if next++; next%1000 == 0 {
			write(1)
		}
	}
	if l.failed != nil || next != records {
		t.Errorf("it ends before record %d, %v", next, l.failed)
	}
	l = logReader{store: s, end: records}
	for r := range l.records {
		if r.Index == 7 {
			if err := s.Trim(compaction.Plan{Drop: []compaction.Drop{{Index: 9}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if l.failed != errTrimmed {
		t.Errorf("it ends with %v", l.failed)
	}
	for r := range l.records { // the second pass of the same plan
		t.Fatalf("record %d comes", r.Index)
	}
}
