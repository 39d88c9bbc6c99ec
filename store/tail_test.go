package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// places returns how many records are in the log, and how many in the tail.
func places(t *testing.T, s *Store) (logged, waiting int) {
	t.Helper()
	view(t, s, func(v *View) error {
		indexed, stored, chunks, moved, runs := 0, 0, 0, 0, 0
		count := func(n *int) func([]byte, []byte) error {
			return func([]byte, []byte) error { *n++; return nil }
		}
		err := errors.Join(v.tables.log.each(nil, nil, func(key, payload []byte) error {
			b, err := decodeBundle(key, payload)
			if err != nil {
				return err
			}
			found, err := b.outlines()
			logged, runs = logged+len(found), runs+len(runsOf(placesOf(found)))
			return err
		}), v.tables.dots.each(nil, nil, count(&indexed)),
			v.tables.tail.each(nil, chunkKey(0), count(&stored)), v.tables.tail.each(chunkKey(0), nil, count(&chunks)),
			v.tables.fresh.each(nil, nil, count(&moved)))
		if s := &v.state; uint64(chunks) != s.fresh.next-s.moved || uint64(moved) != s.moved-s.fresh.first {
			t.Errorf("S15: %d chunks are in fresh, %d in the tail, of those from %d to before %d, of which it should have those from %d on", moved, chunks, s.fresh.first, s.fresh.next, s.moved)
		}
		if waiting = len(v.state.tail); waiting != stored || indexed != runs {
			t.Errorf("S6: %d records in the log, of %d runs %d in the index, %d in the tail, %d known", logged, runs, indexed, stored, waiting)
		}
		return err
	})
	return logged, waiting
}

// mustServe asks for the events of the own replica one at a time: all from a
// sequence on must be served by the log.
func mustServe(t *testing.T, s *Store, from, last uint64) {
	t.Helper()
	view(t, s, func(v *View) error {
		own := v.Summary().ID
		for sequence := range last {
			events, err := v.Log(own, sequence+1, 1)
			if err != nil {
				return err
			}
			if served := len(events.Deltas) > 0; served != (sequence+1 >= from) {
				t.Errorf("event %d: served is %v, %s", sequence+1, served, events.Stop)
			}
		}
		return nil
	})
}

// TestTail_IsMovedWhenFull holds S6 and S15: records, and with them the images of
// entries, wait in the tail, across a restart and a rewrite, and are served like any
// others meanwhile.
func TestTail_IsMovedWhenFull(t *testing.T) {
	dir := t.TempDir()
	o := Options{journalPages: -1, tailMax: 4}
	s := openTest(t, dir, o)
	for i := range uint64(11) {
		write(t, s, register("n1", "a", "m", int64(i+1)))
		if logged, waiting := places(t, s); logged != int(i)/4*4 || waiting != int(i)%4+1 {
			t.Fatalf("of %d records %d are in the log and %d wait", i+1, logged, waiting)
		}
		if chunks := s.state.fresh.next - s.state.moved; chunks != i%4+1 {
			t.Fatalf("after %d records %d chunks wait", i+1, chunks)
		}
		mustServe(t, s, 1, i+1)
	}
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	mustServe(t, s, 1, 11)
	checkAndClose(t, s)
	s = openTest(t, dir, o)
	if logged, waiting := places(t, s); logged != 8 || waiting != 3 {
		t.Errorf("after a restart %d are in the log and %d wait", logged, waiting)
	}
	mustServe(t, s, 1, 11)
	for i := range 2 {
		write(t, s, register("n1", "a", "m", int64(i+20)))
	}
	if logged, waiting := places(t, s); logged != 12 || waiting != 1 {
		t.Errorf("%d are in the log and %d wait", logged, waiting)
	}
}

// The tail is one page: what does not fit is moved, what never would is put into
// the log at once.
func TestTail_IsBoundedInBytes(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	long := func(n int) []delta.Operation {
		var out []delta.Operation
		for i := range n {
			out = append(out, register("n1", fmt.Sprintf("%0100d", i), "z", 1))
		}
		return out
	}
	for _, x := range []struct{ operations, logged, waiting int }{
		{6, 0, 1}, {6, 0, 2}, {6, 2, 1}, {6, 2, 2}, {6, 4, 1}, {1, 4, 2}, {9, 7, 0}, {1, 7, 1}, {60, 9, 0},
	} {
		write(t, s, long(x.operations)...)
		if logged, waiting := places(t, s); logged != x.logged || waiting != x.waiting {
			t.Errorf("after %d operations %d are in the log and %d wait, want %d and %d", x.operations, logged, waiting, x.logged, x.waiting)
		}
	}
	view(t, s, func(v *View) error {
		if got := v.LogStats(); got.First != 1 || got.Records != 9 {
			t.Errorf("%+v", got)
		}
		return nil
	})
}

