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
	// Records is the log, ascending by index. It is read once.
	Records iter.Seq[Record]
}

// Pick decides what is dropped. One pass over the records; it remembers no
// more of them than it keeps.
func Pick(env Env) Plan {
	p := picker{env: env}
	p.env.Options = env.Options.WithDefaults()
	for r := range env.Records {
		p.consider(r)
	}
	return p.plan()
}

type picker struct {
	env  Env
	kept [classes]queue
	drop []Drop
}

// consider decides on one record, and by it on those of its class that its
// size pushes out.
func (p *picker) consider(r Record) {
	d := Drop{Index: r.Index, AppliedAt: r.AppliedAt, Bytes: r.Bytes, Class: p.env.classOf(r)}
	last := crdt.Dot{Replica: r.Origin, Sequence: r.Last}
	retention := p.env.Options.of(d.Class)
	switch {
	case d.Class == Other && p.isCovered(last):
		p.goes(d, Covered)
		return
	case p.env.Now-r.AppliedAt > retention.Age:
		p.goes(d, Age)
		return
	}
	kept := &p.kept[d.Class]
	kept.push(keep{Drop: d, last: last})
	for kept.bytes > retention.Bytes {
		p.goes(kept.pop().Drop, Size)
	}
}

func (p *picker) goes(d Drop, why Reason) {
	d.Reason = why
	p.drop = append(p.drop, d)
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

func (p *picker) plan() Plan {
	slices.SortFunc(p.drop, func(a, b Drop) int { return cmp.Compare(a.Index, b.Index) })
	plan := Plan{Drop: p.drop}
	for _, d := range p.drop {
		plan.Dropped[d.Class].add(d.Bytes)
	}
	for _, c := range Classes {
		plan.Kept[c] = p.kept[c].totals()
	}
	plan.Blocked = p.blocked()
	return plan
}

// blocked counts for each member the other records that wait for it.
func (p *picker) blocked() []Blocker {
	var out []Blocker
	for _, m := range p.env.Members {
		b := Blocker{Member: m.Name}
		for _, k := range p.kept[Other].all() {
			if !m.hasSeen(k.last) {
				b.add(k.Bytes)
			}
		}
		if b.Records > 0 {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b Blocker) int { return cmp.Compare(a.Member, b.Member) })
	return out
}
