package antientropy

import "fmt"

// FetchKind says by which tier something was fetched from a peer.
type FetchKind uint8

// The kinds of fetches.
const (
	// FetchPull pulls missing events from the log of the peer.
	FetchPull FetchKind = 1 + iota
	// FetchPartial repairs some spans of the state, FetchComplete all of it.
	FetchPartial
	FetchComplete
)

// String returns the name of the kind, as outputs have it.
func (k FetchKind) String() string {
	names := [...]string{"pull", "partial_repair", "repair"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("fetch(%d)", uint8(k))
	}
	return names[k-1]
}

// Fetch is how an exchange or session with a peer has ended, in which this
// replica was the side that receives. The other side keeps nothing of it.
type Fetch struct {
	// Ended is when, in milliseconds of Tick's clock, 0 if there was none.
	Ended uint64
	Kind  FetchKind
	// Failure says why it was given up, "" if it did what it was begun for.
	Failure string
	// Bytes is how much passed between the two meanwhile, both ways.
	Bytes uint64
}

// passed returns how many bytes of frames have passed between a peer and this
// replica.
func (c *Core) passed(name string) uint64 {
	if p := c.peers.byName[name]; p != nil {
		return p.bytesIn + p.bytesOut
	}
	return 0
}

// fetched notes how a fetch from a peer has ended; before is what had passed
// when it began.
func (c *Core) fetched(name string, kind FetchKind, before uint64, failure string) {
	if p := c.peers.byName[name]; p != nil {
		now := c.passed(name)
		p.last = Fetch{Ended: max(c.now, 1), Kind: kind, Failure: failure, Bytes: now - min(now, before)}
	}
}

// kind returns what a session is to whoever asks what has been fetched.
func (s *session) kind() FetchKind {
	if s.complete {
		return FetchComplete
	}
	return FetchPartial
}

// tickSync notes since when peers have been in sync, or not. What lasts no
// longer than a tick, as a push does, is no change.
func (c *Core) tickSync() {
	mine := c.check()
	for _, p := range c.peers.byName {
		if is := p.isInSync(mine); is != p.inSync || p.syncSince == 0 {
			p.inSync, p.syncSince = is, max(c.now, 1)
		}
	}
}

// isInSync reports whether a peer, as it was last heard, holds what this
// replica says of itself.
func (p *peer) isInSync(mine check) bool { return p.heard > 0 && p.check.sameAs(mine) }
