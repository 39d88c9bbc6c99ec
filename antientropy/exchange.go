package antientropy

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// exchange is a pull of everything that a peer has seen and we have not. Our
// context goes as what has changed since both were at the same, if the peer
// remembers that; else page by page, each page an interval of replica ids, so
// that the peer can answer every page for itself and holds nothing in between.
type exchange struct {
	peer string
	// paged says that there is no context that both remember.
	paged bool
	// after is the last replica of the pages that are done, empty at first.
	after []byte
	// hash is that of the peer's context at the first answer: when all pages
	// are done, everything in it is on its way.
	hash    delta.Sum
	started bool
	trimmed uint64
	waiting bool
	// before is what had passed between the two when it began.
	before uint64
}

// scheduleExchange begins an exchange with some peer that has seen something
// else, or continues the one that is under way.
func (c *Core) scheduleExchange() {
	if c.session != nil {
		return // what the peer has is about to come, and what is new is pushed
	}
	if x := c.exchange; x != nil {
		if !x.waiting && c.inbox.queueBytes < c.options.QueueBytesMax/2 {
			c.pullNext(x)
		}
		return
	}
	// Asked after every commit and every check, mostly for nothing.
	c.peers.shuffled = append(c.peers.shuffled[:0], c.peers.live...)
	c.shuffle(c.peers.shuffled)
	for _, isGood := range []func(*peer) bool{c.isWorthPulling, c.isWorthTrying} {
		for _, name := range c.peers.shuffled {
			if isGood(c.peers.byName[name]) {
				c.beginExchange(name)
				return
			}
		}
	}
}

func (c *Core) beginExchange(name string) {
	c.exchange = &exchange{peer: name, after: []byte{}, paged: len(c.replica.Context) == 0, before: c.passed(name)}
	c.counters.Pulls++
	c.pullNext(c.exchange)
}

// isWorthPulling reports whether to begin an exchange with a peer: what it has
// differs, has done so for a while, and was not pulled before. Before anything
// else, peers must show that they know no more of this replica than it does
// itself.
func (c *Core) isWorthPulling(p *peer) bool {
	if !c.identified {
		return !c.witnesses.must && c.now >= p.retryAt
	}
	grace := c.options.Grace
	if len(c.holes.busy) > 0 {
		grace *= 20 // perhaps nothing is missing when these are filled
	}
	return p.differs != 0 && c.now >= p.differs+grace && c.now >= p.retryAt &&
		p.check.ContextHash != c.replica.ContextHash && p.check.ContextHash != p.covered
}

// isWorthTrying reports whether to begin an exchange with a peer of which
// nothing was heard yet: something is missing, and nobody who is known to have
// it answers.
func (c *Core) isWorthTrying(p *peer) bool {
	return c.completeness.lacks && c.identified && !c.completeness.fetched && p.heard == 0 && c.now >= p.retryAt
}

// pullNext asks for everything, or the next page.
func (c *Core) pullNext(x *exchange) {
	body, ok := c.pullSinceBase(x)
	if !ok {
		body = c.pullPage(x)
	}
	var through []byte
	if body.Scope == scopePage {
		through = body.Bound[1]
	}
	x.waiting = true
	c.askPull(x.peer, func(id uint64) {
		body.ID = id
		c.send(x.peer, kindPull, body)
	}, func(answer []byte) error { return c.pageAnswered(x, through, answer) })
}

// pullSinceBase names a context that both were at: the last at which the peer
// was seen, or else our own, which it may have passed.
func (c *Core) pullSinceBase(x *exchange) (pullBody, bool) {
	if x.paged {
		return pullBody{}, false
	}
	base := c.replica.ContextHash
	if p := c.peers.byName[x.peer]; p != nil && p.agreed {
		base = p.agreedAt
	}
	then, ok := c.since(base)
	if !ok {
		base, then = c.replica.ContextHash, crdt.NewContext()
	}
	for r := range c.inbox.lanes {
		then[r] = 0
	}
	if len(then) > seenMax {
		return pullBody{}, false
	}
	hash := base.Bytes()
	body := pullBody{Scope: scopeBase, Bound: [][]byte{hash[:]}, Seen: []seenArray{}}
	for _, r := range then.Replicas() {
		body.Seen = append(body.Seen, seenArray{Replica: r, Sequence: c.expected(r)})
	}
	return body, true
}

// pullPage returns the next page of our context, counting what is on its way
// as seen.
func (c *Core) pullPage(x *exchange) pullBody {
	x.paged = true
	body := pullBody{Scope: scopePage, Bound: [][]byte{x.after, {}}, Seen: []seenArray{}}
	for r, sequence := range c.pretended().All() {
		if bytes.Compare(r[:], x.after) <= 0 {
			continue
		}
		if len(body.Seen) == seenMax {
			body.Bound[1] = slices.Clone(body.Seen[seenMax-1].Replica[:])
			break
		}
		body.Seen = append(body.Seen, seenArray{Replica: r, Sequence: sequence})
	}
	return body
}

