package delta_test

import (
	"errors"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// forget retires a replica in a commit of its own.
func (m *member) forget(t reporter, ids ...crdt.ReplicaID) delta.Packed {
	t.Helper()
	c := m.begin()
	if _, err := c.Forget(ids...); err != nil {
		t.Fatalf("forget: %v", err)
	}
	return only(t, m.finish(t, c).Deltas)
}

// TestCommit_Forget_DropsReleasedKeepsLive: nobody will close the records of a
// forgotten replica, so they go as soon as they are released. What nobody has
// released stays.
func TestCommit_Forget_DropsReleasedKeepsLive(t *testing.T) {
	dead, a, b := newMember(1), newMember(2), newMember(3)
	x, y := claim("a", "b"), claim("c", "d")
	registered := dead.write(t, register(x, 10), register(y, 20))
	a.mustApply(t, registered)
	b.mustApply(t, registered)
	released := a.write(t, release(x))
	if got := len(a.state()); got != 2 {
		t.Fatalf("%d entries wait for the dead replica, want 2", got)
	}

	forgotten := a.forget(t, dead.ID)
	if got := len(a.state()); got != 2 { // y and the mark of the forgotten
		t.Errorf("%d entries after the forget, want 2", got)
	}
	if a.value(x) != 0 || a.value(y) != 20 {
		t.Errorf("x shows %d and y %d, want 0 and 20", a.value(x), a.value(y))
	}
	b.mustApply(t, released)
	b.mustApply(t, forgotten)
	mustEqualStates(t, a, b)

	later := b.write(t, release(y))
	a.mustApply(t, later)
	if got := len(a.state()); got != 1 {
		t.Errorf("%d entries after the last release, want 1", got)
	}
	mustEqualStates(t, a, b)
}

// TestCommit_Forget_LateEventsAreTaken: what a forgotten replica had written
// and not sent is taken if it turns up.
func TestCommit_Forget_LateEventsAreTaken(t *testing.T) {
	dead, a := newMember(1), newMember(2)
	c := claim("a", "b")
	late := dead.write(t, register(c, 10))
	a.forget(t, dead.ID)
	a.mustApply(t, late)
	if got := a.value(c); got != 10 {
		t.Errorf("the late claim shows %d, want 10", got)
	}
}

// TestCommit_Forget_WaitsForWhatIsOnItsWay: a released record of which not
// everything was seen stays also after a forget, or what is still on its way
// would come back with the released base.
func TestCommit_Forget_WaitsForWhatIsOnItsWay(t *testing.T) {
	dead, x, a := newMember(1), newMember(2), newMember(3)
	c := claim("a", "b")
	first, second := dead.write(t, increase(c, 5)), dead.write(t, increase(c, 3))
	x.mustApply(t, first)
	x.mustApply(t, second)
	a.mustApply(t, first)
	a.mustApply(t, x.write(t, release(c)))
	a.forget(t, dead.ID)
	a.mustApply(t, second)
	if got := a.value(c); got != 0 {
		t.Errorf("the released claim came back with %d", got)
	}
	if got := len(a.state()); got != 1 {
		t.Errorf("%d entries are left, want the mark of the forgotten alone", got)
	}
}

// TestCommit_CompleteSession_DropsAbandoned: the session brings what a released
// record of a forgotten replica was waiting for, with no event that would drop
// the record.
func TestCommit_CompleteSession_DropsAbandoned(t *testing.T) {
	dead, x, sender, a := newMember(1), newMember(2), newMember(3), newMember(4)
	c := claim("a", "b")
	registered := dead.write(t, register(c, 10))
	x.mustApply(t, registered)
	released := x.write(t, release(c))
	sender.mustApply(t, registered)
	sender.mustApply(t, released)
	a.mustApply(t, released)
	forgotten := a.forget(t, dead.ID)

	a.openSession(t, sender)
	a.takeInSession(t, sender.answer(t, delta.Whole))
	a.completeSession(t)
	sender.mustApply(t, forgotten)
	mustEqualStates(t, a, sender)
}

// TestCommit_Receive_ProvesForgotten: a replica that learns that it was
// forgotten goes on under a new id, and what it had claimed stays.
func TestCommit_Receive_ProvesForgotten(t *testing.T) {
	m, other := newMember(1), newMember(2)
	c := claim("a", "b")
	m.write(t, register(c, 10))
	forgotten := other.forget(t, m.ID)
	for name, offer := range map[string]func(*delta.Commit) error{
		"delta":  func(c *delta.Commit) error { _, err := c.Receive(forgotten); return err },
		"answer": func(c *delta.Commit) error { return c.Take(other.answer(t, delta.Whole)) },
	} {
		t.Run(name, func(t *testing.T) {
			m := m.clone()
			commit := m.begin()
			if err := offer(commit); !errors.Is(err, delta.ErrForgotten) {
				t.Fatalf("got %v, want ErrForgotten", err)
			}
			commit.Rename(replicaID(7))
			if err := offer(commit); err != nil {
				t.Fatalf("after renaming: %v", err)
			}
			m.finish(t, commit)
			if m.ID != replicaID(7) || m.value(c) != 10 {
				t.Errorf("replica %s shows %d", m.ID, m.value(c))
			}
		})
	}
}

// TestCommit_Forget_Refusals: nobody retires itself, or nobody.
func TestCommit_Forget_Refusals(t *testing.T) {
	m := newMember(1)
	for _, id := range []crdt.ReplicaID{m.ID, {}} {
		c := m.begin()
		if _, err := c.Forget(id); !errors.Is(err, delta.ErrInvalid) {
			t.Errorf("forget %s: %v, want ErrInvalid", id, err)
		}
		if effects := m.finish(t, c); !effects.IsEmpty() {
			t.Errorf("the refusal had effects")
		}
	}
	m.forget(t, replicaID(2))
	c := m.begin()
	if d, err := c.Forget(replicaID(2)); err != nil || len(d.Events) != 0 {
		t.Errorf("forgotten twice: %d events, %v", len(d.Events), err)
	}
}

// TestCommit_Rename_EndsTheSession: a replica keeps a record of its own that the
// sender of an answer lacks, since only it could have closed it. If it learns later
// in the session that it was forgotten, the sender had dropped the record; so the
// session must not make the release seen whose effect was left out.
func TestCommit_Rename_EndsTheSession(t *testing.T) {
	m, sender := newMember(1), newMember(2)
	c := claim("a", "b")
	sender.mustApply(t, m.write(t, register(c, 10)))
	sender.forget(t, m.ID)
	sender.write(t, release(c))

	m.openSession(t, sender)
	m.takeInSession(t, sender.answer(t, delta.ClaimSpan))
	marks := sender.answer(t, delta.ForgottenSpan)
	marks.InSession = true
	commit := m.begin()
	if err := commit.Take(marks); !errors.Is(err, delta.ErrForgotten) {
		t.Fatalf("got %v, want ErrForgotten", err)
	}
	commit.Rename(replicaID(7))
	if err := commit.Take(marks); err != nil {
		t.Fatalf("after renaming: %v", err)
	}
	m.finish(t, commit)
	m.completeSession(t)
	if m.Context.Get(sender.ID) > 0 && m.value(c) != 0 {
		t.Errorf("the claim shows %d though its release counts as seen", m.value(c))
	}

	m.openSession(t, sender)
	m.takeInSession(t, sender.answer(t, delta.Whole))
	m.completeSession(t)
	mustEqualStates(t, m, sender)
}

// TestCommit_Take_KeepsWhatItsContextReleases: sender has seen a release as an event,
// ahead of what is released, and then found in a session that nobody waits for that
// any more. Its own context says nothing of that until the session is complete, so it
// must have the release for whoever takes it from there.
func TestCommit_Take_KeepsWhatItsContextReleases(t *testing.T) {
	dead, releaser, sender, m := newMember(1), newMember(2), newMember(3), newMember(4)
	c := claim("a", "b")
	registered := dead.write(t, register(c, 10))
	releaser.mustApply(t, registered)
	m.mustApply(t, registered)
	releaser.mustApply(t, m.forget(t, dead.ID))
	sender.mustApply(t, releaser.write(t, release(c)))
	sender.openSession(t, releaser)
	sender.takeInSession(t, releaser.answer(t, delta.ClaimSpan))

	m.openSession(t, sender)
	m.takeInSession(t, sender.answer(t, delta.Whole))
	m.completeSession(t)
	if !m.IsAhead() && m.value(c) != 0 {
		t.Errorf("the claim shows %d though its release counts as seen", m.value(c))
	}

	sender.takeInSession(t, releaser.answer(t, delta.ForgottenSpan))
	sender.completeSession(t)
	mustEqualStates(t, sender, releaser)
	mustEqualStates(t, sender, m)
}

// goneCase is a releaser that has seen a record closed, and a member that has seen
// the release alone.
func goneCase(t *testing.T) (releaser, m *member) {
	t.Helper()
	origin, releaser, m := newMember(1), newMember(2), newMember(3)
	c := claim("a", "b")
	releaser.mustApply(t, origin.write(t, register(c, 10)))
	released := releaser.write(t, release(c))
	m.mustApply(t, released)
	releaser.mustApply(t, origin.mustClose(t, released))
	return releaser, m
}

// TestCommit_CompleteSession_DropsWhatItFoundGone: also what was repaired in parts
// before leaves nothing behind.
func TestCommit_CompleteSession_DropsWhatItFoundGone(t *testing.T) {
	releaser, m := goneCase(t)
	m.take(t, releaser.answer(t, delta.Whole))
	if len(m.state()) != 1 {
		t.Errorf("%d entries, want that which the release has left", len(m.state()))
	}

	m.openSession(t, releaser)
	m.takeInSession(t, releaser.answer(t, delta.Whole))
	m.completeSession(t)
	mustEqualStates(t, m, releaser)
}

// TestCommit_CompleteSession_KeepsWhatItDoesNotCover: a session that was narrowed says
// nothing of what was found gone at a former sender.
func TestCommit_CompleteSession_KeepsWhatItDoesNotCover(t *testing.T) {
	releaser, m := goneCase(t)
	m.openSession(t, releaser)
	m.takeInSession(t, releaser.answer(t, delta.Whole))
	m.openSession(t, newMember(4))
	m.completeSession(t)
	if len(m.state()) != 1 {
		t.Errorf("%d entries, want that which the release has left", len(m.state()))
	}
}

// TestCommit_CompleteSession_KeepsWhatCameLater: what a session has found gone says
// nothing of what the origin has contributed since, which others may have released
// and the origin not yet closed.
func TestCommit_CompleteSession_KeepsWhatCameLater(t *testing.T) {
	origin, releaser, sender, m := newMember(1), newMember(2), newMember(3), newMember(4)
	c := claim("a", "b")
	m.openSession(t, sender)
	first := origin.write(t, increase(c, 10))
	releaser.mustApply(t, first)
	released := releaser.write(t, release(c))
	m.mustApply(t, released)
	closed := origin.mustClose(t, released)
	for _, p := range []delta.Packed{first, released, closed} {
		sender.mustApply(t, p)
	}
	m.takeInSession(t, sender.answer(t, delta.Whole))

	again := origin.write(t, increase(c, 5))
	releaser.mustApply(t, closed)
	releaser.mustApply(t, again)
	for _, p := range []delta.Packed{first, closed, again, releaser.write(t, release(c))} {
		m.mustApply(t, p)
	}
	m.completeSession(t)
	m.mustApply(t, origin.write(t, increase(c, 2)))
	if got := m.value(c); got != 2 {
		t.Errorf("the claim shows %d, want what was not released, 2", got)
	}
}
