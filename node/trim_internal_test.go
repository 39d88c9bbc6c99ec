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
	s := storeOf(t, 3)
	env := compaction.Env{Now: 1000, Options: compaction.Options{Other: compaction.Retention{Age: 1, Bytes: 1}}}
	for older := range uint64(4) {
		var c Compacted
		if err := planLog(older+1)(&trimming{store: s, env: env}, &c); err != nil { // the first index is 1
			t.Fatal(err)
		}
		if n := uint64(len(c.Plan.Drop)); n != older {
			t.Errorf("%d records go, want the first %d of 3", n, older)
		}
	}
}

// TestTrimming_Run_InParts: a trimming whose plan comes in parts plans once, and leaves
// what its retention says. If somebody else trims meanwhile it plans anew, and leaves as
// much: what the first plan still wanted to drop would be too much then.
func TestTrimming_Run_InParts(t *testing.T) {
	const records, former, part, limit = 100, 5, 10, 2000
	for _, c := range []struct {
		name string
		// others is how many of the last records somebody else drops before the second part.
		others, plans int
	}{{"nobody else trims", 0, 1}, {"somebody else does", 10, 2}} {
		t.Run(c.name, func(t *testing.T) {
			s := storeOf(t, records)
			dropLast(t, s, former, former) // by a trimming before
			plans, turns := 0, 0
			x := trimming{store: s, env: compaction.Env{Now: 1, DropMax: part, Options: compaction.Options{Other: compaction.Retention{Bytes: limit}}}}
			x.plan = func(x *trimming, c *Compacted) error {
				plans++
				return planLog(records+1)(x, c)
			}
			x.drop = func(left []compaction.Drop) (int, error) {
				left = left[:min(7, len(left))]
				if turns++; turns == 2 {
					dropLast(t, s, records, c.others)
				}
				return len(left), s.Trim(compaction.Plan{Drop: left})
			}
			done, err := x.run(false)
			if err != nil {
				t.Fatal(err)
			}
			if plans != c.plans {
				t.Errorf("it plans %d times, want %d", plans, c.plans)
			}
			if n := done.After.LogBytes; n > limit || n <= limit-2*(done.Before.LogBytes/done.Before.LogRecords) {
				t.Errorf("the log has %d bytes in %d records, want nearly %d", n, done.After.LogRecords, limit)
			}
		})
	}
}

// storeOf returns a store whose log has so many records, from index 1 on.
func storeOf(t *testing.T, records int) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{Node: "n1", NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	writeRecords(t, s, records)
	return s
}

// writeRecords has the log have so many more records.
func writeRecords(t *testing.T, s *store.Store, records int) {
	t.Helper()
	claim := ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "n2", Range: ranges.Everything()}
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for range records {
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

// dropLast drops the last n of a number of records.
func dropLast(t *testing.T, s *store.Store, records, n int) {
	t.Helper()
	var drop []compaction.Drop
	for i := records - n; i < records; i++ {
		drop = append(drop, compaction.Drop{Index: uint64(i + 1)})
	}
	if err := s.Trim(compaction.Plan{Drop: drop}); err != nil {
		t.Fatal(err)
	}
}

// TestTurnRecords_KeepsUp: while many write, a trimming drops more than comes, and little
// more; when few do or nobody, much at a time; never more than one transaction takes.
func TestTurnRecords_KeepsUp(t *testing.T) {
	for _, c := range []struct {
		come, commits uint64
		want          int
	}{
		{0, 0, turnMax}, {4, 3, turnMax / 4}, {40, 40, turnMin}, {1600, 25, 2000}, {3276, 60, 4095}, {100_000, 900, turnMax},
	} {
		if got := turnRecords(c.come, c.commits); got != c.want {
			t.Errorf("%d come in %d commits: it drops %d, want %d", c.come, c.commits, got, c.want)
		}
	}
}

// TestLogReader_ReadsInShortViews: what it reads is the log up to an index, in order and
// once; while it is read others write, and where others trim it says so.
func TestLogReader_ReadsInShortViews(t *testing.T) {
	const records = 2*sliceRecords + 100
	s := storeOf(t, records)
	l := logReader{store: s, end: records} // all but the last
	next := uint64(1)
	for r := range l.records {
		if r.Index != next {
			t.Fatalf("record %d comes, want %d", r.Index, next)
		}
		if next++; next%1000 == 0 {
			writeRecords(t, s, 1)
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