// pretended returns the context with what is on its way.
func (c *Core) pretended() crdt.Context {
	out := c.replica.Context.Clone()
	for r, l := range c.inbox.lanes {
		out.Advance(r, l.last)
	}
	return out
}

func (c *Core) pageAnswered(x *exchange, through []byte, answer []byte) error {
	if c.exchange != x {
		return nil
	}
	x.waiting = false
	if answer == nil {
		c.exchange = nil
		c.counters.PullsFailed++
		c.fail(x.peer)
		c.fetched(x.peer, FetchPull, x.before, c.whyNothing())
		return nil
	}
	found, err := c.takePull(x.peer, byPull, answer)
	if err != nil {
		return err
	}
	if found.unknown {
		x.paged = true
		c.peers.due = true
		return nil
	}
	if !x.started {
		x.hash, x.started = found.check.ContextHash, true
	}
	x.trimmed += found.trimmed
	switch {
	case found.more && found.news:
		if x.paged {
			c.lacksMuch()
		}
		// the same page again, from what is expected now
	case found.more && x.turn(found.listed):
	case found.more:
		c.exchange = nil
		c.fail(x.peer)
		c.fetched(x.peer, FetchPull, x.before, "the peer has more and sends nothing new")
	case len(through) > 0:
		x.after = through
	default:
		c.finishExchange(x)
	}
	c.peers.due = true
	return nil
}

// turn goes on behind the last replica of which the peer has listed that it has
// something only as state, if it had no room for those behind: of those before
// it, all was listed or sent. Where no pages were asked for, they are from now
// on, from the first. It reports whether that leads any further.
func (x *exchange) turn(listed []byte) bool {
	switch {
	case listed == nil:
		return false
	case !x.paged:
		x.paged, x.trimmed = true, 0
		return true
	case bytes.Compare(listed, x.after) <= 0:
		return false
	}
	x.after = listed
	return true
}

func (c *Core) finishExchange(x *exchange) {
	c.exchange = nil
	c.succeed(x.peer)
	c.identify(x.peer) // else it would have sent what it has of ours
	if x.trimmed > 0 {
		c.fetched(x.peer, FetchPull, x.before, "the peer has some of it only as state")
		c.trimmed(x.peer, x.trimmed)
		return
	}
	c.fetched(x.peer, FetchPull, x.before, "")
	c.fetchedAll()
	if p := c.peers.byName[x.peer]; p != nil {
		p.covered, p.differs = x.hash, 0
	}
}

// trimmed notes that a peer has events only as state.
func (c *Core) trimmed(peer string, replicas uint64) {
	c.lacksOf(peer)
	c.notice(Notice{Kind: NoticeTrimmed, Peer: peer, Count: replicas})
	c.wantSession(peer, reasonTrimmed)
}

// pulled is what an answer to a pull had.
type pulled struct {
	check   check
	unknown bool
	more    bool
	trimmed uint64
	// news says that some delta was new.
	news bool
	// listed is the last of as many replicas as an answer can list as trimmed,
	// where it has nothing else.
	listed []byte
}

// takePull takes the deltas of an answer.
func (c *Core) takePull(from string, how route, answer []byte) (pulled, error) {
	var a pullAnswer
	if err := delta.Unmarshal(answer, &a, answerBytesMax); err != nil {
		return pulled{}, err
	}
	found := pulled{more: a.Extent == extentMore, unknown: a.Extent == extentUnknown}
	var err error
	if found.check, err = a.Check.check(); err != nil {
		return pulled{}, err
	}
	if a.Extent > extentUnknown {
		return pulled{}, fmt.Errorf("%w answer of extent %d", delta.ErrCorrupt, a.Extent)
	}
	for _, b := range a.Deltas {
		isNew, err := c.offer(b, arrival{from: from, how: how})
		if err != nil {
			return pulled{}, err
		}
		found.news = found.news || isNew
	}
	for _, t := range a.Trimmed {
		if t.Replica == c.replica.ID {
			c.missing(t.Replica, t.Have, from, byPull)
			continue
		}
		if t.Have > c.expected(t.Replica) && !c.isHeld(t.Replica) {
			found.trimmed++
		}
	}
	if n := len(a.Trimmed); n == seenMax && len(a.Deltas) == 0 {
		found.listed = a.Trimmed[n-1].Replica[:]
	}
	c.hear(from, found.check)
	return found, nil
}
