package crdt_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// drawContext draws a context over a few replicas, with entries that are often
// absent or equal.
func drawContext(t *rapid.T, name string) Context {
	c := NewContext()
	for i := range 4 {
		c.Advance(replica(i), rapid.Uint64Range(0, 3).Draw(t, name))
	}
	return c
}

func TestContext_Join_Laws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawContext(t, "a"), drawContext(t, "b"), drawContext(t, "c")
		join := func(x, y Context) Context {
			z := x.Clone()
			z.Join(y)
			return z
		}
		for law, holds := range map[string]bool{
			"join commutes":         join(a, b).Equal(join(b, a)),
			"join associates":       join(join(a, b), c).Equal(join(a, join(b, c))),
			"join is idempotent":    join(a, a).Equal(a),
			"join is an upper":      a.Leq(join(a, b)) && b.Leq(join(a, b)),
			"join is the least":     !(a.Leq(c) && b.Leq(c)) || join(a, b).Leq(c),
			"meet commutes":         a.Meet(b).Equal(b.Meet(a)),
			"meet is a lower":       a.Meet(b).Leq(a) && a.Meet(b).Leq(b),
			"meet is the greatest":  !(c.Leq(a) && c.Leq(b)) || c.Leq(a.Meet(b)),
			"absorption":            join(a, a.Meet(b)).Equal(a) && a.Meet(join(a, b)).Equal(a),
			"leq is antisymmetric":  !(a.Leq(b) && b.Leq(a)) || a.Equal(b),
			"nothing stands for 0":  join(a, b).Validate() == nil && a.Meet(b).Validate() == nil,
			"leq is join's order":   a.Leq(b) == join(a, b).Equal(b),
			"a copy is independent": !join(a, Context{replica(9): 1}).Equal(a),
		} {
			if !holds {
				t.Fatalf("%s: not for a = %s, b = %s, c = %s", law, a, b, c)
			}
		}
	})
}

// Covers, Join and Meet mean what they say about single events.
func TestContext_Covers_MatchesEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawContext(t, "a"), drawContext(t, "b")
		joined, meet := a.Clone(), a.Meet(b)
		joined.Join(b)
		for i := range 4 {
			for sequence := uint64(1); sequence <= 4; sequence++ {
				d := Dot{replica(i), sequence}
				inA, inB := sequence <= a.Get(d.Replica), sequence <= b.Get(d.Replica)
				if a.Covers(d) != inA || joined.Covers(d) != (inA || inB) || meet.Covers(d) != (inA && inB) {
					t.Fatalf("%s in %s and %s", d, a, b)
				}
			}
		}
	})
}

func TestContext_Zero(t *testing.T) {
	var c Context
	if c.Get(replica(0)) != 0 || c.Covers(Dot{replica(0), 1}) || !c.Leq(nil) || !c.Equal(NewContext()) || c.String() != "" {
		t.Error("the zero context has seen something")
	}
	if c.Clone() == nil {
		t.Error("a clone of the zero context cannot be written to")
	}
}

func TestContext_All_Ascends(t *testing.T) {
	c := Context{ReplicaID{3}: 1, ReplicaID{1}: 2, ReplicaID{2}: 3}
	if got := c.Replicas(); !slices.Equal(got, []ReplicaID{{1}, {2}, {3}}) {
		t.Errorf("replicas %v", got)
	}
	for r, s := range c.All() {
		if r != (ReplicaID{1}) || s != 2 {
			t.Errorf("the first entry is %s:%d", r, s)
		}
		break
	}
}

func TestContext_Advance_NeverTakesBack(t *testing.T) {
	c := NewContext()
	c.Advance(replica(0), 0)
	if len(c) != 0 {
		t.Error("sequence 0 is stored")
	}
	c.Advance(replica(0), 5)
	c.Advance(replica(0), 3)
	if c.Get(replica(0)) != 5 {
		t.Errorf("seen up to %d, want 5", c.Get(replica(0)))
	}
}

func TestContext_Validate(t *testing.T) {
	for _, c := range []Context{{replica(0): 0}, {ReplicaID{}: 1}} {
		if err := c.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", c, err)
		}
	}
}
