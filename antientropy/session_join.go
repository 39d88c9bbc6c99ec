package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// open commits the starting context of a complete session (S1), or narrows it
// to what the next peer has seen too, and then looks at the answer.
func (c *Core) open(s *session, tasks []task, found rangeFindings) {
	start := found.Context
	if s.opening {
		start = s.start.Meet(found.Context)
	}
	if s.reason == reasonTrimmed && start.Leq(c.replica.Context) {
		c.abandon(s, "there is nothing left to be repaired")
		c.fetchedAll()
		return
	}
	s.opening, s.start = true, start
	s.pending++
	c.commit([]Step{{Kind: StepOpen, Context: start}}, func(r CommitResult) {
		s.pending--
		switch {
		case c.session != s:
		case r.Err != nil:
			c.abandon(s, "the disk failed")
		default:
			s.opened = true
			c.weigh(s, tasks, found)
		}
	})
}

// weigh sorts what was found about spans: equal, to be joined, or to be
// compared in smaller parts.
func (c *Core) weigh(s *session, tasks []task, found rangeFindings) {
	var joins []join
	var compare []Child
	matched := false
	for i, f := range found.Findings {
		t := tasks[i]
		switch {
		case f.Verdict == VerdictLater:
			s.todo = append(s.todo, t)
		case f.Verdict == VerdictEqual && t.inside:
			matched = true
			c.counters.RangesEqual++
		case f.Verdict == VerdictEqual:
			compare = append(compare, Child{Span: t.span, Digest: t.digest})
		case f.Verdict == VerdictSplit:
			c.counters.RangesSplit++
			compare = append(compare, f.Children...)
		case f.Verdict == VerdictEntries:
			joins = append(joins, join{span: delta.Span{From: t.span.From, To: f.Cut}, entries: f.Entries})
			if f.Cut < t.span.To {
				s.todo = append(s.todo, task{span: delta.Span{From: f.Cut, To: t.span.To}})
			}
		}
	}
	c.compare(s, compare, found, func(equal bool) {
		c.inspect(s, joins, found, func() { c.join(s, joins, matched || equal, found) })
	})
}

// join is a span all of whose entries at the peer are known.
type join struct {
	span    delta.Span
	entries []delta.Entry
}

// compare reads our digests of the peer's children: those that differ are
// asked about next.
func (c *Core) compare(s *session, children []Child, found rangeFindings, then func(equal bool)) {
	if len(children) == 0 {
		then(false)
		return
	}
	spans := make([]delta.Span, len(children))
	for i, child := range children {
		spans[i] = child.Span
	}
	c.measure(s, spans, func(mine []Digest) {
		equal := false
		for i := len(children) - 1; i >= 0; i-- {
			if mine[i] == children[i].Digest {
				equal = true
				c.counters.RangesEqual++
				continue
			}
			s.todo = append(s.todo, s.measured(spans[i], mine[i]))
		}
		then(equal)
	})
}

// join commits what was found out, and goes on while that is on its way.
func (c *Core) join(s *session, joins []join, matched bool, found rangeFindings) {
	s.busy = false
	if steps := s.steps(joins, matched, found); len(steps) > 0 {
		s.pending++
		c.commit(steps, func(r CommitResult) { c.joined(s, joins, r) })
	}
	c.advance(s)
}

func (s *session) steps(joins []join, matched bool, found rangeFindings) []Step {
	var steps []Step
	answer := delta.Answer{Context: found.Context, Ahead: found.Ahead, InSession: s.complete, Stuck: s.stuck}
	if matched && s.complete { // on its own an equal span changes nothing
		steps = append(steps, Step{Kind: StepMatched, Context: answer.Covered()})
	}
	for _, j := range joins {
		answer.Span, answer.Entries = j.span, j.entries
		steps = append(steps, Step{Kind: StepTake, Answer: answer})
	}
	return steps
}

func (c *Core) joined(s *session, joins []join, r CommitResult) {
	s.pending--
	if c.session != s {
		return
	}
	if r.Err != nil {
		c.abandon(s, "the disk failed")
		return
	}
	for i := range r.Steps {
		if r.Steps[i].Renamed {
			c.notice(Notice{Kind: NoticeAmnesia, Peer: s.peer})
		}
	}
	for _, j := range joins {
		s.entries += uint64(len(j.entries))
		c.counters.EntriesTaken += uint64(len(j.entries))
	}
	c.advance(s)
}

// endSession ends a session all of whose spans are done.
func (c *Core) endSession(s *session) {
	if !s.complete {
		c.close(s)
		c.wanted = s.then
		return
	}
	s.pending++
	c.commit([]Step{{Kind: StepComplete}}, func(r CommitResult) {
		s.pending--
		switch {
		case c.session != s:
		case r.Err != nil:
			c.abandon(s, "the disk failed")
		default:
			c.close(s)
			if p := c.peers.byName[s.peer]; p != nil && s.reason == reasonAhead {
				p.repaired, p.repairedAt = true, c.replica.ContextHash
			}
		}
	})
	s.busy = true
}

