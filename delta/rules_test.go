package delta_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// The tests of this file each hold one rule of docs/data-model.md in the
// smallest history that goes wrong without it. internal/mutant breaks the
// rules one by one and requires that the test of the rule notices.

// TestCommit_Take_LeavesContextAlone: the context of a range answer covers the
// whole state of its sender, the answer only a span of it. Were it added to
// our own, the delta about the other claim would look seen when it arrives.
func TestCommit_Take_LeavesContextAlone(t *testing.T) {
	a, b := newMember(1), newMember(2)
	x, y := claim("a", "b"), claim("c", "d")
	first, second := a.write(t, register(x, 10)), a.write(t, register(y, 20))

	b.take(t, a.answer(t, spanOf(x)))
	if b.value(x) != 10 {
		t.Fatalf("the answer was not joined: %d", b.value(x))
	}
	if len(b.Context) != 0 {
		t.Errorf("the context grew to %s by an answer for a span", b.Context)
	}
	b.mustApply(t, first)
	b.mustApply(t, second)
	mustEqualStates(t, a, b)
}

// TestCommit_CompleteSession_WidensByStart: what the sender learns during a
// session may lie in a span that it has answered before, so completing the
// session proves only what the sender had seen at its start.
func TestCommit_CompleteSession_WidensByStart(t *testing.T) {
	a, b := newMember(1), newMember(2)
	x, y := claim("a", "b"), claim("c", "d")
	a.write(t, register(y, 20))

	b.openSession(t, a)
	b.takeInSession(t, a.answer(t, delta.Span{From: delta.Whole.From, To: delta.ClaimKey(y)}))
	late := a.write(t, register(x, 10))
	b.takeInSession(t, a.answer(t, delta.Span{From: delta.ClaimKey(y), To: delta.Whole.To}))
	b.completeSession(t)

	if got := b.Context.Get(a.ID); got != 1 {
		t.Errorf("the context grew to %d, the sender had seen 1 when the session began", got)
	}
	b.mustApply(t, late)
	mustEqualStates(t, a, b)
}

// closedClaim returns a claim of a that x has released and a has closed, and
// the deltas that did it.
func closedClaim(t *testing.T, a, x *member) (added, released, closed delta.Packed) {
	c := claim("a", "b")
	added = a.write(t, register(c, 10))
	x.mustApply(t, added)
	released = x.write(t, release(c))
	closed = a.mustClose(t, released)
	return added, released, closed
}

// TestCommit_Receive_HoldsWhatSessionCovers: an event that the session covers
// may have been undone by others that it covers too. Applied on its own, when
// its span was compared already, it would stay for ever.
func TestCommit_Receive_HoldsWhatSessionCovers(t *testing.T) {
	a, x, s, b := newMember(1), newMember(2), newMember(3), newMember(4)
	added, released, closed := closedClaim(t, a, x)
	s.mustApply(t, added)
	s.mustApply(t, released)
	s.mustApply(t, closed)

	b.openSession(t, s)
	b.takeInSession(t, s.answer(t, delta.Whole))
	if outcome, _ := b.receive(t, added); outcome != delta.Held {
		t.Errorf("an event inside the session was %s, want held", outcome)
	}
	b.completeSession(t)
	if outcome, _ := b.receive(t, closed); outcome != delta.Seen {
		t.Errorf("the close was %s, want seen", outcome)
	}
	mustEqualStates(t, s, b)
}

// TestCommit_Receive_DefersReleaseOfWhatSessionMayHaveClosed: the session has
// found a record closed that we never held. A release of it that the session
// does not cover would bring it back, and nobody would close it again.
func TestCommit_Receive_DefersReleaseOfWhatSessionMayHaveClosed(t *testing.T) {
	a, x, s, b := newMember(1), newMember(2), newMember(3), newMember(4)
	added, released, closed := closedClaim(t, a, x)
	s.mustApply(t, added)
	s.mustApply(t, closed) // the release is still on its way to s

	b.openSession(t, s)
	b.takeInSession(t, s.answer(t, delta.Whole))
	if outcome, _ := b.receive(t, released); outcome != delta.Held {
		t.Errorf("the release was %s, want held", outcome)
	}
	b.completeSession(t)
	b.mustApply(t, released)
	s.mustApply(t, released)
	mustEqualStates(t, s, b)
}

