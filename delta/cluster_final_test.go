package delta_test

import (
	"github.com/scalesmall/ssnode/delta"
)

// commitSurely is a commit that does not fail.
func (c *cluster) commitSurely(p *peer, deeds ...deed) *delta.Effects {
	c.joined, c.joinedInSession, c.turned = true, true, true
	commit := p.begin()
	for _, do := range deeds {
		do(p, commit)
	}
	effects, err := commit.Finish()
	if err != nil {
		c.Fatalf("finish: %v", err)
	}
	c.adopt(p, effects)
	c.check(p, effects)
	return effects
}

// deliverAll hands every event to every replica, also those that this brings
// forth.
func (c *cluster) deliverAll() {
	for done := 0; done < len(c.history.deltas); {
		done = len(c.history.deltas)
		for _, p := range c.members {
			c.commitSurely(p, func(p *peer, commit *delta.Commit) {
				commit.AbandonSession()
				p.session = nil
				for _, d := range c.history.deltas {
					c.receive(commit, d)
				}
			})
			p.inbox = nil
		}
	}
}

// repairAll repairs every replica from every other until nothing is left to
// repair.
func (c *cluster) repairAll() {
	for round := 0; !c.isSettled(); round++ {
		if round == 10 {
			c.Fatalf("not settled after %d rounds", round)
		}
		for _, p := range c.members {
			for _, q := range c.members {
				if p != q {
					c.repair(p, q)
				}
			}
		}
	}
}

func (c *cluster) isSettled() bool {
	for _, p := range c.members {
		q := c.members[0]
		if p.ContextHash != q.ContextHash || p.Fingerprint != q.Fingerprint || p.InSession() {
			return false
		}
	}
	return true
}

// repair is a whole session in one commit.
func (c *cluster) repair(p, with *peer) {
	c.commitSurely(p, func(p *peer, commit *delta.Commit) {
		commit.AbandonSession()
		p.session = nil
		c.offer(commit, func() error { return commit.OpenSession(with.Context.Clone()) })
		for _, span := range c.spans() {
			a := with.member.answer(c, span)
			a.InSession = true
			c.take(commit, a)
		}
		c.offer(commit, commit.CompleteSession)
	})
}
