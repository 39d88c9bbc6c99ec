package node

import (
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// committing returns what operations lead to, which is nowhere yet.
func committing(t *testing.T, replica *delta.Replica, memory *delta.Memory, operations []delta.Operation) *delta.Effects {
	t.Helper()
	c := replica.Begin(delta.Env{Read: memory, Now: 1})
	if _, _, err := c.Write(operations); err != nil {
		t.Fatal(err)
	}
	e, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestRouting_Undo_LeavesWhatWas has a commit be prepared that adds, changes and
// takes away claims, a keyspace among them, and then not be carried out.
func TestRouting_Undo_LeavesWhatWas(t *testing.T) {
	var memory delta.Memory
	replica, r := delta.NewReplica(crdt.ReplicaID{1}), newRouting()
	commit := func(operations ...delta.Operation) *delta.Effects {
		t.Helper()
		return committing(t, replica, &memory, operations)
	}
	at := func(keyspace, from string) ranges.Claim {
		c := claimAt(from)
		c.Keyspace = keyspace
		return c
	}
	e := commit(
		delta.Operation{Verb: delta.VerbRegister, Claim: at("one", "a"), Amount: 1},
		delta.Operation{Verb: delta.VerbRegister, Claim: at("one", "b"), Amount: 2},
		delta.Operation{Verb: delta.VerbRegister, Claim: at("two", "a"), Amount: 3},
	)
	memory.Write(e)
	replica.Adopt(e)
	r.show(e, r.prepare(e))
	for range 2 { // undone, or never prepared
		e = commit(
			delta.Operation{Verb: delta.VerbIncrease, Claim: at("one", "a"), Amount: 5},
			delta.Operation{Verb: delta.VerbRelease, Claim: at("one", "b")},
			delta.Operation{Verb: delta.VerbRelease, Claim: at("two", "a")},
			delta.Operation{Verb: delta.VerbRegister, Claim: at("three", "a"), Amount: 1},
		)
		r.undo(e)
		for _, keyspace := range []string{"one", "two", "three"} {
			got := emptyTable
			if r.claims[keyspace] != nil {
				got = r.claims.table(keyspace)
			}
			want := slices.Collect(r.table(keyspace).All())
			if got != nil && !slices.EqualFunc(slices.Collect(got.All()), want, ranges.Subrange.Equal) || got == nil && len(want) != 1 {
				t.Errorf("%s has other claims than before: %v", keyspace, got)
			}
		}
		r.prepare(e)
		r.undo(e)
		if len(r.claims) != 2 {
			t.Errorf("there are %d keyspaces", len(r.claims))
		}
	}
}

// TestRouting_Undo_OfTwo takes two prepared commits back that change the same claims,
// the last one first.
func TestRouting_Undo_OfTwo(t *testing.T) {
	var memory delta.Memory
	replica, r := delta.NewReplica(crdt.ReplicaID{1}), newRouting()
	prepared := func(operations ...delta.Operation) *delta.Effects {
		t.Helper()
		e := committing(t, replica, &memory, operations)
		memory.Write(e)
		replica.Adopt(e)
		if p := r.prepare(e); p.err != nil {
			t.Fatal(p.err)
		}
		return e
	}
	prepared(delta.Operation{Verb: delta.VerbRegister, Claim: claimAt("a"), Amount: 1})
	first := prepared(
		delta.Operation{Verb: delta.VerbIncrease, Claim: claimAt("a"), Amount: 1},
		delta.Operation{Verb: delta.VerbRegister, Claim: claimAt("b"), Amount: 1},
	)
	second := prepared(
		delta.Operation{Verb: delta.VerbRelease, Claim: claimAt("a")},
		delta.Operation{Verb: delta.VerbIncrease, Claim: claimAt("b"), Amount: 1},
	)
	r.undo(second)
	r.undo(first)
	all := slices.Collect(r.claims["default"].All())
	if len(all) != 1 || all[0].Range.From != "a" || all[0].Priority != 1 {
		t.Errorf("left are %v, want a with 1", all)
	}
}
