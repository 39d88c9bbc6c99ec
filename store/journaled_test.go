package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// heldJournal is what somebody holds of the journal, beside a model of it: its records,
// by index, and what its frames have made of keys.
type heldJournal struct {
	journaled journaled
	records   []delta.Packed
	first     uint64 // the index of the first of these
	counts    map[delta.Key]*image
	sequence  uint64 // of the next frame
}

// with is journaled.with, for the frame of some operations on a replica.
func (h heldJournal) with(m *memory, operations []delta.Operation, below uint64) (heldJournal, error) {
	e, err := m.update(1, writing(operations))
	if err != nil {
		return h, err
	}
	f := newFrame(1, e)
	f.at.sequence = h.sequence
	gone := h.journaled.images.end()
	if left := h.journaled.unfolded(below); len(left) > 0 {
		gone = left[0].number
	}
	h = h.without(below)
	h.journaled, h.sequence = h.journaled.with(f, folded{below, gone}), h.sequence+1
	h.records = slices.Concat(h.records, e.Deltas)
	h.counts = maps.Clone(h.counts)
	for i := range f.images {
		h.counts[f.images[i].key] = &f.images[i]
	}
	return h, nil
}

// without is what journaled.without leaves, of the model.
func (h heldJournal) without(folded uint64) heldJournal {
	h.counts = maps.Clone(h.counts)
	for _, f := range h.journaled.frames {
		if f.at.sequence >= folded {
			break
		}
		for i := range f.images {
			if x := &f.images[i]; h.counts[x.key] == x {
				delete(h.counts, x.key)
			}
		}
		n := len(f.effects.Deltas)
		h.records, h.first = h.records[n:], h.first+uint64(n)
	}
	return h
}

// check holds all that can be asked for against the model.
func (h heldJournal) check(keys []delta.Key) error {
	var got []delta.Packed
	at := h.first
	err := h.journaled.each(0, func(r Record) error {
		if r.Index != at {
			return fmt.Errorf("record %d is told as %d", at, r.Index)
		}
		at, got = at+1, append(got, r.Delta)
		return nil
	})
	if err != nil || len(got) != len(h.records) || h.journaled.logNext != at {
		return errors.Join(err, fmt.Errorf("%d records up to %d, want %d", len(got), h.journaled.logNext, len(h.records)))
	}
	for i, p := range h.records {
		for _, sequence := range []uint64{p.First, p.Last()} {
			r, ok := h.journaled.find(crdt.Dot{Replica: p.Origin, Sequence: sequence}, h.first)
			if !ok || r.Index != h.first+uint64(i) || string(r.Delta.Bytes) != string(p.Bytes) {
				return fmt.Errorf("for event %d of %s comes record %d, %t", sequence, p.Delta, r.Index, ok)
			}
		}
	}
	if n := len(h.records); n > 0 { // whose records are in the log is asked there
		last := h.records[n-1]
		if _, ok := h.journaled.find(last.Dot(0), h.journaled.logNext); ok {
			return fmt.Errorf("%s is found, which the log has", last.Delta)
		}
		if _, ok := h.journaled.find(crdt.Dot{Replica: last.Origin, Sequence: last.Last() + 1}, 0); ok {
			return fmt.Errorf("what comes after %s is found", last.Delta)
		}
	}
	return compareImages(entryReader{journaled: h.journaled}, keys, h.counts, "")
}

// TestJournaled_AnyChanges: whatever is appended and folded, and whether what was
// appended last is given up, each shows what it had when it was made, also long after,
// and while the next are made.
func TestJournaled_AnyChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(ringSeedOf(t), 5))
	m, s := newMemory(1), emptyState()
	h := heldJournal{journaled: newJournaled(&s), first: 1, counts: map[delta.Key]*image{}, sequence: 1}
	var keys []delta.Key
	for _, o := range registerMany(0, 40, 1) {
		keys = append(keys, delta.ClaimKey(o.Claim))
	}
	var checking sync.WaitGroup
	problems := make(chan error, 1200)
	for n := range 400 {
		operations := registerMany(random.IntN(30), 31+random.IntN(9), int64(n+1))
		operations = operations[:min(len(operations), 1+random.IntN(4))]
		if random.IntN(4) == 0 {
			operations[0].Verb = delta.VerbRelease
		}
		folded := h.sequence - min(h.sequence, uint64(random.IntN(60)))
		given, replica := m.clone(), m
		next, err := h.with(replica, operations, folded)
		if errors.Is(err, delta.ErrNotFound) {
			m = given
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []heldJournal{h, next} {
			checking.Go(func() { problems <- x.check(keys) })
		}
		if random.IntN(5) == 0 { // what is appended next begins on the same
			m = given
			continue
		}
		if h = next; random.IntN(30) == 0 {
			defer func() {
				if err := next.check(keys); err != nil {
					t.Errorf("long after: %v", err)
				}
			}()
		}
	}
	checking.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestJournaled_Unfolded_FromTheMarkOn: what begins with folded frames has the others.
func TestJournaled_Unfolded_FromTheMarkOn(t *testing.T) {
	s := emptyState()
	p := newJournaled(&s)
	for i := range uint64(5) {
		f := sizedFrame(i+3, 1)
		p = p.with(f, folded{})
	}
	for below, want := range map[uint64]int{0: 5, 3: 5, 4: 4, 7: 1, 8: 0, 100: 0} {
		if got := len(p.unfolded(below)); got != want {
			t.Errorf("below %d the tables have all: %d are left, want %d", below, got, want)
		}
		if got := len(p.without(folded{sequence: below}).frames); got != want || len(p.frames) != 5 {
			t.Errorf("without those below %d there are %d, want %d", below, got, want)
		}
	}
}
