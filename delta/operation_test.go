package delta_test

import (
	"errors"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// The claims of the table: am is what operations are about, af what it may be
// tightened to, fm what is left, and other the same range of another node.
var (
	am    = claim("a", "m")
	af    = claim("a", "f")
	fm    = claim("f", "m")
	other = ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "n2", Range: am.Range}
)

// before names the state that an operation finds.
type before func(t *testing.T) *member

func nothing(*testing.T) *member { return newMember(1) }

func after(operations ...delta.Operation) before {
	return func(t *testing.T) *member {
		m := newMember(1)
		m.write(t, operations...)
		return m
	}
}

// belowOne: two replicas have decreased am from 3 by 2 each, at once. The sum
// is -1, what is shown is 1.
func belowOne(t *testing.T) *member {
	a, b := newMember(1), newMember(2)
	b.mustApply(t, a.write(t, register(am, 3)))
	theirs := b.write(t, decrease(am, 2))
	a.write(t, decrease(am, 2))
	a.mustApply(t, theirs)
	return a
}

// leftOver: a Decrease by 2 is all that is left of am, since nobody who has
// released it had observed the Decrease. It is not visible.
func leftOver(t *testing.T) *member {
	a, b := newMember(1), newMember(2)
	b.mustApply(t, a.write(t, register(am, 5)))
	theirs := b.write(t, decrease(am, 2))
	a.write(t, release(am))
	a.mustApply(t, theirs)
	return a
}