// TestCommit_Take_LeavesToSessionWhatItCovers: the same as for events holds
// for what others answer while a session is open.
func TestCommit_Take_LeavesToSessionWhatItCovers(t *testing.T) {
	a, x, s, b, lagging := newMember(1), newMember(2), newMember(3), newMember(4), newMember(5)
	added, released, closed := closedClaim(t, a, x)
	lagging.mustApply(t, added)
	s.mustApply(t, added)
	s.mustApply(t, released)
	s.mustApply(t, closed)

	b.openSession(t, s)
	b.takeInSession(t, s.answer(t, delta.Whole))
	b.take(t, lagging.answer(t, delta.Whole))
	b.completeSession(t)
	mustEqualStates(t, s, b)
}

// TestCommit_Receive_KeepsOrderOfOrigin: a context names a prefix of the events
// of each origin, so an event is applied only after all before it.
func TestCommit_Receive_KeepsOrderOfOrigin(t *testing.T) {
	a, b := newMember(1), newMember(2)
	first, second := a.write(t, register(claim("a", "b"), 10)), a.write(t, register(claim("c", "d"), 20))

	if outcome, _ := b.receive(t, second); outcome != delta.Early {
		t.Errorf("the second event was %s before the first, want early", outcome)
	}
	b.mustApply(t, first)
	b.mustApply(t, second)
	mustEqualStates(t, a, b)
}

