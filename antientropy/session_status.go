package antientropy

import (
	"sort"

	"github.com/scalesmall/ssnode/delta"
)

// SessionStatus is how far the session of range repair is that is under way.
type SessionStatus struct {
	Peer, Reason string
	// Complete says that the whole state is being repaired.
	Complete bool
	// Begun is when, in milliseconds of Tick's clock.
	Begun uint64
	// Entries were joined, Spans are known to be left. Before Through, nothing
	// is; a sketch is about the whole state.
	Entries uint64
	Spans   int
	Through delta.Key
	// Compared records were found equal or joined, of about Expected, where the
	// whole state is being repaired.
	Compared, Expected uint64
	// SpansBegun is how many spans are to be repaired where only some are, and
	// SpansDone how many of them are before Through.
	SpansBegun, SpansDone int
	// Sketch says that a sketch is being looked at.
	Sketch bool
}

// Session returns the status of the open session, if there is one.
func (c *Core) Session() (SessionStatus, bool) {
	s := c.session
	if s == nil {
		return SessionStatus{}, false
	}
	out := SessionStatus{
		Peer: s.peer, Reason: s.reason, Complete: s.complete, Begun: s.begun,
		Entries: s.entries, Spans: len(s.todo) + len(s.asked), Through: s.through(), Sketch: s.isLooking(),
		SpansBegun: len(s.first),
	}
	if s.complete {
		out.Compared, out.Expected = s.compared, max(s.compared, s.expected)
	}
	out.SpansDone = sort.Search(len(s.first), func(i int) bool { return s.first[i].To > out.Through })
	return out, true
}

// through returns the least key at which something may be left. Todo is a stack
// that is worked off in the order of keys; what was asked about is left until it
// is answered.
func (s *session) through() delta.Key {
	if s.isLooking() || s.complete && !s.opened {
		return ""
	}
	k := delta.Whole.To
	for _, tasks := range [...][]task{s.todo, s.asked} {
		for _, t := range tasks {
			k = min(k, t.span.From)
		}
	}
	return k
}
