package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// open commits the starting context of a complete session (S1), or narrows it
// to what the next peer has seen too, and then looks at the answer.
func (c *Core) open(s *session, from sender, then func()) {
	start := from.Context
	if s.opening {
		start = s.narrow(from.Context, c.replica.Context)
	}
	switch {
	case s.reason != reasonTrimmed || !start.Leq(c.replica.Context):
	case s.opening: // what the one before had, or what this one has, may be missing yet
		c.abandon(s, "both peers have seen nothing that is missing")
		return
	default:
		c.abandon(s, "there is nothing left to be repaired")
		c.fetchedAll()
		return
	}
	before := s.start
	s.opening, s.start = true, start
	s.pending++
	s.lookBeyond(before, c.replica.Context)
	s.lookBeyond(from.Context, c.replica.Context)
	c.commit([]Step{{Kind: StepOpen, Context: start}}, func(r CommitResult) {
		s.pending--
		switch {
		case c.session != s:
		case r.Err != nil:
			c.abandon(s, "the disk failed")
		default:
			s.opened = true
			then()
		}
	})
}

// weigh sorts what was found about spans: equal, to be joined, or to be
// compared in smaller parts.
func (c *Core) weigh(s *session, tasks []task, found rangeFindings) {
	var joins []join
	var compare, left []task
	matched := false
	if s.resting && !s.complete && !c.maySketch(tasks, found.Findings) {
		s.resting, s.useless = false, true
	}
	for i, f := range found.Findings {
		t := tasks[i]
		switch {
		case f.Verdict == VerdictLater:
			left = append(left, t)
		case f.Verdict == VerdictEqual && t.inside:
			matched = true
			s.compared += t.digest.Count
			c.counters.RangesEqual++
		case f.Verdict == VerdictEqual:
			compare = append(compare, task{span: t.span, theirs: t.digest.Sum, at: found.State, family: i})
		case f.Verdict == VerdictSplit:
			c.counters.RangesSplit++
			for _, child := range f.Children {
				compare = append(compare, task{span: child.Span, theirs: child.Digest.Sum, at: found.State, family: i})
			}
		case f.Verdict == VerdictEntries:
			joins = append(joins, join{span: delta.Span{From: t.span.From, To: f.Cut}, entries: f.Entries})
			if f.Cut < t.span.To {
				left = append(left, task{span: delta.Span{From: f.Cut, To: t.span.To}})
			}
		}
	}
	s.putBack(left)
	c.compare(s, compare, func(equal bool) {
		c.inspect(s, joins, found.sender, func() { c.join(s, joins, matched || equal, found.sender) })
	})
}

// join is a span all of whose entries at the peer are known, or some keys of
// which that is so.
type join struct {
	span    delta.Span
	keys    []delta.Key
	entries []delta.Entry
}

// compare reads our digests of spans of which the peer's are known: those that
// differ are asked about next.
func (c *Core) compare(s *session, tasks []task, then func(equal bool)) {
	if len(tasks) == 0 {
		then(false)
		return
	}
	c.measure(s, spansOf(tasks), func(mine []Digest) {
		var differing []task
		for i, t := range tasks {
			if mine[i].Sum == t.theirs {
				s.compared += mine[i].Count
				c.counters.RangesEqual++
				continue
			}
			t.digest, t.measured, t.inside, t.differs = mine[i], true, s.isOpen(), true
			differing = append(differing, t)
		}
		markSparse(tasks, differing)
		switch scattered := s.isScattered(tasks, differing); {
		case scattered && s.complete:
			c.askSketch(s)
			return
		case scattered:
			c.fetchFirst(s)
			return
		}
		s.putBack(differing)
		then(len(differing) < len(tasks))
	})
}

// markSparse looks at each family how many of its children differ.
func markSparse(all, differing []task) {
	size, differ := map[int]int{}, map[int]int{}
	for _, t := range all {
		size[t.family]++
	}
	for _, t := range differing {
		differ[t.family]++
	}
	for i, t := range differing {
		differing[i].sparse = 8*differ[t.family] < 7*size[t.family]
	}
}

// join commits what was found out, and goes on while that is on its way.
func (c *Core) join(s *session, joins []join, matched bool, from sender) {
	s.busy, s.asked = false, nil
	if steps := s.steps(joins, matched, from); len(steps) > 0 {
		s.pending++
		c.commit(steps, func(r CommitResult) { c.joined(s, joins, r) })
	}
	c.advance(s)
}

func (s *session) steps(joins []join, matched bool, from sender) []Step {
	var steps []Step
	answer := delta.Answer{Context: from.Context, Ahead: from.Ahead, InSession: s.complete, Stuck: s.stuck}
	if matched && s.complete { // on its own an equal span changes nothing
		steps = append(steps, Step{Kind: StepMatched, Context: answer.Covered()})
	}
	for _, j := range joins {
		answer.Span, answer.Keys, answer.Entries = j.span, j.keys, j.entries
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
	if cause := r.Lost(); cause != nil {
		c.notice(Notice{Kind: NoticeLost, Peer: s.peer, Err: cause})
	}
	for _, j := range joins {
		for _, e := range j.entries {
			s.compared += uint64(e.Records())
		}
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
	if c.asksWhoIsForgotten(s) {
		return
	}
	if s.isBeyond(c.replica.Forgotten) {
		c.abandon(s, "the peer has seen more of a forgotten replica meanwhile")
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
		if !s.narrowed {
			c.fetchedAll()
		}
		c.wholeAt = c.now + wholePause*c.options.Retry
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

// beginAnew gives up a complete session at a rename, which has abandoned it on disk.
// One that the same commit has opened goes on, if nothing of it was joined before:
// one that goes on with another peer, and is opened again, was.
func (c *Core) beginAnew() {
	if s := c.session; s != nil && s.complete && (s.opened || s.wasOpened) {
		c.abandon(s, "this replica goes on under a new id")
	}
}

// inspect looks at what differs where states diverged though contexts agree:
// only records of forgotten replicas may. It is but for the notice; where our
// context has moved on since, nothing can be said.
func (c *Core) inspect(s *session, joins []join, from sender, then func()) {
	if s.reason != reasonDiverged || len(joins) == 0 {
		then()
		return
	}
	joins = singly(joins)
	spans := make([]delta.Span, len(joins))
	for i, j := range joins {
		spans[i] = j.span
	}
	request := ReadRequest{Kind: ReadEntries, Spans: spans, BytesMax: c.options.RangeBytesMax}
	c.read(request, func(r ReadResult) {
		if c.session != s {
			return
		}
		if r.Err == nil && r.Instant.ContextHash == from.Hash && len(r.Instant.Ahead)+len(from.Ahead) == 0 {
			c.tellDifference(s, joins, r)
		}
		then()
	})
}

// singly returns joins of spans alone, one for each key.
func singly(joins []join) []join {
	var out []join
	for _, j := range joins {
		if j.keys == nil {
			out = append(out, j)
			continue
		}
		entries := j.entries
		for _, k := range j.keys {
			one := join{span: delta.Span{From: k, To: k + "\x00"}}
			if len(entries) > 0 && entries[0].Key == k {
				one.entries, entries = entries[:1], entries[1:]
			}
			out = append(out, one)
		}
	}
	return out
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
