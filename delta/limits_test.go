package delta_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// try carries out operations and returns the error, holding that a refusal has
// no effects.
func (m *member) try(t *testing.T, operations ...delta.Operation) error {
	t.Helper()
	c := m.begin()
	_, _, err := c.Write(operations)
	if effects := m.finish(t, c); err != nil && !effects.IsEmpty() {
		t.Errorf("%v: yet it has effects", err)
	}
	return err
}

// TestCommit_Write_Limits: what is just allowed is done and can be read by
// others, what is beyond is refused before anything is written.
func TestCommit_Write_Limits(t *testing.T) {
	key := func(n int) string { return strings.Repeat("k", n) }
	named := func(keyspace, node string) ranges.Claim {
		c := claim("a", "m")
		c.Keyspace, c.Node = keyspace, node
		return c
	}
	single := claim("", "")
	single.Range = ranges.Single(key(ranges.KeyBytesMax))
	for _, test := range []struct {
		name string
		do   delta.Operation
		err  error
	}{
		{"start of 4 KiB", register(claim(key(4096), "l"), 1), nil},
		{"start of 4 KiB and a byte", register(claim(key(4097), "l"), 1), delta.ErrInvalid},
		{"start of 5 KiB", register(claim(key(5<<10), "l"), 1), delta.ErrInvalid},
		{"end of 4 KiB", register(claim("a", key(4096)), 1), nil},
		{"end of 4 KiB and a byte", register(claim("a", key(4097)), 1), delta.ErrInvalid},
		{"a single key of 4 KiB", register(single, 1), nil},
		{"an empty range", register(claim("a", "a"), 1), delta.ErrInvalid},
		{"a reversed range", register(claim("m", "a"), 1), delta.ErrInvalid},
		{"names of 255 bytes", register(named(key(255), key(255)), 1), nil},
		{"keyspace of 256 bytes", register(named(key(256), "n"), 1), delta.ErrInvalid},
		{"node of 256 bytes", register(named("ks", key(256)), 1), delta.ErrInvalid},
		{"no keyspace", register(named("", "n"), 1), delta.ErrInvalid},
		{"no node", register(named("ks", ""), 1), delta.ErrInvalid},
		{"node with a space", register(named("ks", "a b"), 1), delta.ErrInvalid},
		{"node with a colon", register(named("ks", "a:b"), 1), delta.ErrInvalid},
		{"node with a bracket", register(named("ks", "a[b"), 1), delta.ErrInvalid},
		{"node with a comma", register(named("ks", "a,b"), 1), delta.ErrInvalid},
		{"node with a zero byte", register(named("ks", "a\x00"), 1), delta.ErrInvalid},
		{"node that is not UTF-8", register(named("ks", "\xff"), 1), delta.ErrInvalid},
		{"register 0", register(am, 0), delta.ErrInvalid},
		{"register -1", register(am, -1), delta.ErrInvalid},
		{"register 1", register(am, 1), nil},
		{"register 2³¹−1", register(am, 1<<31-1), nil},
		{"register 2³¹", register(am, 1<<31), delta.ErrInvalid},
		{"increase 0", increase(am, 0), delta.ErrInvalid},
		{"increase 2³¹−1", increase(am, 1<<31-1), nil},
		{"increase 2³¹", increase(am, 1<<31), delta.ErrInvalid},
		{"decrease 0", decrease(other, 0), delta.ErrInvalid},
		{"decrease 2³¹−1", decrease(other, 1<<31-1), nil},
		{"decrease 2³¹", decrease(other, 1<<31), delta.ErrInvalid},
		{"set 0", set(am, 0), delta.ErrInvalid},
		{"set 2³¹−1", set(am, 1<<31-1), nil},
		{"set 2³¹", set(am, 1<<31), delta.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMember(1)
			m.write(t, register(other, 2))
			c := m.begin()
			_, _, err := c.Write([]delta.Operation{test.do})
			if !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			switch effects := m.finish(t, c); {
			case err == nil:
				newMember(2).receive(t, only(t, effects.Deltas))
			case !effects.IsEmpty():
				t.Errorf("refused, yet it has effects")
			}
		})
	}
}

// with makes x part of the state of m, as if it had come from far back.
func (m *member) with(t *testing.T, c ranges.Claim, x crdt.Contribution) {
	t.Helper()
	e, _ := m.memory.Get(delta.ClaimKey(c)) // a Memory has no errors
	next := delta.Entry{Key: delta.ClaimKey(c), Counter: e.Counter.Merge(x)}
	effects := &delta.Effects{
		ID: m.ID, Context: crdt.Context{x.Origin: max(m.Context.Get(x.Origin), x.Last)},
		Entries:     []delta.EntryChange{delta.NewEntryChange(next.Key, e, next)},
		Fingerprint: m.Fingerprint.Minus(delta.FingerprintOf(e)).Plus(delta.FingerprintOf(next)),
	}
	context := m.Context.Clone()
	context.Join(effects.Context)
	effects.ContextHash = delta.HashContext(context)
	m.memory.Write(effects)
	m.Adopt(effects)
	if err := m.Verify(m.memory); err != nil {
		t.Fatal(err)
	}
}