// TestCommit_Receive_KeepsReleasedRecordUntilClosed: an Increase that the
// release had not observed finds in the released record how much of its total
// is released. Without that the released base would come back with it.
func TestCommit_Receive_KeepsReleasedRecordUntilClosed(t *testing.T) {
	a, b := newMember(1), newMember(2)
	c := claim("a", "b")
	b.mustApply(t, a.write(t, increase(c, 5)))
	released := b.write(t, release(c))
	concurrent := a.write(t, increase(c, 3))

	b.mustApply(t, concurrent)
	a.mustApply(t, released)
	for _, m := range []*member{a, b} {
		if got := m.value(c); got != 3 {
			t.Errorf("replica %s shows %d, want the 3 that nobody released", m.ID, got)
		}
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Receive_TakesNoReleaseOfWhatWasClosed: a release that arrives
// after the close of what it releases would bring an empty record back that
// nobody would close again.
func TestCommit_Receive_TakesNoReleaseOfWhatWasClosed(t *testing.T) {
	a, x, b := newMember(1), newMember(2), newMember(3)
	added, released, closed := closedClaim(t, a, x)
	b.mustApply(t, added)
	b.mustApply(t, closed)
	b.mustApply(t, released)
	if len(b.state()) != 0 {
		t.Errorf("%d entries came back with the release", len(b.state()))
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Take_TakesNoRecordThatWasClosed: nor does a record of one who has
// not heard of the close.
func TestCommit_Take_TakesNoRecordThatWasClosed(t *testing.T) {
	a, x, lagging := newMember(1), newMember(2), newMember(3)
	added, _, closed := closedClaim(t, a, x)
	lagging.mustApply(t, added)
	x.mustApply(t, closed)
	x.take(t, lagging.answer(t, delta.Whole))
	if got := x.value(claim("a", "b")); got != 0 {
		t.Errorf("the closed record came back with priority %d", got)
	}
	mustEqualStates(t, a, x)
}

// TestCommit_Write_NewEraAfterClose: totals start anew with the record. One
// who still holds the old record, released, must take the new one whole: the
// old watermark would take amounts from it that were never in it.
func TestCommit_Write_NewEraAfterClose(t *testing.T) {
	a, x, b := newMember(1), newMember(2), newMember(3)
	c := claim("a", "b")
	added := a.write(t, increase(c, 5))
	x.mustApply(t, added)
	released := x.write(t, release(c))
	a.mustClose(t, released)
	b.mustApply(t, added)
	b.mustApply(t, released)

	a.write(t, increase(c, 7))
	b.take(t, a.answer(t, delta.Whole))
	if got := b.value(c); got != 7 {
		t.Errorf("the new record shows %d, want 7", got)
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Write_RegisterOfVisibleIsAnEvent: a Register that was acknowledged
// is not undone by a Release that had not observed it, also where the claim
// was visible before and nothing seemed to be left to do.
func TestCommit_Write_RegisterOfVisibleIsAnEvent(t *testing.T) {
	a, b := newMember(1), newMember(2)
	c := claim("a", "b")
	b.mustApply(t, a.write(t, register(c, 10)))
	released := b.write(t, release(c))
	again := a.write(t, register(c, 99))

	a.mustApply(t, released)
	b.mustApply(t, again)
	for _, m := range []*member{a, b} {
		if got := m.value(c); got != 10 {
			t.Errorf("replica %s shows %d, want the 10 that was registered again", m.ID, got)
		}
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Take_DropsOnlyWhatSenderHadSeen: a record that the sender lacks
// was closed there if its context covers the record; otherwise it has yet to
// arrive there.
func TestCommit_Take_DropsOnlyWhatSenderHadSeen(t *testing.T) {
	a, x, ignorant, b := newMember(1), newMember(2), newMember(3), newMember(4)
	added, released, closed := closedClaim(t, a, x)
	b.mustApply(t, added)

	b.take(t, ignorant.answer(t, delta.Whole))
	if got := b.value(claim("a", "b")); got != 10 {
		t.Fatalf("after the answer of one that knows nothing: %d, want 10", got)
	}
	b.take(t, a.answer(t, delta.Whole))
	if len(b.state()) != 0 {
		t.Errorf("after the answer of one that closed it there are %d entries", len(b.state()))
	}
	b.mustApply(t, released)
	b.mustApply(t, closed)
	mustEqualStates(t, a, b)
}

// TestCommit_Receive_CloseLeavesLaterEra: a close that arrives after an answer
// has brought the life of the record that came next leaves that alone.
func TestCommit_Receive_CloseLeavesLaterEra(t *testing.T) {
	a, x, b := newMember(1), newMember(2), newMember(3)
	added, _, closed := closedClaim(t, a, x)
	c := claim("a", "b")
	again := a.write(t, increase(c, 7))
	b.take(t, a.answer(t, delta.Whole))
	b.mustApply(t, added)
	b.mustApply(t, closed)
	if got := b.value(c); got != 7 {
		t.Errorf("after the close of the old record: %d, want the 7 of the new one", got)
	}
	b.mustApply(t, again)
	mustEqualStates(t, a, b)
}

// TestCommit_Finish_ClosesNothingUsedAgain: a record that was found released
// and then used again in the same commit is not closed: the close would take
// the new contribution with it.
func TestCommit_Finish_ClosesNothingUsedAgain(t *testing.T) {
	a, x := newMember(1), newMember(2)
	c := claim("a", "b")
	x.mustApply(t, a.write(t, register(c, 10)))
	released := x.write(t, release(c))
	commit := a.begin()
	if _, err := commit.Receive(released); err != nil {
		t.Fatal(err)
	}
	if _, _, err := commit.Write([]delta.Operation{increase(c, 7)}); err != nil {
		t.Fatal(err)
	}
	x.mustApply(t, only(t, own(a.finish(t, commit).Deltas, a.ID)))
	if a.value(c) != 7 || x.value(c) != 7 {
		t.Errorf("shown are %d and %d, want 7", a.value(c), x.value(c))
	}
	mustEqualStates(t, a, x)
}

// TestCommit_Receive_RecordsThePartThatWasApplied: the log, and all who are
// served from it, get what was new in a delta and nothing that was left out.
func TestCommit_Receive_RecordsThePartThatWasApplied(t *testing.T) {
	a, s, b := newMember(1), newMember(2), newMember(3)
	whole := a.write(t, register(claim("a", "b"), 1), register(claim("b", "c"), 2), register(claim("c", "d"), 3))
	part := func(from, to int) delta.Packed {
		p, err := delta.Pack(whole.Slice(from, to))
		if err != nil {
			t.Fatal(err)
		}
		return travelled(t, p)
	}
	b.mustApply(t, part(0, 1))
	s.mustApply(t, part(0, 2))
	later := a.write(t, release(claim("b", "c")))

	c := b.begin()
	if outcome, err := c.Receive(whole); err != nil || outcome != delta.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if got := travelled(t, only(t, b.finish(t, c).Deltas)); got.First != 2 || got.Last() != 3 {
		t.Errorf("recorded is %s, want the last two events", got)
	}
	if outcome, _ := b.receive(t, part(1, 3)); outcome != delta.Seen {
		t.Errorf("a part that is covered was %s", outcome)
	}
	b.mustApply(t, later)

	s.openSession(t, a)
	if outcome, _ := s.receive(t, whole); outcome != delta.Held {
		t.Errorf("inside the session it was %s, want held", outcome)
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Take_ClosesOwnRecordThatOthersReleased: an answer may show that
// our own record was released; closing it is on us, as after a delta.
func TestCommit_Take_ClosesOwnRecordThatOthersReleased(t *testing.T) {
	a, x := newMember(1), newMember(2)
	c := claim("a", "b")
	x.mustApply(t, a.write(t, register(c, 10)))
	released := x.write(t, release(c))

	effects := a.take(t, x.answer(t, delta.Whole))
	closed := only(t, effects.Deltas)
	if got := closed.Events[0].Kind; got != delta.Close {
		t.Fatalf("the answer brought forth a %s, want a close", got)
	}
	if outcome, _ := a.receive(t, released); outcome != delta.Applied {
		t.Fatalf("the release was %s", outcome)
	}
	x.mustApply(t, closed)
	mustEqualStates(t, a, x)
}

// TestCommit_Take_IsAheadUntilContextCovers: equal contexts prove nothing while
// a replica may hold more than its context says.
func TestCommit_Take_IsAheadUntilContextCovers(t *testing.T) {
	a, b := newMember(1), newMember(2)
	first, second := a.write(t, register(claim("a", "b"), 10)), a.write(t, register(claim("c", "d"), 20))
	third := a.write(t, release(claim("a", "b")))
	b.mustApply(t, first)

	c := b.begin()
	c.Matched(a.Context.Clone())
	b.finish(t, c)
	b.mustApply(t, second)
	if !b.IsAhead() || b.Ahead.Get(a.ID) != 3 {
		t.Fatalf("after a match with one that had seen 3: ahead by %s", b.Ahead)
	}
	b.mustApply(t, third)
	if b.IsAhead() {
		t.Errorf("the context covers everything, still ahead by %s", b.Ahead)
	}
}

// TestCommit_Take_IsAheadOfWhatSenderIsAhead: the sender may be ahead itself,
// and then its answer holds more than its context says. Forgetting that, two
// replicas with equal contexts and different entries would each think that the
// other is corrupt.
func TestCommit_Take_IsAheadOfWhatSenderIsAhead(t *testing.T) {
	a, s := newMember(1), newMember(2)
	x := claim("a", "b")
	registered := a.write(t, register(x, 10))
	s.take(t, a.answer(t, delta.Whole))
	for name, join := range map[string]func(*delta.Commit, delta.Answer) error{
		"joined": func(c *delta.Commit, a delta.Answer) error { return c.Take(a) },
		"equal":  func(c *delta.Commit, a delta.Answer) error { c.Matched(a.Covered()); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := newMember(3)
			c := b.begin()
			if err := join(c, s.answer(t, delta.Whole)); err != nil {
				t.Fatal(err)
			}
			b.finish(t, c)
			if b.Ahead.Get(a.ID) != 1 {
				t.Errorf("ahead by %s, want by the one event that the sender was ahead", b.Ahead)
			}
			b.mustApply(t, registered)
			if b.IsAhead() {
				t.Errorf("the context covers everything, still ahead by %s", b.Ahead)
			}
		})
	}
}

// TestCommit_Receive_ProvesAmnesia: whoever knows more of us than we do proves
// that our directory was rolled back, by its deltas, its releases, its answers
// and its contexts. Nothing changes until we go on under a new id.
func TestCommit_Receive_ProvesAmnesia(t *testing.T) {
	a, b := newMember(1), newMember(2)
	c := claim("a", "b")
	rolledBack := a.clone()
	lost := a.write(t, register(c, 10))
	b.mustApply(t, lost)
	answer := b.answer(t, delta.Whole)
	bare := answer
	bare.Context = crdt.NewContext()
	released := b.write(t, release(c))

	proofs := map[string]func(*delta.Commit) error{
		"own delta":          func(c *delta.Commit) error { _, err := c.Receive(lost); return err },
		"release":            func(c *delta.Commit) error { _, err := c.Receive(released); return err },
		"context of answer":  func(c *delta.Commit) error { return c.Take(delta.Answer{Span: delta.Whole, Context: answer.Context}) },
		"record in answer":   func(c *delta.Commit) error { return c.Take(bare) },
		"ahead of answer":    func(c *delta.Commit) error { return c.Take(delta.Answer{Span: delta.Whole, Ahead: answer.Context}) },
		"context of session": func(c *delta.Commit) error { return c.OpenSession(answer.Context) },
	}
	for name, offer := range proofs {
		t.Run(name, func(t *testing.T) {
			m := rolledBack.clone()
			c := m.begin()
			if err := offer(c); !errors.Is(err, delta.ErrAmnesia) {
				t.Fatalf("got %v, want ErrAmnesia", err)
			}
			if effects := m.finish(t, c); !effects.IsEmpty() || effects.Session != nil {
				t.Fatalf("the refusal had effects: %+v", effects)
			}
			c = m.begin()
			c.Rename(replicaID(7))
			if err := offer(c); err != nil {
				t.Fatalf("after renaming: %v", err)
			}
			if effects := m.finish(t, c); !effects.Renamed || m.ID != replicaID(7) {
				t.Fatalf("the replica is still %s", m.ID)
			}
		})
	}
}

// TestCommit_Disown_CarriesOverWhatThisLifeWrote: of a directory that was copied
// both sides number on. Who gives up the id contributes again, under the new
// one, what it has written since it began, at once and in whole; what it had
// before is left to the other, who may have released it.
func TestCommit_Disown_CarriesOverWhatThisLifeWrote(t *testing.T) {
	a := newMember(1)
	old, increased, taken, only, lowered := claim("a", "b"), claim("b", "c"), claim("c", "d"), claim("d", "e"), claim("e", "f")
	a.write(t, register(old, 4), register(increased, 5), register(lowered, 5))
	fork := a.clone()
	a.write(t, release(old), register(taken, 1), increase(taken, 1))
	a.write(t, release(lowered))
	fork.write(t, register(only, 7), increase(increased, 3))
	fork.write(t, decrease(increased, 2), decrease(lowered, 1)) // which adds nothing that the release had not seen

	c := fork.begin()
	if err := c.Disown(replicaID(9)); err != nil {
		t.Fatal(err)
	}
	effects := fork.finish(t, c)
	if fork.ID != replicaID(9) || len(effects.Deltas) != 1 {
		t.Fatalf("the replica is %s, with %d deltas", fork.ID, len(effects.Deltas))
	}
	for claim, want := range map[ranges.Claim]int64{old: 4, increased: 6, only: 7, lowered: 4} {
		if got := fork.value(claim); got != want {
			t.Errorf("%v shows %d after the new id, want %d as before", claim, got, want)
		}
	}
	// The other side has seen other events under the former id, and so takes
	// none of those; only what bears the new one.
	c = a.begin()
	if _, err := c.Receive(effects.Deltas[0]); err != nil {
		t.Fatal(err)
	}
	a.finish(t, c)
	for claim, want := range map[ranges.Claim]int64{old: 0, taken: 2, only: 7, lowered: 0} {
		if got := a.value(claim); got != want {
			t.Errorf("%v shows %d on the other side, want %d", claim, got, want)
		}
	}
	if a.value(increased) == 0 {
		t.Error("a claim that both wrote is gone")
	}
}

func mustEqualStates(t *testing.T, members ...*member) {
	t.Helper()
	for _, m := range members[1:] {
		if !slices.EqualFunc(members[0].state(), m.state(), delta.Entry.Equal) || members[0].Fingerprint != m.Fingerprint {
			t.Errorf("replicas %s and %s differ:\n%+v\n%+v", members[0].ID, m.ID, members[0].state(), m.state())
		}
	}
}
