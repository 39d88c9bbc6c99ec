package sim

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// checkReleases holds that each Release of a commit observes what lived where
// it was written, and nothing else (V6).
func (m *member) checkReleases(old *delta.Replica, requests []antientropy.CommitRequest, e *delta.Effects) {
	if len(e.Deltas) == 0 || old.IsAhead() || old.InSession() || has(requests, antientropy.StepTake, antientropy.StepMatched, antientropy.StepComplete) {
		return // more is observed than the context says
	}
	seen := m.oracle.sequences(old.Context)
	for _, p := range e.Deltas {
		n := m.oracle.number(p.Origin)
		for i, x := range p.Events {
			if p.Origin == e.ID && x.Kind == delta.Release {
				m.checkRelease(p.Dot(i), x, seen, carriedOver(old, e, p.Events[i:]))
			}
			seen[n] = p.Dot(i).Sequence
		}
	}
}

// carriedOver returns the former id of a replica that was disowned, if the first of
// some events releases what that has contributed and the next contributes it again
// (delta.Commit.Disown); else the zero id. What others have contributed to the claim
// stays as it is, so such a Release does not observe it.
func carriedOver(old *delta.Replica, e *delta.Effects, events []delta.Event) crdt.ReplicaID {
	if !e.Renamed || len(events) < 2 || events[1].Key() != events[0].Key() {
		return crdt.ReplicaID{}
	}
	if observed := events[0].Released(); len(observed) != 1 || observed[0].Origin != old.ID {
		return crdt.ReplicaID{}
	}
	return old.ID
}

func (m *member) checkRelease(dot crdt.Dot, x delta.Event, seen sequences, former crdt.ReplicaID) {
	owed := m.oracle.promised(x.Key(), m.dir)
	if owed == undefined {
		return
	}
	want := m.oracle.live(x.Key(), seen)
	for n, last := range want {
		if owed == butForgotten && m.oracle.isForgotten(m.oracle.ids[n]) {
			continue
		}
		if !former.IsZero() && m.oracle.ids[n] != former {
			continue
		}
		mark, _ := x.Released().Find(m.oracle.ids[n])
		if mark.Last != last {
			m.fail("V6: the release %s:%d of %s observes %s up to %d, there live contributions up to %d",
				short(dot.Replica), dot.Sequence, nameOf(x.Key()), short(m.oracle.ids[n]), mark.Last, last)
			return
		}
	}
}