func (c *Core) close(s *session) {
	c.session = nil
	c.counters.SessionsCompleted++
	if s.complete {
		c.fetchedAll()
	}
	c.succeed(s.peer)
	c.fetched(s.peer, s.kind(), s.before, "")
	c.uncover()
	c.peers.due = true
	c.notice(Notice{Kind: NoticeSessionComplete, Peer: s.peer, Reason: s.reason, Count: s.entries})
}

// abandon gives up a session. What was joined stays; the context does not
// grow.
func (c *Core) abandon(s *session, why string) {
	c.session = nil
	c.forget(s.request)
	c.counters.SessionsAbandoned++
	c.fail(s.peer)
	c.fetched(s.peer, s.kind(), s.before, why)
	c.uncover()
	c.peers.due = true
	c.notice(Notice{Kind: NoticeSessionAbandoned, Peer: s.peer, Reason: why, Count: s.entries})
	if s.opening {
		c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) {})
	}
}

// tickSession bounds a session in time, tells of its progress, and closes one
// on disk that this Core knows nothing of, since closing it failed.
func (c *Core) tickSession() {
	s := c.session
	switch {
	case s == nil && c.replica.InSession() && len(c.commits) == 0:
		c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) {})
	case s == nil:
	case c.now >= s.begun+c.options.SessionTimeout:
		c.abandon(s, "it takes too long")
	case c.now >= s.toldAt+progressPause:
		s.toldAt = c.now
		c.notice(Notice{Kind: NoticeSessionProgress, Peer: s.peer, Reason: s.reason, Count: s.entries})
	}
}

// inspect looks at what differs where states diverged though contexts agree:
// only records of forgotten replicas may. It is but for the notice; where our
// context has moved on since, nothing can be said.
func (c *Core) inspect(s *session, joins []join, found rangeFindings, then func()) {
	if s.reason != reasonDiverged || len(joins) == 0 {
		then()
		return
	}
	spans := make([]delta.Span, len(joins))
	for i, j := range joins {
		spans[i] = j.span
	}
	request := ReadRequest{Kind: ReadEntries, Spans: spans, BytesMax: c.options.RangeBytesMax}
	c.read(request, func(r ReadResult) {
		if c.session != s {
			return
		}
		if r.Err == nil && r.Instant.ContextHash == found.Hash && len(r.Instant.Ahead)+len(found.Ahead) == 0 {
			c.tellDifference(s, joins, r)
		}
		then()
	})
}

func (c *Core) tellDifference(s *session, joins []join, r ReadResult) {
	for i, j := range joins {
		if j.span.To != r.Spans[i].Cut {
			continue
		}
		if k := firstDifference(r.Spans[i].Entries, j.entries, c.replica.Forgotten); k != "" {
			c.notice(Notice{Kind: NoticeDiverged, Peer: s.peer, Key: k})
			return
		}
	}
}

// firstDifference returns the least key under which two lists of entries
// differ in more than records of forgotten replicas, or "".
func firstDifference(mine []PackedEntry, theirs []delta.Entry, forgotten map[crdt.ReplicaID]struct{}) delta.Key {
	for len(mine) > 0 || len(theirs) > 0 {
		var a, b delta.Entry
		switch {
		case len(theirs) == 0 || len(mine) > 0 && mine[0].Key < theirs[0].Key:
			a, mine = mine[0].entry(), mine[1:]
		case len(mine) == 0 || theirs[0].Key < mine[0].Key:
			b, theirs = theirs[0], theirs[1:]
		default:
			a, mine = mine[0].entry(), mine[1:]
			b, theirs = theirs[0], theirs[1:]
		}
		if !without(a, forgotten).Equal(without(b, forgotten)) {
			return max(a.Key, b.Key)
		}
	}
	return ""
}

// entry decodes our own entry; one that cannot be decoded differs from all.
func (e PackedEntry) entry() delta.Entry {
	out, err := delta.DecodeEntry(e.Key, e.Value)
	if err != nil {
		return delta.Entry{Key: e.Key}
	}
	return out
}

// without returns a claim's entry without the records of forgotten replicas.
func without(e delta.Entry, forgotten map[crdt.ReplicaID]struct{}) delta.Entry {
	for _, x := range e.Counter {
		if _, ok := forgotten[x.Origin]; ok {
			e.Counter = e.Counter.Drop(x.Origin)
		}
	}
	if e.Key.IsClaim() && len(e.Counter) == 0 {
		return delta.Entry{}
	}
	return e
}