// A view keeps the tail of its own instant, whatever is written beside it.
func TestTail_IsOfTheViewsInstant(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1, tailMax: 3})
	write(t, s, register("n1", "a", "m", 1))
	view(t, s, func(v *View) error {
		own := v.Summary().ID
		for i := range 5 {
			write(t, s, register("n1", "a", "m", int64(i+2)))
			first, err := v.Log(own, 1, 1<<20)
			second, err2 := v.Log(own, 2, 1<<20)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			if len(first.Deltas) != 1 || first.Next != 2 || len(second.Deltas) != 0 || second.Stop != StopEnd {
				t.Errorf("after %d more writes the view serves %d and %d deltas, next %d", i+1, len(first.Deltas), len(second.Deltas), first.Next)
			}
		}
		return nil
	})
}

// What of the tail is trimmed is no longer served, and the rest still is.
func TestTrim_OfTheTail(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1, tailMax: 4})
	for i := range 6 {
		write(t, s, register("n1", "a", "m", int64(i+1)))
	}
	trimIndexes(t, s, compaction.Other, 1, 2, 3, 4, 5)
	mustServe(t, s, 6, 6)
	if logged, waiting := places(t, s); logged != 1 || waiting != 0 {
		t.Errorf("%d are in the log and %d wait", logged, waiting)
	}
	checkAndClose(t, s)
}

// S4 holds for the tail too.
func TestBackfill_PassesOverTheTail(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	write(t, s, register("n1", "a", "m", 1), register("n2", "a", "m", 1))
	var held []delta.Packed
	view(t, s, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error { held = append(held, p); return nil })
	})
	if added, err := s.Backfill(1, held); err != nil || added != 0 {
		t.Errorf("added %d, %v", added, err)
	}
	err := s.change(func(tab *tables) error {
		next := s.state
		return tab.appendNew(&next, s.replica.Context, 1, held[0])
	})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("appended twice: %v", err)
	}
}

// Opening refuses a tail, or chunks of newest entries, that cannot be.
func TestState_OutOfBounds(t *testing.T) {
	stateOf := func(indexed, first, next uint64) []byte {
		a := stateArray{JournalNext: 1}
		a.FreshFirst, a.FreshNext = first, next
		a.LogNext, a.Indexed, a.Trimmed = 2, indexed, make([]markArray, trimClasses)
		return delta.Marshal(a)
	}
	for name, payload := range map[string][]byte{
		"indexed below 0": stateOf(0, 1, 1), "indexed below 3": stateOf(3, 1, 1), "chunks from 0": stateOf(2, 0, 1), "chunks before 4": stateOf(2, 5, 4),
	} {
		if _, err := decodeState(FormatVersion, payload); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := stateOf(2, 1, 1)
	if _, err := decodeState(FormatVersion, whole); err != nil {
		t.Error(err)
	}
	for version := range uint64(FormatVersion - 1) {
		if _, err := decodeState(version+1, whole); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a state of format %d in a file of format %d: %v", FormatVersion, version+1, err)
		}
	}
}

func TestTail_Find(t *testing.T) {
	a, b := crdt.ReplicaID{1}, crdt.ReplicaID{2}
	list := tail{{crdt.Dot{Replica: a, Sequence: 1}, 1, 3}, {crdt.Dot{Replica: b, Sequence: 2}, 2, 2}, {crdt.Dot{Replica: a, Sequence: 7}, 3, 7}}
	for d, want := range map[crdt.Dot]uint64{
		{Replica: a, Sequence: 1}: 1, {Replica: a, Sequence: 3}: 1, {Replica: a, Sequence: 4}: 0, {Replica: a, Sequence: 7}: 3,
		{Replica: a, Sequence: 8}: 0, {Replica: b, Sequence: 1}: 0, {Replica: b, Sequence: 2}: 2,
	} {
		if got := list.find(d); got.index != want {
			t.Errorf("%s: record %d, want %d", d, got.index, want)
		}
	}
}