// TestCommit_Write_TableOfOperations is the table of docs/data-model.md, 1, line by
// line.
func TestCommit_Write_TableOfOperations(t *testing.T) {
	type shown map[ranges.Claim]int64
	for _, test := range []struct {
		name    string
		before  before
		do      delta.Operation
		err     error
		changed bool
		shows   int64
		events  string // what is written, one letter for each event
		after   shown
	}{
		{"register, not visible", nothing, register(am, 10), nil, true, 10, "+", shown{am: 10}},
		{"register, nothing visible but a decrease left over", leftOver, register(am, 10), nil, true, 10, "r+", shown{am: 10}},
		{"register, visible", after(register(am, 10)), register(am, 99), nil, false, 10, "+", shown{am: 10}},
		{"register, visible and increased", after(register(am, 10), increase(am, 5)), register(am, 99), nil, false, 15, "+", shown{am: 15}},
		{"register, visible by increases alone", after(increase(am, 5)), register(am, 99), nil, false, 5, "+", shown{am: 5}},
		{"register, sum below one", belowOne, register(am, 10), nil, false, 1, "r+", shown{am: 1}},

		{"release, not visible", nothing, release(am), nil, false, 0, "", shown{am: 0}},
		{"release, nothing visible but a decrease left over", leftOver, release(am), nil, false, 0, "r", shown{am: 0}},
		{"release, visible", after(register(am, 10), increase(am, 5)), release(am), nil, true, 0, "r", shown{am: 0}},
		{"release, sum below one", belowOne, release(am), nil, true, 0, "r", shown{am: 0}},

		{"increase, not visible", nothing, increase(am, 7), nil, true, 7, "+", shown{am: 7}},
		{"increase, nothing visible but a decrease left over", leftOver, increase(am, 7), nil, true, 7, "r+", shown{am: 7}},
		{"increase, visible", after(register(am, 10)), increase(am, 7), nil, true, 17, "+", shown{am: 17}},
		{"increase, sum below one", belowOne, increase(am, 7), nil, true, 8, "r++", shown{am: 8}},
		{"increase if visible, not visible", nothing, increaseIfVisible(am, 7), delta.ErrNotFound, false, 0, "", shown{am: 0}},
		{"increase if visible, nothing visible but a decrease left over", leftOver, increaseIfVisible(am, 7), delta.ErrNotFound, false, 0, "", shown{am: 0}},
		{"increase if visible, visible", after(register(am, 10)), increaseIfVisible(am, 7), nil, true, 17, "+", shown{am: 17}},
		{"increase if visible, sum below one", belowOne, increaseIfVisible(am, 7), nil, true, 8, "r++", shown{am: 8}},

		{"decrease, not visible", nothing, decrease(am, 1), delta.ErrNotFound, false, 0, "", shown{am: 0}},
		{"decrease, nothing visible but a decrease left over", leftOver, decrease(am, 1), delta.ErrNotFound, false, 0, "", shown{am: 0}},
		{"decrease to more than zero", after(register(am, 10)), decrease(am, 9), nil, true, 1, "+", shown{am: 1}},
		{"decrease to zero", after(register(am, 10)), decrease(am, 10), nil, true, 0, "r", shown{am: 0}},
		{"decrease to less than zero", after(register(am, 10)), decrease(am, 11), nil, true, 0, "r", shown{am: 0}},
		{"decrease, sum below one", belowOne, decrease(am, 1), nil, true, 0, "r", shown{am: 0}},

		{"set, not visible", nothing, set(am, 4), nil, true, 4, "+", shown{am: 4}},
		{"set to more", after(register(am, 10)), set(am, 14), nil, true, 14, "+", shown{am: 14}},
		{"set to less", after(register(am, 10)), set(am, 4), nil, true, 4, "+", shown{am: 4}},
		{"set to the same", after(register(am, 10)), set(am, 10), nil, false, 10, "", shown{am: 10}},
		{"set to one, sum below one", belowOne, set(am, 1), nil, false, 1, "", shown{am: 1}},
		{"set to more, sum below one", belowOne, set(am, 3), nil, true, 3, "r++", shown{am: 3}},

		{"tighten, not visible", nothing, tightenWithGap(am, "a", "f"), delta.ErrNotFound, false, 0, "", shown{am: 0, af: 0}},
		{"tighten, a gap", after(register(am, 10)), tighten(am, "a", "f"), delta.ErrGap, false, 0, "", shown{am: 10, af: 0}},
		{"tighten, a gap that is allowed", after(register(am, 10)), tightenWithGap(am, "a", "f"), nil, true, 10, "+r", shown{am: 0, af: 10}},
		{"tighten, another serves the rest", after(register(am, 10), register(other, 1)), tighten(am, "a", "f"), nil, true, 10, "+r", shown{am: 0, af: 10, other: 1}},
		{"tighten, another claim of the node serves the rest", after(register(am, 10), register(fm, 1)), tighten(am, "a", "f"), nil, true, 10, "+r", shown{am: 0, af: 10, fm: 1}},
		{"tighten, another serves the wrong rest", after(register(am, 10), register(af, 1)), tighten(am, "a", "f"), delta.ErrGap, false, 0, "", shown{am: 10, af: 1}},
		{"tighten from both ends", after(register(am, 10), register(other, 1)), tighten(am, "b", "f"), nil, true, 10, "+r", shown{am: 0, claim("b", "f"): 10}},
		{"tighten onto a smaller claim", after(register(am, 10), register(af, 3), register(fm, 1)), tighten(am, "a", "f"), nil, true, 10, "+r", shown{am: 0, af: 10}},
		{"tighten onto a larger claim", after(register(am, 10), register(af, 30), register(fm, 1)), tighten(am, "a", "f"), nil, true, 30, "+r", shown{am: 0, af: 30}},
		{"tighten onto an increased claim", after(register(am, 10), increase(af, 3), register(fm, 1)), tighten(am, "a", "f"), nil, true, 10, "+r", shown{am: 0, af: 10}},
		{"tighten, sum below one", belowOne, tightenWithGap(am, "a", "f"), nil, true, 1, "+r", shown{am: 0, af: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := test.before(t)
			c := m.begin()
			d, results, err := c.Write([]delta.Operation{test.do})
			if !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if err == nil && results[0] != (delta.Result{Changed: test.changed, Priority: test.shows}) {
				t.Errorf("got %+v, want changed %t and priority %d", results[0], test.changed, test.shows)
			}
			if got := letters(d); got != test.events {
				t.Errorf("events %q, want %q", got, test.events)
			}
			if effects := m.finish(t, c); test.events == "" && !effects.IsEmpty() {
				t.Errorf("effects without an event: %+v", effects)
			}
			for c, want := range test.after {
				if got := m.value(c); got != want {
					t.Errorf("%s %v shows %d afterwards, want %d", c.Node, c.Range, got, want)
				}
			}
		})
	}
}

// letters returns a letter for each event of d.
func letters(d delta.Delta) string {
	var out []byte
	for _, e := range d.Events {
		out = append(out, "?+rcaf"[e.Kind])
	}
	return string(out)
}

