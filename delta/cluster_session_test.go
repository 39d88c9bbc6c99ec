package delta_test

import (
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// session is what the receiving side of a complete session remembers of it.
type session struct {
	with  *peer
	parts []part
}

// part is one span of a session: we say what we hold, the sender compares that
// with what it holds and replies, and we join the reply. Others come between
// any two of these.
type part struct {
	span    delta.Span
	asked   []delta.Entry
	isAsked bool
	replied *delta.Answer
	equal   bool
}

func (s *session) clone() *session {
	if s == nil {
		return nil
	}
	return &session{with: s.with, parts: slices.Clone(s.parts)}
}

func (c *cluster) open(p *peer, commit *delta.Commit) {
	with := c.other(p)
	if with == nil {
		return
	}
	c.offer(commit, func() error { return commit.OpenSession(with.Context.Clone()) })
	c.turned = true
	p.session = &session{with: with}
	for _, span := range c.spans() {
		p.session.parts = append(p.session.parts, part{span: span})
	}
}

// talk exchanges messages of a session between commits: what is compared must
// be what became durable after the session was opened.
func (c *cluster) talk(p *peer) {
	s := p.session
	if s == nil {
		return
	}
	for i := range s.parts {
		x := &s.parts[i]
		if !x.isAsked && !c.oneIn(3) {
			x.asked, x.isAsked = entriesOf(p.memory, x.span), true
		}
		if x.isAsked && x.replied == nil && !c.oneIn(3) {
			c.reply(s, x)
		}
	}
}

// reply is the sender's: it compares what the receiver had when it asked with
// what it holds now.
func (c *cluster) reply(s *session, x *part) {
	a := s.with.member.answer(c, x.span)
	a.InSession = true
	x.replied, x.equal = &a, slices.EqualFunc(a.Entries, x.asked, delta.Entry.Equal)
}

// progress opens a session, joins what was replied, and completes it where
// nothing is left to be asked.
func (c *cluster) progress(p *peer, commit *delta.Commit) {
	switch {
	case p.session == nil:
		c.open(p, commit)
	case c.oneIn(24):
		commit.AbandonSession()
		p.session = nil
	case c.oneIn(16):
		c.continueWithAnother(p, commit)
	case len(p.session.parts) > 0:
		c.joinReplies(p.session, commit)
	default:
		c.complete(p, commit)
	}
}

func (c *cluster) joinReplies(s *session, commit *delta.Commit) {
	s.parts = slices.DeleteFunc(s.parts, func(x part) bool {
		switch {
		case x.replied == nil || c.oneIn(4):
			return false
		case x.equal:
			c.joined = true
			commit.Matched(x.replied.Covered())
		default:
			c.take(commit, *x.replied)
		}
		return true
	})
}

func (c *cluster) complete(p *peer, commit *delta.Commit) {
	c.joined, c.turned = true, true
	c.offer(commit, commit.CompleteSession)
	p.session = nil
}

// continueWithAnother goes on with another peer; the session then covers only
// what both had seen when it began with them.
func (c *cluster) continueWithAnother(p *peer, commit *delta.Commit) {
	with, start := c.other(p), p.Session()
	if with == nil || start == nil || c.turned || c.continued {
		return
	}
	c.continued = true // start is as of before the commit, and would be too much from now on
	start = start.Meet(with.Context)
	c.offer(commit, func() error { return commit.OpenSession(start) })
	next := &session{with: with}
	for _, x := range p.session.parts {
		next.parts = append(next.parts, part{span: x.span})
	}
	p.session = next
}

func entriesOf(m *delta.Memory, s delta.Span) []delta.Entry {
	var out []delta.Entry
	_ = m.Scan(s, func(e delta.Entry) error { // visit returns none
		out = append(out, e)
		return nil
	})
	return out
}
