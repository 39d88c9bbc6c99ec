package compaction

import (
	"cmp"
	"iter"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// Member is another live member of the cluster.
type Member struct {
	Name string
	// Context is what it is known to have seen; nil if that is not known.
	Context crdt.Context
}

// hasSeen reports whether the member is known to have seen a record, given the
// last of its events.
func (m Member) hasSeen(last crdt.Dot) bool { return m.Context.Covers(last) }

// Env is everything that a decision depends on.
type Env struct {
	// Now is the time in milliseconds since the Unix epoch.
	Now int64
	// Options are the retentions; zero ones stand for the defaults.
	Options Options
	// Node is the name of the node and Replica its id.
	Node    string
	Replica crdt.ReplicaID
	// Participation is where the node participates.
	Participation Participation
	// Members are the other live members. With none, nobody is known to have
	// seen anything, and nothing counts as covered.
	Members []Member
	// Records is the log, ascending by index. It is read once, or twice where a
	// class takes more than it may. What a record touches is looked at in its turn
	// alone: it may be in memory that is used again.
	Records iter.Seq[Record]
	// DropMax bounds the records that a plan drops, and so its memory: the
	// first of them. 0 stands for DefaultDropMax.
	DropMax int
}

// DefaultDropMax is how many records a plan drops at most: 10 MiB of them.
const DefaultDropMax = 1 << 18

// Pick decides what is dropped. O(records); it remembers none but those that go.
func Pick(env Env) Plan {
	p := picker{env: env.withDefaults()}
	p.pass()
	if p.isOverSize() {
		// Now it is known by how much: what exceeds the size goes oldest first.
		p = picker{env: p.env, over: p.plan.Kept}
		p.pass()
	}
	slices.SortFunc(p.plan.Blocked, func(a, b Blocker) int { return cmp.Compare(a.Member, b.Member) })
	return p.plan
}

// Resume returns the next part of a plan that has more to drop. All parts together are
// what Pick would drop without DropMax: env is as it was, but that Records begins at
// before.Next, of which no more is read than this part needs. Totals it has none, those
// of the first part are of all.
func Resume(env Env, before Plan) Plan {
	p := picker{env: env.withDefaults(), over: before.over}
	for r := range env.Records {
		if p.consider(r, nil); p.plan.More {
			break
		}
	}
	return Plan{Drop: p.plan.Drop, More: p.plan.More, Next: p.plan.Next, over: p.plan.over}
}

func (e Env) withDefaults() Env {
	e.Options = e.Options.WithDefaults()
	if e.DropMax == 0 {
		e.DropMax = DefaultDropMax
	}
	return e
}

type picker struct {
	env  Env
	plan Plan
	// over is what would be kept of each class without its size, less what has
	// gone for that.
	over [classes]Totals
}

func (p *picker) pass() {
	blocked := make([]Totals, len(p.env.Members))
	for r := range p.env.Records {
		p.consider(r, blocked)
	}
	for i, t := range blocked {
		if t.Records > 0 {
			p.plan.Blocked = append(p.plan.Blocked, Blocker{Member: p.env.Members[i].Name, Totals: t})
		}
	}
}

func (p *picker) isOverSize() bool {
	for _, c := range Classes {
		if p.plan.Kept[c].Bytes > p.env.Options.of(c).Bytes {
			return true
		}
	}
	return false
}

// consider decides on one record. It counts for whom it waits in blocked, unless that is
// nil.
func (p *picker) consider(r Record, blocked []Totals) {
	d := Drop{Index: r.Index, AppliedAt: r.AppliedAt, Bytes: r.Bytes, Class: p.env.classOf(r)}
	last := crdt.Dot{Replica: r.Origin, Sequence: r.Last}
	if d.Reason = p.whyNot(d, last); d.Reason == 0 {
		p.stays(d, last, blocked)
		return
	}
	if !p.plan.More && len(p.plan.Drop) == p.env.DropMax {
		p.plan.More, p.plan.Next, p.plan.over = true, d.Index, p.over
	}
	p.goes(d)
}

// whyNot says why a record does not stay, or 0.
func (p *picker) whyNot(d Drop, last crdt.Dot) Reason {
	retention := p.env.Options.of(d.Class)
	switch {
	case d.Class == Other && p.isCovered(last):
		return Covered
	case p.env.Now-d.AppliedAt > retention.Age:
		return Age
	case p.over[d.Class].Bytes > retention.Bytes:
		return Size
	}
	return 0
}

func (p *picker) goes(d Drop) {
	if d.Reason == Size {
		p.over[d.Class].Bytes -= d.Bytes
	}
	p.plan.Dropped[d.Class].add(d.Bytes)
	p.plan.Why[d.Class][d.Reason-1].add(d.Bytes)
	if !p.plan.More {
		p.plan.Drop = append(p.plan.Drop, d)
	}
}

func (p *picker) stays(d Drop, last crdt.Dot, blocked []Totals) {
	if p.plan.Kept[d.Class].Records == 0 {
		p.plan.Oldest[d.Class] = d.AppliedAt
	}
	p.plan.Oldest[d.Class] = min(p.plan.Oldest[d.Class], d.AppliedAt)
	p.plan.Kept[d.Class].add(d.Bytes)
	if d.Class == Own {
		return
	}
	for i := range blocked {
		if !p.env.Members[i].hasSeen(last) {
			blocked[i].add(d.Bytes)
		}
	}
}

// isCovered reports whether every live member has seen a record.
func (p *picker) isCovered(last crdt.Dot) bool {
	for _, m := range p.env.Members {
		if !m.hasSeen(last) {
			return false
		}
	}
	return len(p.env.Members) > 0
}

func (o Options) of(c Class) Retention {
	if c == Own {
		return o.Own
	}
	return o.Other
}
