package antientropy

import (
	"cmp"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// A peer that is gone leaves its questions open, and a node that has everything
// to fetch yet would wait for them. What is missing others have too, as a rule.
// So
//
//	E1  of a peer that is no live member any more, or has become suspect while
//	    another one is not, no answer is waited for beyond the next Tick, and
//	E2  a session for a trimmed log asks a peer that was silent for one
//	    RequestTimeout again only when no other one that is not suspect is left
//	    to be asked.
//
// A session about a difference to one peer is asked of that one, three times.
//
// Two peers may each have seen what the other has not. A session that went on
// from one to the other fetches what both had, and so
//
//	E3  it ends that this replica is incomplete only if it fetched all that one
//	    of its peers had seen when that one began.

// lost returns the peers that are not to be waited for any more (E1), compared
// with what is told now.
func (c *Core) lost(now map[string]Peer) map[string]bool {
	others := 0
	for _, p := range now {
		if p.Alive && !p.Suspect {
			others++
		}
	}
	out := map[string]bool{}
	for name, known := range c.peers.byName {
		p := now[name]
		suspect := p.Suspect && !known.Suspect && others > 0
		if known.Alive && (!p.Alive || suspect) {
			out[name] = true
		}
	}
	return out
}

// waitNoMore has the next Tick give up what was asked of lost peers. Of those
// that are alive still, others are asked first for a while.
func (c *Core) waitNoMore(lost map[string]bool) {
	if len(lost) == 0 {
		return
	}
	for _, r := range c.requests.byID {
		if lost[r.peer] {
			r.deadline = min(r.deadline, c.now)
		}
	}
	for name := range lost {
		if p := c.peers.byName[name]; p != nil && p.Alive {
			p.retryAt = max(p.retryAt, c.now+c.options.RequestTimeout)
		}
	}
}

// unanswered goes on with another peer, asks again, or gives up.
func (c *Core) unanswered(s *session, tasks []task) {
	s.busy, s.asked = false, nil
	s.putBack(tasks)
	s.tries++
	next := c.nextFor(s)
	again := s.tries < sessionTries && c.peers.isAlive(s.peer)
	switch {
	case next != nil && s.isAboutMissing() && !next.Suspect && s.opening:
		c.continueWith(s, next)
	case next != nil && s.isAboutMissing() && !next.Suspect:
		c.abandon(s, c.whyNothing()) // nothing is lost by that: the next exchange is with another
	case again:
		c.advance(s)
	case next != nil && s.opening:
		c.continueWith(s, next)
	default:
		c.abandon(s, c.whyNothing())
	}
}

// whyNothing says why there is no answer.
func (c *Core) whyNothing() string {
	if c.requests.unreadable {
		return "what the peer answers cannot be read; run the same release on all nodes"
	}
	return "the peer does not answer"
}

// isAboutMissing reports whether a session is to fetch what is missing here,
// from whoever has it, rather than to end a difference to its peer.
func (s *session) isAboutMissing() bool {
	return s.reason == reasonTrimmed || s.reason == reasonTakesPart
}

// nextFor returns the live peer with which a session goes on best, of those
// that it has not asked yet; nil if there is none. One that has seen less than
// the session would widen by narrows it to that.
func (c *Core) nextFor(s *session) *peer {
	var events uint64
	for _, sequence := range s.start {
		events += sequence
	}
	rank := func(name string) int {
		p, rank := c.peers.byName[name], 0
		if p.Suspect {
			rank += 2
		}
		if p.heard == 0 || p.check.Events < events {
			rank++
		}
		return rank
	}
	names := slices.DeleteFunc(c.shuffled(c.peers.live), func(name string) bool { return slices.Contains(s.tried, name) })
	if len(names) == 0 {
		return nil
	}
	best := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return c.peers.byName[best]
}

// narrow returns what is left to widen by with another peer, and takes note
// whether some peer will have shown all that it had seen when it began (E3), if
// own is what was seen here already.
func (s *session) narrow(context, own crdt.Context) crdt.Context {
	start := s.start.Meet(context)
	here := start.Clone()
	here.Join(own)
	s.narrowed = !context.Leq(here) && (s.narrowed || !s.start.Leq(here))
	return start
}

// continueWith goes on with the next peer. What was joined stays joined; the
// context will be widened by what both had when each began.
func (c *Core) continueWith(s *session, next *peer) {
	c.fail(s.peer)
	c.fetched(s.peer, s.kind(), s.before, c.whyNothing())
	s.wasOpened, s.askedForgotten = s.wasOpened || s.opened, false
	s.peer, s.tries, s.opened, s.stuck, s.before = next.Name, 0, false, false, c.passed(next.Name)
	s.drop()
	s.tried = append(s.tried, next.Name)
	c.advance(s)
}
