package antientropy

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// sketch is how a complete session finds out at once what differs: the peer's
// symbols and ours are subtracted, what is left are the elements that one side
// has and the other has not.
//
//	whole state ── symbols ──┬─ equal ─ Matched
//	     ▲                   ├─ told ── fetch theirs ─ Take ─┬─ proven ─ Take ours, Matched
//	     │                   │                               │
//	     └───── again ◀──────┴─ moved, not found ◀───────────┘
//	                         └─ too little ─ more symbols, or compare ranges
//
// What it says of the peer is of the instant of the symbols, all of which must
// be of one state. Of ours it is of an instant while the session is open.
//
//	K1  The symbols are all of the state whose fingerprint is root.
//	K2  What both sides have and the entries fetched have the fingerprint root
//	    together, all 128 bits of it, before anything but these entries counts
//	    as equal, or as missing at the peer.
//	K3  Until then the whole state is left to be repaired (S2).
type sketch struct {
	// from is who the peer was at the instant of the symbols.
	from    sender
	root    delta.Fingerprint
	symbols []Symbol
	// theirs are to be fetched, mine the keys of ours that the peer has not, but
	// those of entries that came. sum is the fingerprint of what both have had
	// and of what came.
	theirs []Element
	mine   map[delta.Key]struct{}
	sum    delta.Fingerprint

	// looking says that the sketch stands for the whole state now; resting, that
	// it does again if what differs is scattered; useless, that ranges are
	// compared in this session.
	looking, resting, useless bool
	// tasted says that it is known whether what differs is scattered. least is
	// how many symbols are asked for first: fewer were too few.
	tasted bool
	least  int
	// attempts led to entries that are not there.
	attempts int
	// fetching says that a session of some spans fetches by a sketch what differs
	// anywhere, before it compares them.
	fetching bool
}

const (
	// sketchAttempts is how often a session begins a sketch anew, but for more
	// symbols.
	sketchAttempts = 4
	// symbolsTaste is how many symbols are asked for before it is known whether
	// what differs is scattered.
	symbolsTaste = 64
)

// symbolsNext returns how many symbols to have next: first many more, to save
// trips, then half as many more, to save bytes, so that what is asked for in
// vain is in proportion to what differs.
func symbolsNext(have, least, most int) int {
	switch {
	case have == 0:
		return min(max(16, least), most)
	case have < 256:
		return min(4*have, most)
	case have < 1024:
		return min(2*have, most)
	}
	return min(have+have/2, most)
}

func (s *session) isLooking() bool { return s.looking }

// mayAskSketch reports whether the whole state is left to be repaired, and a
// sketch may tell what differs.
func (s *session) mayAskSketch() bool {
	if s.useless || s.resting {
		return false
	}
	return s.fetching || s.complete && len(s.todo) == 1 && s.todo[0].span == delta.Whole
}

// scatteredMin is how many parts of spans must have been compared before what
// differs in them is called scattered.
const scatteredMin = 4

// maySketch reports whether a session of some spans may use a sketch, which is
// of the whole state: if the spans asked about hold a quarter of it, and no more
// than a quarter of them are equal.
func (c *Core) maySketch(tasks []task, found []finding) bool {
	records, equal := uint64(0), 0
	for i, t := range tasks {
		records += t.digest.Count
		if found[i].Verdict == VerdictEqual {
			equal++
		}
	}
	return 4*records >= c.replica.Fingerprint.Count && 4*equal <= len(tasks)
}

// fetchFirst has a session of some spans begin anew, with a sketch before them.
// What differs is scattered, and found by a sketch of the whole state at a
// quarter of the bytes. Here the sketch only says what to fetch: each entry that
// comes is all that the peer has under its key. What it cannot prove without all
// of the state, that something of ours is missing at the peer or that all else
// is equal, the spans tell that are compared afterwards as ever.
func (c *Core) fetchFirst(s *session) {
	s.fetching, s.tasted, s.least = true, true, symbolsTaste
	s.todo = nil
	for _, span := range slices.Backward(s.first) {
		s.todo = append(s.todo, task{span: span})
	}
	c.askSketch(s)
}

// isScattered reports whether what differs is found everywhere, as far as the
// children of the whole state show, so that a sketch is worth more symbols. If
// not, ranges are compared from now on.
func (s *session) isScattered(tasks, differing []task) bool {
	if !s.resting {
		return false
	}
	s.resting = false
	scattered := len(tasks) > 1 && 4*len(differing) >= 3*len(tasks)
	if !s.complete {
		scattered = scattered && len(tasks) >= scatteredMin
	}
	s.useless = !scattered
	return scattered
}

// askSketch asks for the first symbols, or for more.
func (c *Core) askSketch(s *session) {
	s.busy, s.looking, s.asked = true, true, nil
	if s.complete {
		s.todo = nil
	}
	have := len(s.symbols)
	most := symbolsNext(have, s.least, c.options.Symbols)
	s.request = c.ask(s.peer, s.tries, func(answer []byte) error { return c.sketchAnswered(s, have, most, answer) })
	mine := DigestOf(c.replica.Fingerprint) // a hint, before the session is open
	c.send(s.peer, kindSketch, sketchBody{
		ID: s.request, Known: s.known.hash.Bytes(), From: uint64(have), To: uint64(most), Count: mine.Count, Sum: mine.Sum,
	})
}

func (c *Core) sketchAnswered(s *session, have, most int, answer []byte) error {
	if c.session != s {
		return nil
	}
	if answer == nil {
		s.drop()
		c.unanswered(s, s.lookedFor())
		return nil
	}
	found, err := decodeSketchAnswer(answer, most-have, s.known)
	if err != nil {
		return err
	}
	c.admit(s, found.sender, func() { c.lookAt(s, found) })
	return nil
}

