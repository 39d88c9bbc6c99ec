package antientropy

import (
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Reasons of sessions.
const (
	reasonTrimmed   = "log trimmed"
	reasonTakesPart = "log trimmed, where this node takes part"
	reasonDiverged  = "states diverged"
	reasonAhead     = "states ahead of contexts differ"
	reasonRequested = "requested"
)

// wantedSession is a session that begins as soon as possible.
type wantedSession struct {
	peer, reason string
	// spans are to be repaired on their own before the whole state is, or
	// instead of it.
	spans []delta.Span
	whole bool
	// partners are those who take part in them too, once that was looked at.
	partners []string
}

// session is a range repair with a peer, driven by the side that receives: it
// compares spans, splits those that differ, and joins what the peer has where
// lists are short enough. The peer keeps nothing in between.
//
// A complete session widens the replica's context at its end, so:
//
//	S1  Open with the context of the peer's first answer is committed before
//	    anything of the session is joined, and before any fingerprint is read
//	    that is to count as compared.
//	S2  The spans in todo, asked and comparing, those whose joins are pending or
//	    done, and the whole state while a sketch of it is looked at, cover the
//	    whole state at any time.
//	S3  Complete is committed only when todo, asked and comparing are empty and
//	    every pending commit has succeeded.
//	S4  Every answer is of a context that covers start. Otherwise the peer was
//	    rolled back, and the session is abandoned.
//
// S5 is about forgotten replicas (session_forgotten.go).
//
//	         ┌───────────── later, rest, differing children ───────────┐
//	         ▼                                                          │
//	todo ─ measure ─ ask ─ answer ─┬─ (first: open) ─┬─ equal ─ Matched ┤
//	                               │                 ├─ split ─ compare ┘
//	                               └── no answer     └─ entries ─ Take
//	                                   again, another peer, or abandon
type session struct {
	peer     string
	reason   string
	complete bool
	stuck    bool // as of delta.Answer
	begun    uint64
	toldAt   uint64

	// start is what the context is widened by; opened says that it is held.
	// opening says that an Open may have been committed, wasOpened that it was held
	// with a peer before, so that something may have been joined.
	start                      crdt.Context
	opening, opened, wasOpened bool
	// narrowed says that what any of its peers had seen is more than start, and
	// what was seen here.
	narrowed bool
	// beyond is what those who answered had seen beyond start, and was not seen here;
	// askedForgotten says that the peer was asked whom it takes for forgotten when
	// all else was done.
	beyond         crdt.Context
	askedForgotten bool
	// known is the last context that came with an answer.
	known known

	todo []task
	// asked are the spans that are being measured, asked about or compared.
	asked []task
	// state is the sum of the peer's whole state at the last answer, cut to 64
	// bits.
	state uint64
	sketch
	// busy says that spans are being measured, asked about or compared, or that
	// a sketch is looked at; request is the question under way, tries how often
	// it was made in vain.
	busy    bool
	request uint64
	tries   int
	tried   []string // peers
	// pending commits are under way; entries were joined.
	pending int
	entries uint64
	// compared are the records found equal or joined, of about expected, where
	// everything is repaired; first are the spans to be repaired, where only
	// these are.
	compared, expected uint64
	first              []delta.Span
	// before is what had passed between the two when it began.
	before uint64
	// then is the session to follow.
	then *wantedSession
}

// task is a span that is neither found equal nor joined yet.
type task struct {
	span delta.Span
	// digest is our own, if measured. It counts as compared only if it was
	// read while the session was open.
	digest   Digest
	measured bool
	inside   bool
	// differs says that the peer's sum was another: theirs, in the state at.
	differs    bool
	theirs, at uint64
	// family is the place in its question of the span that it is a child of;
	// sparse says that not almost all of these children differ.
	family int
	sparse bool
}

// stance is what is known of the span in a state of the peer.
func (t task) stance(state uint64) stance {
	switch {
	case t.measured && t.digest.Count == 0:
		return stanceNothing
	case !t.differs:
		return stanceCompare
	case t.at != state:
		return stanceDiffers
	}
	return stanceKnown
}

const (
	// sessionCommitsMax bounds the joins on their way to the disk.
	sessionCommitsMax = 4
	// sessionTries is how often a request is made before the peer is given up.
	sessionTries = 3
	// todoMax bounds the spans that a peer can make us remember.
	todoMax = 1 << 16
	// participatedMax bounds the spans that are repaired first.
	participatedMax = 4096
	// sparseFanOut is into how many children a span is split where few differ.
	sparseFanOut = 4
	// wholePause is how long, in multiples of Retry, a node that takes part
	// somewhere begins no other complete session for a trimmed log after one:
	// meanwhile it repairs the spans that it takes part in.
	wholePause = 8
	// progressPause is the time between two notices of progress, milliseconds.
	progressPause = 5000
)

// Repair asks for range repair with a peer: of the given spans on their own,
// which does not widen the context, or of the whole state if there are none.
// It is ignored while another session is open or waits.
func (c *Core) Repair(peer string, spans ...delta.Span) {
	if c.session == nil && c.wanted == nil {
		c.wanted = &wantedSession{peer: peer, reason: reasonRequested, spans: spans, whole: len(spans) == 0}
		c.peers.due = true
	}
}

// participated returns the spans that this node takes part in: where state has
// to be repaired, they come first. Those beyond the first participatedMax come
// with the rest.
func (c *Core) participated() []delta.Span {
	if c.options.Participated == nil {
		return nil
	}
	return c.options.Participated(participatedMax)
}

func (c *Core) wantSession(peer, reason string) {
	if c.session != nil || c.wanted != nil {
		return
	}
	w := &wantedSession{peer: peer, reason: reason, whole: true}
	if reason == reasonTrimmed {
		w.spans = c.participated()
		w.whole = len(w.spans) == 0 || c.now >= c.wholeAt
	}
	c.wanted = w
	c.peers.due = true
}

// scheduleSession begins the session that waits.
func (c *Core) scheduleSession() {
	w := c.wanted
	switch {
	case w == nil || c.session != nil || c.exchange != nil || !c.identified:
	case !c.peers.isAlive(w.peer):
		c.wanted = nil
	case len(w.spans) == 0:
		c.wanted = nil
		c.beginComplete(w.peer, w.reason)
	default:
		if peer, ok := c.partner(w); ok {
			c.wanted = nil
			c.beginPartial(w, peer)
		}
	}
}

func (c *Core) beginPartial(w *wantedSession, peer string) {
	s := &session{peer: peer, reason: w.reason, first: w.spans}
	if w.reason == reasonTrimmed {
		s.reason = reasonTakesPart
	}
	s.resting = c.options.Symbols > 0 // until it is known whether what differs is scattered
	for _, span := range slices.Backward(w.spans) {
		s.todo = append(s.todo, task{span: span})
	}
	if w.whole {
		s.then = &wantedSession{peer: w.peer, reason: w.reason, whole: true}
	}
	c.beginSession(s)
}

// beginComplete begins with a question about everything. What is known of the
// own state before the session is open is but a hint.
func (c *Core) beginComplete(peer, reason string) {
	root := task{span: delta.Whole, digest: DigestOf(c.replica.Fingerprint), measured: true}
	p := c.peers.byName[peer]
	s := &session{peer: peer, reason: reason, complete: true, todo: []task{root}, expected: root.digest.Count}
	if p != nil && p.heard > 0 {
		s.expected = max(s.expected, p.check.Fingerprint.Count)
	}
	s.stuck = reason == reasonAhead && p != nil && p.repaired && p.repairedAt == c.replica.ContextHash
	s.useless = c.options.Symbols == 0 || root.digest.Count == 0
	c.beginSession(s)
}

func (c *Core) beginSession(s *session) {
	s.begun, s.toldAt, s.before = max(c.now, 1), c.now, c.passed(s.peer)
	s.tried = []string{s.peer}
	s.known = known{hash: c.replica.ContextHash, context: c.replica.Context.Clone()}
	c.session = s
	c.counters.Sessions++
	c.notice(Notice{Kind: NoticeSessionBegun, Peer: s.peer, Reason: s.reason})
	c.advance(s)
}

// advance does what can be done next, if nothing is under way that it would
// depend on.
func (c *Core) advance(s *session) {
	switch {
	case c.session != s || s.busy || s.pending >= sessionCommitsMax:
	case len(s.todo) > todoMax:
		c.abandon(s, "the peer splits without end")
	case s.mayAskSketch():
		c.askSketch(s)
	case len(s.todo) > 0:
		c.askNext(s)
	case s.pending == 0:
		c.endSession(s)
	}
}

// askNext takes spans off the stack, measures those that must be, and asks
// about them.
func (c *Core) askNext(s *session) {
	tasks := s.takeAlike()
	s.busy, s.asked = true, tasks
	if !slices.ContainsFunc(tasks, func(t task) bool { return !t.measured }) {
		c.askRanges(s, tasks)
		return
	}
	c.measure(s, spansOf(tasks), func(found []Digest) {
		for i := range tasks {
			tasks[i].digest, tasks[i].measured, tasks[i].inside = found[i], true, s.isOpen()
		}
		c.askRanges(s, tasks)
	})
}

// takeAlike takes tasks off the top of the stack that are to be cut as the first
// is; others among them stay.
func (s *session) takeAlike() []task {
	var tasks, others []task
	i := len(s.todo)
	sparse := s.todo[i-1].sparse
	for i > 0 && len(tasks) < rangeSpansMax && len(others) < rangeSpansMax {
		i--
		if s.todo[i].sparse == sparse {
			tasks = append(tasks, s.todo[i])
		} else {
			others = append(others, s.todo[i])
		}
	}
	s.todo = s.todo[:i]
	s.putBack(others)
	return tasks
}

func spansOf(tasks []task) []delta.Span {
	spans := make([]delta.Span, len(tasks))
	for i, t := range tasks {
		spans[i] = t.span
	}
	return spans
}

// isOpen reports whether what is read now counts as compared.
func (s *session) isOpen() bool { return !s.complete || s.opened }

// measure reads our own digests of spans.
func (c *Core) measure(s *session, spans []delta.Span, then func([]Digest)) {
	c.read(ReadRequest{Kind: ReadFingerprints, Spans: spans}, func(r ReadResult) {
		switch {
		case c.session != s:
		case r.Err != nil:
			c.abandon(s, "the own state cannot be read")
		default:
			digests := make([]Digest, len(r.Fingerprints))
			for i, f := range r.Fingerprints {
				digests[i] = DigestOf(f)
			}
			then(digests)
		}
	})
}

// askRanges asks the peer about tasks.
func (c *Core) askRanges(s *session, tasks []task) {
	n := fit(tasks)
	s.putBack(tasks[n:])
	tasks = tasks[:n]
	s.asked = tasks
	state := s.state
	s.request = c.ask(s.peer, s.tries, func(answer []byte) error { return c.rangesAnswered(s, tasks, state, answer) })
	fanOut, leaf := c.cutting(tasks[0].sparse)
	c.send(s.peer, kindRange, rangeBody{
		ID: s.request, Known: s.known.hash.Bytes(), State: state,
		FanOut: uint64(fanOut), Leaf: uint64(leaf), Spans: packTasks(tasks, state),
	})
}

// cutting returns into how many children spans are to be split, and up to how
// many records to be sent whole. Where almost all differ, trips are saved by
// many children, and neighbours are worth sending; where few do, every child
// that does not costs its sum for nothing.
func (c *Core) cutting(sparse bool) (fanOut, leaf int) {
	if sparse {
		return min(sparseFanOut, c.options.SplitFanOut), 1
	}
	return c.options.SplitFanOut, c.options.LeafRecords
}

// fit returns how many tasks fit a frame; one always does.
func fit(tasks []task) int {
	room := FrameBytesMax - 256
	for i, t := range tasks {
		if room -= len(t.span.From) + len(t.span.To) + 32; room < 0 {
			return i
		}
	}
	return len(tasks)
}

// putBack returns tasks to the stack, the first on top.
func (s *session) putBack(tasks []task) {
	for _, t := range slices.Backward(tasks) {
		s.todo = append(s.todo, t)
	}
}

func (c *Core) rangesAnswered(s *session, tasks []task, state uint64, answer []byte) error {
	if c.session != s {
		return nil
	}
	if answer == nil {
		c.unanswered(s, tasks)
		return nil
	}
	found, err := decodeRangeAnswer(answer, tasks, state, s.known)
	if err != nil {
		return err
	}
	s.state = found.State
	c.admit(s, found.sender, func() { c.weigh(s, tasks, found) })
	return nil
}

// admit looks at who has answered: the first answer opens the session (S1), and
// every other must come from a context that covers its start (S4).
func (c *Core) admit(s *session, from sender, then func()) {
	s.tries = 0
	moved := s.known.hash != from.Hash
	s.known = known{hash: from.Hash, context: from.Context}
	switch {
	case s.complete && !s.opened:
		c.open(s, from, then)
	case s.complete && !s.start.Leq(from.Context):
		c.abandon(s, "the peer has lost what it had when the session began")
	default:
		if s.complete && moved {
			s.lookBeyond(from.Context, c.replica.Context)
		}
		then()
	}
}
