package delta_test

import (
	"errors"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// backupsMax bounds what a history keeps to restore from.
const backupsMax = 4

// membersMax bounds a cluster that fresh and restored replicas have joined.
const membersMax = 6

var nodeNames = []string{"n1", "n2"}

// step does one step that is derived from x; 0 stands for none, so that a
// history that fails shrinks to the steps that matter.
func (c *cluster) step(x uint64) {
	if x == 0 {
		return
	}
	c.state = x
	p := c.members[c.pick(len(c.members))]
	switch n := c.pick(100); {
	case n < 86:
		c.commit(p, c.deeds(p)...)
	case n < 89:
		c.trim(p)
	case n < 91:
		c.restart(p)
	case n < 93:
		c.fresh()
	case n < 96:
		c.backup(p)
	case n < 98:
		c.restore()
	default:
		c.rollBack(p)
	}
}

// deeds returns what the next commit does: mostly one thing, sometimes up to
// three, as in a group commit.
func (c *cluster) deeds(p *peer) []deed {
	deeds := []deed{c.deed(p)}
	for len(deeds) < 3 && c.oneIn(4) {
		deeds = append(deeds, c.deed(p))
	}
	return deeds
}

func (c *cluster) deed(p *peer) deed {
	switch n := c.pick(100); {
	case p.session != nil && c.oneIn(4):
		return c.progress
	case n < 32:
		return c.write
	case n < 62:
		return c.deliver
	case n < 67:
		return c.pull
	case n < 75:
		return c.answer
	case n < 90:
		return c.progress
	case n < 96:
		return c.advertise
	case n < 97:
		return c.rename
	case n < 98 && c.forgets:
		return c.forget
	}
	return c.write
}

// write carries out a batch: mostly one operation.
func (c *cluster) write(_ *peer, commit *delta.Commit) {
	operations := []delta.Operation{c.operation()}
	for len(operations) < 4 && c.oneIn(4) {
		operations = append(operations, c.operation())
	}
	d, results, err := commit.Write(operations)
	switch {
	case errors.Is(err, delta.ErrNotFound), errors.Is(err, delta.ErrGap):
		return
	case err != nil:
		c.Fatalf("write: %v", err)
	}
	c.checkWritten(d, operations, results)
}

// checkWritten holds that every Register made an event of its own: only that
// keeps a Release that has not observed it from undoing it.
func (c *cluster) checkWritten(d delta.Delta, operations []delta.Operation, results []delta.Result) {
	registers := 0
	for _, e := range d.Events {
		if e.Kind == delta.Add && e.By == 0 {
			registers++
		}
	}
	for i, o := range operations {
		switch {
		case o.Verb == delta.VerbRegister:
			registers--
			fallthrough
		case o.Verb == delta.VerbIncrease, o.Verb == delta.VerbSet, o.Verb == delta.VerbTighten:
			if results[i].Priority < 1 {
				c.Fatalf("%+v left priority %d", o, results[i].Priority)
			}
		case o.Verb == delta.VerbRelease && results[i].Priority != 0:
			c.Fatalf("%+v left priority %d", o, results[i].Priority)
		}
	}
	if registers < 0 {
		c.Fatalf("%d registers made no event", -registers)
	}
}

func (c *cluster) operation() delta.Operation {
	x := c.claims[c.pick(len(c.claims))]
	amount := 1 + int64(c.pick(4))
	switch n := c.pick(16); {
	case n < 3:
		return register(x, amount)
	case n < 6:
		return increase(x, amount)
	case n < 7:
		return increaseIfVisible(x, amount)
	case n < 11:
		return decrease(x, amount)
	case n < 13:
		return release(x)
	case n < 14:
		return set(x, amount)
	case n < 15:
		return tightenWithGap(claim("a", "m"), "a", "f")
	}
	return tighten(claim("a", "m"), "f", "m")
}

// answer sends p what another holds under a random span.
func (c *cluster) answer(p *peer, commit *delta.Commit) {
	from := c.other(p)
	if from == nil {
		return
	}
	a := from.member.answer(c, c.spans()[0])
	if c.oneIn(2) {
		p.inbox = append(p.inbox, parcel{answer: &a})
		return
	}
	c.take(commit, a)
}

func (c *cluster) advertise(_ *peer, commit *delta.Commit) {
	n := delta.NodeRecord{Name: nodeNames[c.pick(len(nodeNames))], Service: string(rune('a' + c.pick(4)))}
	if _, err := commit.Advertise(n); err != nil {
		c.Fatalf("advertise: %v", err)
	}
}

func (c *cluster) rename(_ *peer, commit *delta.Commit) {
	c.turned = true // the session ends
	commit.Rename(replicaID(c.nextID()))
}

// forget retires the replica of some member, living or not.
func (c *cluster) forget(p *peer, commit *delta.Commit) {
	id := replicaID(1 + c.pick(c.ids))
	if id == commit.ID() || id == p.ID {
		return
	}
	if _, err := commit.Forget(id); err != nil {
		c.Fatalf("forget: %v", err)
	}
}

// restart loses what is not durable: the open session.
func (c *cluster) restart(p *peer) {
	p.member, p.session = p.member.clone(), nil
}

func (c *cluster) fresh() {
	if len(c.members) < membersMax {
		c.join(newMember(c.nextID()))
	}
}

func (c *cluster) backup(p *peer) {
	if len(c.backups) < backupsMax {
		c.backups = append(c.backups, p.clone())
	}
}

// restore joins what a backup holds under a new id.
func (c *cluster) restore() {
	if len(c.backups) == 0 || len(c.members) >= membersMax {
		return
	}
	p := c.backups[c.pick(len(c.backups))].clone()
	commit := p.begin()
	c.rename(p, commit)
	p.finish(c, commit)
	c.members = append(c.members, p)
}

// rollBack puts an old copy in place of a member behind its back. The first
// delta of its own that it has lost tells it so.
func (c *cluster) rollBack(p *peer) {
	i := slices.IndexFunc(c.backups, func(b *peer) bool { return b.ID == p.ID })
	if i < 0 {
		return
	}
	old := c.backups[i].clone()
	lost := slices.IndexFunc(c.history.deltas, func(d delta.Packed) bool {
		return d.Origin == old.ID && d.Last() > old.Context.Get(old.ID)
	})
	if lost >= 0 {
		commit := old.begin()
		if _, err := commit.Receive(c.history.deltas[lost]); !errors.Is(err, delta.ErrAmnesia) {
			c.Fatalf("replica %s does not notice that it lost %s: %v", old.ID, c.history.deltas[lost], err)
		}
		c.rename(old, commit)
		old.finish(c, commit)
	}
	p.member, p.log, p.session = old.member, old.log, nil
	for _, q := range c.members {
		if q.session != nil && q.session.with == p {
			c.commitSurely(q, func(q *peer, commit *delta.Commit) {
				commit.AbandonSession()
				q.session = nil
			})
		}
	}
}