// lookAt adds symbols and finds out what they tell.
func (c *Core) lookAt(s *session, found sketchFindings) {
	if len(s.symbols) > 0 && found.Root != s.root {
		c.moved(s, len(s.symbols)+len(found.Symbols))
		return
	}
	s.root, s.from = found.Root, found.sender
	s.symbols = append(s.symbols, found.Symbols...)
	c.read(ReadRequest{Kind: ReadDifference, Root: s.root, Symbols: s.symbols}, func(r ReadResult) {
		switch {
		case c.session != s:
		case r.Err != nil:
			c.abandon(s, "the own state cannot be read")
		case r.Difference != nil:
			s.theirs, s.mine, s.sum = r.Difference.Theirs, r.Difference.Mine, r.Difference.Shared
			c.fetchNext(s)
		case len(found.Symbols) == 0 || c.isHopeless(s, r.Instant.Fingerprint):
			c.compareInstead(s)
		case len(s.symbols) >= symbolsTaste && !s.tasted:
			s.resting, s.tasted = true, true
			c.compareRanges(s)
		default:
			c.askSketch(s)
		}
	})
}

// moved begins anew, since symbols of two states prove nothing (K1). Next time
// as many as there would be come at once. There are more each time, or it counts
// as an attempt, so that this ends.
func (c *Core) moved(s *session, symbols int) {
	if symbols <= s.least {
		c.sketchAgain(s)
		return
	}
	s.least = symbols
	c.beginAgain(s)
}

// isHopeless reports whether more records are missing on one side than all
// symbols could tell, or all symbols are there and have not told.
func (c *Core) isHopeless(s *session, mine delta.Fingerprint) bool {
	less, more := min(mine.Count, s.root.Count), max(mine.Count, s.root.Count)
	return len(s.symbols) >= c.options.Symbols || more-less > uint64(c.options.Symbols)
}

// compareInstead gives the sketch up in this session.
func (c *Core) compareInstead(s *session) {
	c.counters.SketchesGivenUp++
	s.useless = true
	s.drop()
	c.compareRanges(s)
}

// compareRanges leaves the whole state to be compared (K3).
func (c *Core) compareRanges(s *session) {
	s.looking, s.busy = false, false
	s.putBack(s.lookedFor())
	c.advance(s)
}

// lookedFor returns what a sketch has stood for: the whole state, or nothing
// where spans are left to be compared anyway.
func (s *session) lookedFor() []task {
	if s.complete {
		return []task{{span: delta.Whole}}
	}
	return nil
}

// sketchAgain begins anew, since elements have led to nothing. Little is left
// by now.
func (c *Core) sketchAgain(s *session) {
	if s.attempts++; s.attempts >= sketchAttempts {
		c.compareInstead(s)
		return
	}
	s.least = 0
	c.beginAgain(s)
}

func (c *Core) beginAgain(s *session) {
	s.drop()
	c.compareRanges(s) // which is by a sketch first
}

// drop forgets what a sketch has told.
func (s *sketch) drop() {
	s.symbols, s.theirs, s.mine, s.looking, s.resting = nil, nil, nil, false, false
}

// fetchNext asks for entries that the peer has and we have not, or ends.
func (c *Core) fetchNext(s *session) {
	if len(s.theirs) == 0 {
		c.endSketch(s)
		return
	}
	elements := s.theirs[:min(len(s.theirs), elementsMax)]
	s.request = c.ask(s.peer, s.tries, func(answer []byte) error { return c.fetchAnswered(s, elements, answer) })
	c.send(s.peer, kindFetch, fetchBody{ID: s.request, Known: s.known.hash.Bytes(), Elements: packElements(elements)})
}

func (c *Core) fetchAnswered(s *session, elements []Element, answer []byte) error {
	if c.session != s {
		return nil
	}
	if answer == nil {
		s.drop()
		c.unanswered(s, s.lookedFor())
		return nil
	}
	found, err := decodeFetchAnswer(answer, elements, s.known)
	if err != nil {
		return err
	}
	c.admit(s, found.sender, func() { c.takeFetched(s, found) })
	return nil
}

// takeFetched joins entries. Each is all that the peer has under its key, at the
// instant of the answer.
func (c *Core) takeFetched(s *session, found fetchFindings) {
	var keys []delta.Key
	for _, e := range found.Entries {
		keys = append(keys, e.Key)
		delete(s.mine, e.Key)
		s.sum = s.sum.Plus(delta.FingerprintOf(e))
	}
	s.theirs = s.theirs[found.Done:]
	next := c.fetchNext
	if len(found.Entries) < found.Done {
		next = c.sketchAgain // some have changed meanwhile
	}
	if len(keys) == 0 {
		next(s)
		return
	}
	joins := []join{{keys: keys, entries: found.Entries}}
	c.inspect(s, joins, found.sender, func() {
		s.pending++
		c.commit(s.steps(joins, false, found.sender), func(r CommitResult) {
			c.joined(s, joins, r)
			if c.session == s {
				next(s)
			}
		})
	})
}

// endSketch ends a session by what its sketch has told, once that is proven
// (K2): what is left of ours is nothing at the peer, and all else is equal.
func (c *Core) endSketch(s *session) {
	if s.fetching {
		c.counters.SketchesPeeled++
		s.useless = true
		s.drop()
		c.compareRanges(s)
		return
	}
	if s.sum != s.root {
		c.sketchAgain(s)
		return
	}
	c.counters.SketchesPeeled++
	var joins []join
	if keys := slices.Sorted(maps.Keys(s.mine)); len(keys) > 0 {
		joins = []join{{keys: keys}}
	}
	from := s.from
	s.drop()
	c.inspect(s, joins, from, func() { c.join(s, joins, true, from) })
}
