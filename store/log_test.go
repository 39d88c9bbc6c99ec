package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// trimIndexes drops the records with some indexes.
func trimIndexes(t *testing.T, s *Store, class compaction.Class, indexes ...uint64) {
	t.Helper()
	var plan compaction.Plan
	for _, i := range indexes {
		plan.Drop = append(plan.Drop, compaction.Drop{Index: i, Class: class})
	}
	if err := s.Trim(plan); err != nil {
		t.Fatal(err)
	}
}

// logOf describes what Log answers.
func logOf(t *testing.T, s *Store, origin crdt.ReplicaID, from uint64, bytesMax int) string {
	t.Helper()
	var text string
	view(t, s, func(v *View) error {
		events, err := v.Log(origin, from, bytesMax)
		for _, p := range events.Deltas {
			text += fmt.Sprintf("%d-%d ", p.First, p.Last())
		}
		text += fmt.Sprintf("next %d %s", events.Next, events.Stop)
		return err
	})
	return text
}

func TestView_Log_ServesRunsAndNamesWhatEndsThem(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	id := s.Summary().ID
	if got := logOf(t, s, id, 1, 1); got != "next 1 end" {
		t.Errorf("of an empty log: %s", got)
	}
	write(t, s, register("n1", "a", "b", 1), register("n1", "b", "c", 1))
	write(t, s, register("n1", "c", "d", 1))
	write(t, s, register("n1", "d", "e", 1), register("n1", "e", "f", 1))
	write(t, s, register("n1", "f", "g", 1))
	check := func(origin crdt.ReplicaID, from uint64, bytesMax int, want string) {
		t.Helper()
		if got := logOf(t, s, origin, from, bytesMax); got != want {
			t.Errorf("from %d: %s, want %s", from, got, want)
		}
	}
	check(id, 1, 1<<20, "1-2 3-3 4-5 6-6 next 7 end")
	check(id, 0, 1<<20, "1-2 3-3 4-5 6-6 next 7 end")
	check(id, 2, 1<<20, "1-2 3-3 4-5 6-6 next 7 end")
	check(id, 5, 1<<20, "4-5 6-6 next 7 end")
	check(id, 7, 1<<20, "next 7 end")
	check(id, 9, 1<<20, "next 9 end")
	check(id, 1, 0, "1-2 next 3 full")
	check(id, 4, 1, "4-5 next 6 full")
	check(id, 6, 1, "6-6 next 7 end")
	check(crdt.ReplicaID{}, 1, 1<<20, "next 1 end")
	check(crdt.ReplicaID{0: 0xff, 15: 0xff}, 1, 1<<20, "next 1 end")

	// What is left behind a hole is not served as if it were all.
	trimIndexes(t, s, compaction.Other, 3)
	check(id, 1, 1<<20, "1-2 3-3 next 4 trimmed")
	check(id, 4, 1<<20, "next 4 trimmed")
	check(id, 5, 1<<20, "next 5 trimmed")
	check(id, 6, 1<<20, "6-6 next 7 end")
	trimIndexes(t, s, compaction.Other, 4)
	check(id, 6, 1<<20, "next 6 trimmed")
	check(id, 7, 1<<20, "next 7 end")
}

func TestStore_Trim_RemembersTheNewestOfEachClass(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	for i := range 4 {
		_, err := s.Update(delta.Env{Now: int64(10 * (i + 1))}, func(c *delta.Commit) error {
			_, _, err := c.Write([]delta.Operation{register("n1", fmt.Sprint(i), "x", 1)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	trimIndexes(t, s, compaction.Other, 3, 1)
	trimIndexes(t, s, compaction.Own, 2)
	trimIndexes(t, s, compaction.Other, 1, 77) // gone, and never there
	s.Close()
	s = openTest(t, dir, Options{})
	view(t, s, func(v *View) error {
		got := v.LogStats()
		want := [...]Mark{compaction.Own: {Index: 2, AppliedAt: 20}, compaction.Other: {Index: 3, AppliedAt: 30}}
		if got.Trimmed != want || got.Records != 1 || got.First != 4 || got.Next != 5 {
			t.Errorf("got %+v", got)
		}
		return nil
	})
	trimIndexes(t, s, compaction.Own, 4)
	view(t, s, func(v *View) error {
		if got := v.LogStats(); got.First != 5 || got.Next != 5 || got.Bytes != 0 {
			t.Errorf("of an empty log: %+v", got)
		}
		return nil
	})
}

func TestStore_Trim_MoreThanOneTransaction(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	n := 0
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error {
		for ; n < TrimChunk+10; n++ {
			if _, _, err := c.Write([]delta.Operation{register("n1", "a", "b", 1)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	trimAll(t, s)
	if got := stats(t, s); got.LogRecords != 0 || got.LogBytes != 0 {
		t.Errorf("%+v is left of %d", got, n)
	}
}

func TestStore_Backfill_AddsWhatIsMissing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	id := s.Summary().ID
	var deltas []delta.Packed
	for i := range 3 {
		write(t, s, register("n1", fmt.Sprint(i), "x", 1), register("n2", fmt.Sprint(i), "x", 1))
	}
	view(t, s, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error { deltas = append(deltas, p); return nil })
	})
	backfill := func(want int, deltas ...delta.Packed) {
		t.Helper()
		if added, err := s.Backfill(9, deltas); err != nil || added != want {
			t.Errorf("added %d, %v, want %d", added, err, want)
		}
	}
	backfill(0, deltas...)
	trimIndexes(t, s, compaction.Other, 1, 2)
	before := s.Summary().Fingerprint

	part, err := delta.Pack(deltas[0].Slice(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	backfill(1, part)
	backfill(3, deltas...)
	backfill(0, deltas...)
	if got := logOf(t, s, id, 1, 1<<20); got != "1-1 2-2 3-4 5-6 next 7 end" {
		t.Errorf("the log has %s", got)
	}
	foreign := newMemory(2)
	e, err := foreign.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "a", "m", 1)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	backfill(0, e.Deltas...) // never seen
	if s.Summary().Fingerprint != before {
		t.Error("the state has changed")
	}
}

func TestView_EachRecord_FromAnIndexUntilAnError(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for i := range 4 {
		write(t, s, register("n1", fmt.Sprint(i), "x", 1))
	}
	view(t, s, func(v *View) error {
		var seen []uint64
		stop := errors.New("stop")
		err := v.EachDelta(2, func(index uint64, _ delta.Packed) error {
			if seen = append(seen, index); index == 3 {
				return stop
			}
			return nil
		})
		if err != stop || fmt.Sprint(seen) != "[2 3]" {
			t.Errorf("visited %v, %v", seen, err)
		}
		return nil
	})
}