// TestCommit_Write_RegisterByIncreasesAlone: docs/decisions/0001: the Register
// of a claim whose priority comes from Increases writes amount 0, so that also
// where the Increases are released concurrently nothing is shown that nobody
// asked for but the 1 of a visible claim.
func TestCommit_Write_RegisterByIncreasesAlone(t *testing.T) {
	a, b := newMember(1), newMember(2)
	c := claim("a", "b")
	b.mustApply(t, a.write(t, increase(c, 5)))
	registered := b.write(t, register(c, 100))
	if got := registered.Events[0].Contribution().Amount; got != 0 {
		t.Errorf("the register writes amount %d, want 0", got)
	}
	if got := b.value(c); got != 5 {
		t.Errorf("the register changed the priority to %d", got)
	}
	released := a.write(t, release(c))
	a.mustApply(t, registered)
	b.mustApply(t, released)
	if a.value(c) != 1 || b.value(c) != 1 {
		t.Errorf("after the release: %d and %d, want 1: it is registered, with no amount", a.value(c), b.value(c))
	}
}

// TestCommit_Write_Concurrently: what two replicas do at the same time, from
// the same state.
func TestCommit_Write_Concurrently(t *testing.T) {
	type ops = []delta.Operation
	bf := claim("b", "f")
	for _, test := range []struct {
		name       string
		start      ops
		byA, byB   ops
		claim      ranges.Claim
		want       int64
		alsoClaim  ranges.Claim
		wantOfAlso int64
	}{
		{"equal registers are idempotent", ops{register(other, 1)}, ops{register(am, 10)}, ops{register(am, 10)}, am, 10, other, 1},
		{"of different registers the larger wins", ops{register(other, 1)}, ops{register(am, 10)}, ops{register(am, 20)}, am, 20, other, 1},
		{"increases add up", ops{register(am, 10)}, ops{increase(am, 1)}, ops{increase(am, 2)}, am, 13, am, 13},
		{"increases of an invisible claim add up", ops{register(other, 1)}, ops{increase(am, 1)}, ops{increase(am, 2)}, am, 3, other, 1},
		{"decreases keep the server at 1", ops{register(am, 10)}, ops{decrease(am, 9)}, ops{decrease(am, 9)}, am, 1, am, 1},
		{"an increase survives a release with its own amount", ops{register(am, 10)}, ops{increase(am, 3)}, ops{release(am)}, am, 3, am, 3},
		{"a decrease does not survive a release", ops{register(am, 10)}, ops{decrease(am, 3)}, ops{release(am)}, am, 0, am, 0},
		{"a register survives a release", ops{register(am, 10)}, ops{register(am, 1)}, ops{release(am)}, am, 10, am, 10},
		{"releases are idempotent", ops{register(am, 10)}, ops{release(am)}, ops{release(am)}, am, 0, am, 0},
		{"a decrease to zero is a release", ops{register(am, 10)}, ops{decrease(am, 10)}, ops{increase(am, 2)}, am, 2, am, 2},
		{"tightens leave the union", ops{register(am, 10)}, ops{tightenWithGap(am, "a", "c")}, ops{tightenWithGap(am, "b", "f")}, claim("a", "c"), 10, bf, 10},
		{"an equal tighten is idempotent", ops{register(am, 10)}, ops{tightenWithGap(am, "a", "f")}, ops{tightenWithGap(am, "a", "f")}, af, 10, am, 0},
		{"tightens onto one claim do not add up", ops{register(am, 10), register(af, 4)}, ops{tightenWithGap(am, "a", "f")}, ops{tightenWithGap(am, "a", "f")}, af, 10, am, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := newMember(1), newMember(2)
			b.mustApply(t, a.write(t, test.start...))
			byA, byB := a.write(t, test.byA...), b.write(t, test.byB...)
			if _, closes := a.receive(t, byB); len(closes) > 0 {
				b.mustApply(t, byA)
				b.mustApply(t, travelled(t, closes[0]))
			} else if _, closes := b.receive(t, byA); len(closes) > 0 {
				a.mustApply(t, travelled(t, closes[0]))
			}
			mustEqualStates(t, a, b)
			if got := a.value(test.claim); got != test.want {
				t.Errorf("%v shows %d, want %d", test.claim.Range, got, test.want)
			}
			if got := a.value(test.alsoClaim); got != test.wantOfAlso {
				t.Errorf("%v shows %d, want %d", test.alsoClaim.Range, got, test.wantOfAlso)
			}
		})
	}
}

