package delta_test

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// TestCommit_Take_ReissuesWhatSenderHasLost: a directory is rolled back, and
// before anybody shows that it is, it writes on under sequences that were used.
// Its context has caught up, so no context tells. Others believe its new record
// to be closed, and would never take it; it alone knows better, and issues it
// again.
func TestCommit_Take_ReissuesWhatSenderHasLost(t *testing.T) {
	a, b := newMember(1), newMember(2)
	x, y := claim("a", "b"), claim("c", "d")
	rolledBack := a.clone()
	b.mustApply(t, a.write(t, register(x, 1)))
	rolledBack.write(t, register(y, 2))
	if rolledBack.ContextHash != b.ContextHash || rolledBack.Fingerprint == b.Fingerprint {
		t.Fatal("the example does not show equal contexts with different states")
	}

	c := rolledBack.begin()
	if err := c.Take(b.answer(t, delta.Whole)); err != nil {
		t.Fatal(err)
	}
	again := only(t, own(rolledBack.finish(t, c).Deltas, rolledBack.ID))
	b.take(t, rolledBack.answer(t, delta.Whole))
	b.mustApply(t, again)
	if rolledBack.Fingerprint != b.Fingerprint {
		t.Errorf("states still differ: %s and %s", rolledBack.Fingerprint, b.Fingerprint)
	}
	if got := b.value(y); got != 2 {
		t.Errorf("the claim that was lost shows %d, want 2", got)
	}
}

// TestCommit_Take_ReissuesNothingOfOne that may have been forgotten: a sender
// that is ahead, or that has seen more than we have, may have dropped our
// record with good reason.
func TestCommit_Take_ReissuesNothingOfOneThatMayBeForgotten(t *testing.T) {
	for name, change := range map[string]func(*delta.Answer){
		"ahead":     func(a *delta.Answer) { a.Ahead = newMember(1).Context.Clone(); a.Ahead[replicaID(5)] = 1 },
		"seen more": func(a *delta.Answer) { a.Context[replicaID(5)] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMember(1)
			m.write(t, register(claim("a", "b"), 1))
			answer := delta.Answer{Span: delta.Whole, Context: m.Context.Clone()}
			change(&answer)
			c := m.begin()
			if err := c.Take(answer); err != nil {
				t.Fatal(err)
			}
			if deltas := m.finish(t, c).Deltas; len(deltas) > 0 {
				t.Errorf("it issues %v", deltas)
			}
		})
	}
}

// TestNodeRecord_Join_OfReusedDot: two records under one dot join to the same
// one on both sides.
func TestNodeRecord_Join_OfReusedDot(t *testing.T) {
	a, b := newMember(1), newMember(1)
	for m, service := range map[*member]string{a: "one", b: "two"} {
		c := m.begin()
		if _, err := c.Advertise(delta.NodeRecord{Name: "n", Service: service}); err != nil {
			t.Fatal(err)
		}
		m.finish(t, c)
	}
	ofA, ofB := a.answer(t, delta.Whole), b.answer(t, delta.Whole)
	a.take(t, ofB)
	b.take(t, ofA)
	if a.Fingerprint != b.Fingerprint {
		t.Error("each has taken the other's record")
	}
}
