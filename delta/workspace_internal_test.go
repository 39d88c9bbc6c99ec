package delta

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// writeMany increases so many claims, one by one, and returns the effects.
func writeMany(t *testing.T, c *Commit, claims int) *Effects {
	t.Helper()
	for i := range claims {
		claim := ranges.Claim{Keyspace: "k", Node: "n", Range: ranges.Single(fmt.Sprint(i))}
		if _, _, err := c.Write([]Operation{{Verb: VerbIncrease, Claim: claim, Amount: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	e, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestCommit_Finish_LeavesRoomThatLeadsToNothing: what the room of a commit led to can
// be collected, and after a large one so can the room.
func TestCommit_Finish_LeavesRoomThatLeadsToNothing(t *testing.T) {
	r := NewReplica(crdt.ReplicaID{1})
	env := Env{Read: &Memory{}}
	for _, claims := range []int{1, 3 * changesPiece, 5, changesKept} {
		writeMany(t, r.Begin(env), claims)
		w := r.workspace
		if w == nil {
			t.Fatalf("after %d claims the room is gone", claims)
		}
		if n := len(w.entries) + len(w.closable) + w.taken + len(w.sorted) + len(w.deltas) + len(w.writer.events); n > 0 {
			t.Fatalf("after %d claims the room is not empty", claims)
		}
		for _, list := range []any{w.sorted[:cap(w.sorted)], w.deltas[:cap(w.deltas)], w.writer.events[:cap(w.writer.events)], w.writer.changed[:cap(w.writer.changed)]} {
			isNothing(t, claims, list)
		}
		for _, piece := range w.changes {
			isNothing(t, claims, piece)
		}
	}
	writeMany(t, r.Begin(env), changesKept+1)
	if r.workspace != nil {
		t.Error("after a large commit all its room stays")
	}
}

func isNothing(t *testing.T, claims int, list any) {
	t.Helper()
	for v, i := reflect.ValueOf(list), 0; i < v.Len(); i++ {
		if !v.Index(i).IsZero() {
			t.Fatalf("after %d claims the room leads to %+v", claims, v.Index(i))
		}
	}
}

// TestReplica_Begin_TwoAtOnce: each of two commits has room of its own.
func TestReplica_Begin_TwoAtOnce(t *testing.T) {
	r := NewReplica(crdt.ReplicaID{1})
	env := Env{Read: &Memory{}}
	writeMany(t, r.Begin(env), 1)
	one, other := r.Begin(env), r.Begin(env)
	if one.workspace == other.workspace || r.workspace != nil {
		t.Fatal("two commits share their room")
	}
	if a, b := writeMany(t, one, 3), writeMany(t, other, 3); len(a.Entries) != 3 || a.Fingerprint != b.Fingerprint {
		t.Errorf("equal commits lead to %s and %s", a.Fingerprint, b.Fingerprint)
	}
	if clone := r.Clone(); clone.workspace != nil {
		t.Error("a clone shares the room")
	}
}

// TestCommit_Write_KeepsNoLongCounterForAnEvent: who keeps an event keeps no counter for it
// that is longer than a piece. Each step of a commit leads to another counter.
func TestCommit_Write_KeepsNoLongCounterForAnEvent(t *testing.T) {
	r, counter := NewReplica(crdt.ReplicaID{1}), crdt.PNCounter(nil)
	claim := ranges.Claim{Keyspace: "k", Node: "n", Range: ranges.Single("a")}
	for i := range byte(2 * recordsPiece) {
		counter = counter.Put(counter.Registering(crdt.ReplicaID{i + 2}, 1, 1))
		memory, k := &Memory{}, ClaimKey(claim)
		memory.Write(&Effects{Entries: []EntryChange{NewEntryChange(k, Entry{}, Entry{Key: k, Counter: counter})}})
		c := r.Begin(Env{Read: memory})
		d, _, err := c.Write([]Operation{{Verb: VerbIncrease, Claim: claim, Amount: 1}})
		if err != nil {
			t.Fatal(err)
		}
		after, err := c.counter(k)
		if err != nil {
			t.Fatal(err)
		}
		own, records := after.Only(r.ID), d.Events[0].Records
		if isShared := &own[0] == &records[0]; isShared != (len(after) <= recordsPiece) || !own.Equal(records) {
			t.Errorf("of a counter of %d the event has %+v, as a part of it: %t", len(after), records, isShared)
		}
	}
}
