package sim

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// record tells the oracle of what became durable (V2).
func (m *member) record(e *delta.Effects) {
	for _, p := range e.Deltas {
		for i, x := range p.Events {
			m.recordEvent(p.Dot(i), x, p.Origin == e.ID)
		}
	}
	for r, sequence := range e.Context {
		if n := m.oracle.number(r); sequence > m.oracle.issued[n] {
			m.fail("V2: the context of %s covers %s:%d, which was never issued", m.name, short(r), sequence)
		}
	}
}

func (m *member) recordEvent(dot crdt.Dot, x delta.Event, own bool) {
	o := m.oracle
	_, exists := o.events[dot]
	switch {
	case !own && !exists:
		m.fail("V2: %s applies %s:%d, which was never issued", m.name, short(dot.Replica), dot.Sequence)
	case !own && !o.isIssued(dot, x):
		m.fail("V2: %s applies %s:%d as %+v, it was issued as %+v", m.name, short(dot.Replica), dot.Sequence, x, o.events[dot])
	case own && exists && !o.unsafe[dot.Replica]:
		m.fail("V2: %s uses the dot %s:%d again", m.name, short(dot.Replica), dot.Sequence)
	case own && exists:
		m.reused = true
		m.mark(MarkDotReused)
		clear(m.states)
	case own && dot.Sequence != o.issued[o.number(dot.Replica)]+1 && !o.unsafe[dot.Replica]:
		m.fail("V2: %s issues %s:%d after %d", m.name, short(dot.Replica), dot.Sequence, o.issued[o.number(dot.Replica)])
	}
	if !own {
		return
	}
	m.report.Events++
	o.record(dot, x)
	if m.write != nil {
		m.traceEvent(m.cluster, dot, x)
	}
	if x.Kind == delta.Forget && !o.isForgotten(x.Replica) {
		o.forget(x.Replica, m.contexts(nil))
		clear(m.states)
	}
}

// contexts are those of all directories that there are, but one.
func (k *cluster) contexts(but *directory) []crdt.Context {
	var out []crdt.Context
	for _, m := range k.members {
		if m.dir != but {
			out = append(out, m.dir.replica.Context)
		}
	}
	for _, b := range k.backups {
		out = append(out, b.dir.replica.Context)
	}
	return out
}

// lose notes that a directory is gone, or goes on as less than it was: what
// nobody else has seen is lost for good, and nothing else.
func (k *cluster) lose(gone *directory) {
	var left []crdt.Context
	for _, m := range k.members {
		if m.dir != gone {
			left = append(left, m.dir.replica.Context)
		}
	}
	for r, sequence := range gone.replica.Context {
		var known uint64
		for _, c := range left {
			known = max(known, c.Get(r))
		}
		if known < sequence {
			k.lossy = true
			k.oracle.lost[k.oracle.number(r)] = known
			k.mark(MarkEventsLost)
		}
	}
	if gone.replica.IsAhead() {
		k.lossy = true // it may have held as state what nobody has as events
	}
}