// TestCommit_Write_TightenIsCoveredThroughout: wherever the batch is applied,
// in whole or cut, the smaller range is served at every moment: its Register
// comes before the Release of the larger one.
func TestCommit_Write_TightenIsCoveredThroughout(t *testing.T) {
	a, b := newMember(1), newMember(2)
	b.mustApply(t, a.write(t, register(am, 10)))
	moved := a.write(t, tightenWithGap(am, "a", "f"))
	for i := range moved.Events {
		part, err := delta.Pack(moved.Slice(i, i+1))
		if err != nil {
			t.Fatal(err)
		}
		b.mustApply(t, travelled(t, part))
		if b.value(am) != 10 && b.value(af) != 10 {
			t.Errorf("after event %d of %d [a, f) is served by nobody", i+1, len(moved.Events))
		}
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Write_BatchSeesItself: each operation of a batch finds what those
// before it left behind.
func TestCommit_Write_BatchSeesItself(t *testing.T) {
	m := newMember(1)
	c := m.begin()
	_, results, err := c.Write([]delta.Operation{
		register(am, 10), increase(am, 5), set(am, 12), register(other, 1),
		tighten(am, "a", "f"), decrease(af, 2), release(other), increaseIfVisible(af, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []delta.Result{{true, 10}, {true, 15}, {true, 12}, {true, 1}, {true, 12}, {true, 10}, {true, 0}, {true, 11}} {
		if results[i] != want {
			t.Errorf("operation %d: %+v, want %+v", i+1, results[i], want)
		}
	}
	m.finish(t, c)
	if m.value(am) != 0 || m.value(af) != 11 || m.value(other) != 0 {
		t.Errorf("shown are %d, %d and %d, want 0, 11 and 0", m.value(am), m.value(af), m.value(other))
	}
}

// TestCommit_Write_CommitSeesItself: nor does it matter whether operations are
// in one batch, or in several of one commit.
func TestCommit_Write_CommitSeesItself(t *testing.T) {
	m := newMember(1)
	c := m.begin()
	for i, step := range []struct {
		do   delta.Operation
		want delta.Result
	}{
		{register(am, 10), delta.Result{Changed: true, Priority: 10}},
		{register(fm, 1), delta.Result{Changed: true, Priority: 1}},
		{tighten(am, "a", "f"), delta.Result{Changed: true, Priority: 10}},
		{decrease(af, 3), delta.Result{Changed: true, Priority: 7}},
	} {
		_, results, err := c.Write([]delta.Operation{step.do})
		if err != nil || results[0] != step.want {
			t.Errorf("step %d: %+v, %v; want %+v", i+1, results, err, step.want)
		}
	}
	if deltas := m.finish(t, c).Deltas; len(deltas) != 4 || deltas[3].First != 5 {
		t.Errorf("%d deltas", len(deltas))
	}
}

// TestCommit_Write_AllOrNothing: if one operation fails the error says which,
// and none has changed anything.
func TestCommit_Write_AllOrNothing(t *testing.T) {
	m := newMember(1)
	m.write(t, register(am, 10))
	reversed := am
	reversed.Range = claim("m", "a").Range
	for name, test := range map[string]struct {
		batch []delta.Operation
		index int
		err   error
		text  string
	}{
		"invalid at once":       {[]delta.Operation{register(am, 0)}, 0, delta.ErrInvalid, "operation 1: invalid amount 0: it must be between 1 and 2147483647"},
		"invalid later":         {[]delta.Operation{release(am), register(af, 1), release(reversed)}, 2, delta.ErrInvalid, "operation 3: invalid range: it is reversed, the end lies before the start"},
		"not found":             {[]delta.Operation{release(am), decrease(am, 1)}, 1, delta.ErrNotFound, "operation 2: not found: nobody has registered this claim"},
		"changed twice":         {[]delta.Operation{increase(am, 1), increase(am, 2), decrease(af, 1)}, 2, delta.ErrNotFound, ""},
		"gap":                   {[]delta.Operation{increase(am, 1), tighten(am, "b", "m")}, 1, delta.ErrGap, `operation 2: would leave a gap: keys from "a" on would be served by nobody; register another node there first, or allow the gap`},
		"gap opened by a batch": {[]delta.Operation{register(other, 1), release(other), tighten(am, "b", "m")}, 2, delta.ErrGap, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := m.begin()
			d, results, err := c.Write(test.batch)
			var batch *delta.BatchError
			if !errors.As(err, &batch) || batch.Index != test.index || !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v at %d", err, test.err, test.index)
			}
			if test.text != "" && err.Error() != test.text {
				t.Errorf("got  %s\nwant %s", err, test.text)
			}
			if len(d.Events) != 0 || results != nil {
				t.Errorf("%d events and %d results beside the error", len(d.Events), len(results))
			}
			if effects := m.finish(t, c); !effects.IsEmpty() {
				t.Errorf("effects: %+v", effects)
			}
		})
	}
}
