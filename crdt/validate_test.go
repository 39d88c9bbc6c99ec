package crdt

import (
	"errors"
	"strings"
	"testing"
)

// What no sequence of calls leads to is broken here from within, to see that
// Validate notices.
func TestValidate_BrokenFromWithin(t *testing.T) {
	a, b := Dot{ReplicaID{1}, 1}, Dot{ReplicaID{2}, 1}
	set := func(breakIt func(*AWORSet[string])) error {
		var s AWORSet[string]
		s.Join(new(AWORSet[string]).Add(a.Replica, "x"))
		s.Join(new(AWORSet[string]).Add(b.Replica, "x"))
		breakIt(&s)
		return s.Validate()
	}
	register := MVRegister[int]{dotStore[int]{live: map[Dot]int{a: 1}}}
	for _, c := range []struct {
		invariant string
		err       error
	}{
		{"D1", (&DotContext{seen: map[ReplicaID]runs{{1}: {}}}).Validate()},
		{"D1", (&DotContext{seen: map[ReplicaID]runs{{}: {{1, 2}}}}).Validate()},
		{"D2", (&DotContext{seen: map[ReplicaID]runs{{1}: {{1, 2}, {3, 4}}}}).Validate()},
		{"S1", register.Validate()},
		{"S1", set(func(s *AWORSet[string]) { delete(s.store.seen.seen, a.Replica) })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["x"] = []Dot{b, a} })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["x"] = []Dot{a, a} })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["x"] = []Dot{a} })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["x"] = nil })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["y"] = nil })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["y"] = []Dot{a} })},
		{"A1", set(func(s *AWORSet[string]) { s.dots["x"], s.dots["y"] = []Dot{b}, []Dot{a} })},
		{"A1", set(func(s *AWORSet[string]) { delete(s.store.live, a) })},
		{"M1", (&AWORMap[int, PNCounter]{map[int]PNCounter{1: nil}}).Validate()},
	} {
		if !errors.Is(c.err, ErrInvalid) || !strings.Contains(c.err.Error(), c.invariant) {
			t.Errorf("%v, want one of %s", c.err, c.invariant)
		}
	}
	if err := set(func(*AWORSet[string]) {}); err != nil {
		t.Error(err)
	}
}