// TestCommit_Write_PriorityMax: a priority reaches 2⁵³−1 and no more, also
// where several replicas have pushed it there at once.
func TestCommit_Write_PriorityMax(t *testing.T) {
	near := crdt.Contribution{Origin: replicaID(2), Era: 1, Last: 9, Total: delta.PriorityMax - 5, Added: 9}
	m := newMember(1)
	m.with(t, am, near)
	if err := m.try(t, increase(am, 6)); !errors.Is(err, delta.ErrInvalid) {
		t.Fatalf("beyond the largest priority: %v, want ErrInvalid", err)
	}
	if err := m.try(t, increase(am, 5)); err != nil {
		t.Fatalf("to the largest priority: %v", err)
	}
	if got := m.value(am); got != delta.PriorityMax {
		t.Fatalf("shown is %d, want %d", got, int64(delta.PriorityMax))
	}
	if err := m.try(t, increase(am, 1)); !errors.Is(err, delta.ErrInvalid) {
		t.Fatalf("beyond the largest priority: %v, want ErrInvalid", err)
	}

	far := near
	far.Origin = replicaID(3)
	m.with(t, am, far)
	if got := m.value(am); got != delta.PriorityMax {
		t.Errorf("two replicas together show %d, want %d", got, int64(delta.PriorityMax))
	}
	if err := m.try(t, tightenWithGap(am, "a", "f"), decrease(af, 1)); err != nil || m.value(af) != delta.PriorityMax-1 {
		t.Errorf("tightened and decreased: %v, shown is %d", err, m.value(af))
	}
}

// TestCommit_Write_TotalExhausted: the running total of one replica on a claim
// is bounded too. Nothing but amounts of other replicas of the same size lets
// it get there, and the error says how to go on.
func TestCommit_Write_TotalExhausted(t *testing.T) {
	m := newMember(1)
	m.with(t, am, crdt.Contribution{Origin: m.ID, Era: 1, Last: 9, Total: -delta.PriorityMax + 1, Added: 3})
	m.with(t, am, crdt.Contribution{Origin: replicaID(2), Era: 1, Last: 9, Total: delta.PriorityMax, Added: 9})
	m.with(t, am, crdt.Contribution{Origin: replicaID(3), Era: 1, Last: 9, Total: 1000, Added: 9})
	if err := m.try(t, decrease(am, 1)); err != nil {
		t.Fatalf("to the bound: %v", err)
	}
	if err := m.try(t, decrease(am, 1)); !errors.Is(err, delta.ErrInvalid) || !strings.Contains(err.Error(), "release the claim") {
		t.Fatalf("beyond the bound: %v, want ErrInvalid and what to do", err)
	}
	if err := m.try(t, release(am), increase(am, 7)); err != nil || m.value(am) != 7 {
		t.Errorf("after a release: %v, shown is %d", err, m.value(am))
	}
}

// TestCommit_Write_BatchOperationsMax: a batch is bounded by the number of its
// operations.
func TestCommit_Write_BatchOperationsMax(t *testing.T) {
	operations := make([]delta.Operation, delta.BatchOperationsMax+1)
	for i := range operations {
		operations[i] = register(claim(fmt.Sprintf("%05d", i), fmt.Sprintf("%05d", i+1)), 1)
	}
	m, b := newMember(1), newMember(2)
	if err := m.try(t, operations...); !errors.Is(err, delta.ErrTooLarge) {
		t.Fatalf("one operation too many: %v, want ErrTooLarge", err)
	}
	written := m.write(t, operations[1:]...)
	if len(written.Events) != delta.BatchOperationsMax {
		t.Fatalf("%d events", len(written.Events))
	}
	b.mustApply(t, written)
	mustEqualStates(t, m, b)
}

// TestCommit_Write_DeltaBytesMax: and by the bytes of its delta.
func TestCommit_Write_DeltaBytesMax(t *testing.T) {
	var operations []delta.Operation
	for i := range 200 {
		operations = append(operations, register(longClaim(i), 1))
	}
	fits := 0
	for low, high := 0, len(operations); low < high; {
		middle := (low + high + 1) / 2
		if err := newMember(1).try(t, operations[:middle]...); err == nil {
			low, fits = middle, middle
		} else if errors.Is(err, delta.ErrTooLarge) {
			high = middle - 1
		} else {
			t.Fatal(err)
		}
	}
	m, b := newMember(1), newMember(2)
	written := m.write(t, operations[:fits]...)
	perOperation := len(written.Bytes) / fits
	if size := len(written.Bytes); size > delta.DeltaBytesMax || size+perOperation+10 <= delta.DeltaBytesMax {
		t.Errorf("%d operations of %d bytes fit, %d bytes together", fits, perOperation, size)
	}
	b.mustApply(t, written)
	mustEqualStates(t, m, b)
}

// TestCommit_Write_TooLarge_ChangesNothing: what a batch has shown by the time that
// its delta is found too large is undone.
func TestCommit_Write_TooLarge_ChangesNothing(t *testing.T) {
	var operations []delta.Operation
	for i := range 200 {
		operations = append(operations, register(longClaim(i), 1))
	}
	m := newMember(1)
	c := m.begin()
	if _, _, err := c.Write(operations); !errors.Is(err, delta.ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	if effects := m.finish(t, c); !effects.IsEmpty() {
		t.Errorf("it has changed %d entries", len(effects.Entries))
	}
}
