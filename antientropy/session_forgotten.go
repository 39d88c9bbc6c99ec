package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// A released record of a forgotten replica is dropped by whoever has seen all that
// is released, and no event says so. A peer that has seen a release before the
// session began, and what is released only later, answers with nothing of either;
// start covers the release alone. What is released would then come here as an
// event, or be here already, and nobody would ever take it back. So
//
//	S5  Complete is committed only if of no replica that is forgotten, as far as
//	    is known here and to the peer, anybody who has answered had seen more
//	    than start that was not seen here.
//
// Otherwise the session is abandoned, and the next one starts with what the peer
// has seen by now. Replicas that are forgotten write nothing any more, so there is
// an end to that.

// lookBeyond takes note of what somebody who answers has seen beyond start, if it
// was not seen here.
func (s *session) lookBeyond(context, own crdt.Context) {
	for r, sequence := range context {
		if sequence <= s.start.Get(r) || sequence <= own.Get(r) {
			continue
		}
		if s.beyond == nil {
			s.beyond = crdt.NewContext()
		}
		s.beyond.Advance(r, sequence)
	}
}

// isBeyond reports whether somebody who has answered had seen more than start of a
// forgotten replica. That it was seen here meanwhile is no excuse: the answer was
// joined before.
func (s *session) isBeyond(forgotten map[crdt.ReplicaID]struct{}) bool {
	for r, sequence := range s.beyond {
		if _, ok := forgotten[r]; ok && sequence > s.start.Get(r) {
			return true
		}
	}
	return false
}

// asksWhoIsForgotten asks once more whom the peer takes for forgotten, if it has seen
// more than start of who is no live member: it may have learnt of that after it was
// asked.
func (c *Core) asksWhoIsForgotten(s *session) bool {
	if s.askedForgotten {
		return false
	}
	for r := range s.beyond {
		if len(c.peers.of(r)) == 0 {
			s.askedForgotten = true
			s.todo = append(s.todo, task{span: delta.ForgottenSpan})
			c.advance(s)
			return true
		}
	}
	return false
}
