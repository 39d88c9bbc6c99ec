package antientropy

import (
	"github.com/scalesmall/ssnode/delta"
)

// check is what this replica says about its state.
func (c *Core) check() check {
	return check{
		Ahead: c.replica.IsAhead(), InSession: c.replica.InSession(),
		ContextHash: c.replica.ContextHash, Fingerprint: c.replica.Fingerprint, Events: c.events,
	}
}

// CheckPayload returns what peers may be told at any time, such as on ping
// acks, and give to Heard: version, cluster, context hash, fingerprint. At
// most CheckBytesMax bytes, whatever the size of the state.
func (c *Core) CheckPayload() []byte { return c.cluster.encodeCheck(c.check()) }

// Heard gives the Core the CheckPayload of a peer.
func (c *Core) Heard(from string, payload []byte) {
	k, err := c.cluster.decodeCheck(payload)
	if err != nil {
		c.refuse(from, err)
		return
	}
	c.hear(from, k)
}

// hear compares a peer's state with this one. O(1).
func (c *Core) hear(from string, k check) {
	p := c.peers.byName[from]
	if p == nil {
		return
	}
	mine := c.check()
	p.check, p.heard = k, max(c.now, 1)
	if c.hasPassed(k.ContextHash) {
		p.agreedAt, p.agreed = k.ContextHash, true
	}
	switch {
	case k.ContextHash != mine.ContextHash:
		since(&p.differs, c.now)
		p.unequal = 0
	case k.Fingerprint != mine.Fingerprint:
		p.differs = 0
		since(&p.unequal, c.now)
		c.unequal(p, mine)
		c.identify(from)
	default:
		p.differs, p.unequal, p.repairs, p.repairAt = 0, 0, 0, 0
		c.identify(from)
		c.fetchedAll()
	}
	c.peers.due = true
}

// since notes when something began, never as 0.
func since(field *uint64, now uint64) {
	if *field == 0 {
		*field = max(now, 1)
	}
}

// unequal decides what it means that a peer has seen the same and holds
// something else. Of two that are settled one is corrupt, or a dot was used
// twice. One that is ahead will most likely be caught up with by its context.
// But it never will if the events were lost with the only log that had them,
// so after a while the difference is repaired, without a shout.
func (c *Core) unequal(p *peer, mine check) {
	switch {
	case p.check.InSession || mine.InSession || c.now < max(p.retryAt, p.repairAt):
	case p.check.settled() && mine.settled():
		c.diverged(p)
	case c.now >= p.unequal+aheadPatience*c.options.Retry:
		c.wantRepair(p, reasonAhead)
	}
}

// aheadPatience is how long, in multiples of Retry, a state ahead of its
// context is expected to be caught up with.
const aheadPatience = 10

// tickChecks sends a check to a random live peer if that is left to the Core.
func (c *Core) tickChecks() {
	if c.options.CheckInterval == 0 || c.now < c.outbox.nextCheck || len(c.peers.live) == 0 {
		return
	}
	c.outbox.nextCheck = c.now + c.jitter(c.options.CheckInterval)
	to := c.peers.live[c.random.IntN(len(c.peers.live))]
	c.send(to, kindCheck, c.CheckPayload())
}

// diverged notes that a peer has seen the same and holds something else, and
// asks for repair. A record of a forgotten replica may differ for a while, so
// where there is any the session finds out whose records differ.
func (c *Core) diverged(p *peer) {
	if c.session != nil || c.wanted != nil {
		return
	}
	c.counters.Diverged++
	if len(c.replica.Forgotten) == 0 {
		c.notice(Notice{Kind: NoticeDiverged, Peer: p.Name})
	}
	c.wantRepair(p, reasonDiverged)
}

// wantRepair asks for a session that is to end a difference at equal contexts.
// One that does not end it will not the next time either, so the pauses grow,
// to a quarter of an hour, until states are equal.
func (c *Core) wantRepair(p *peer, reason string) {
	p.repairs = min(p.repairs+1, 11)
	p.repairAt = c.now + c.jitter(c.options.Retry<<p.repairs)
	c.wantSession(p.Name, reason)
}

// refuse counts a frame that cannot be used.
func (c *Core) refuse(from string, err error) {
	told := &c.peers.strangers
	if p := c.peers.byName[from]; p != nil {
		told = &p.refused
	}
	if isForeign(err) {
		c.counters.FramesForeign++
		c.tellRefused(&told.foreignAt, Notice{Kind: NoticeForeign, Peer: from, Err: err})
	} else {
		c.counters.FramesBad++
		c.tellRefused(&told.badAt, Notice{Kind: NoticeBadFrame, Peer: from, Err: err})
	}
}

// refusals are when it was last told that frames of somebody were refused.
type refusals struct{ foreignAt, badAt uint64 }

func (c *Core) tellRefused(told *uint64, n Notice) {
	if *told == 0 || c.now >= *told+refusedPause {
		*told = max(c.now, 1)
		c.notice(n)
	}
}

// refusedPause is how often it is told that frames of a peer, or of any that is
// unknown, are refused, in milliseconds.
const refusedPause = 60_000

// decodeCheckFrame reads the body of a check frame: the payload as a byte
// string.
func (c *Core) decodeCheckFrame(body []byte) (check, error) {
	var payload []byte
	if err := delta.Unmarshal(body, &payload, FrameBytesMax); err != nil {
		return check{}, err
	}
	return c.cluster.decodeCheck(payload)
}
