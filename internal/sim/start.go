package sim

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// life is a start that a member was told of.
type life struct {
	replica crdt.ReplicaID
	start   antientropy.StartID
}

// countStart makes a start on the directory distinguishable from every other.
func (m *member) countStart() {
	m.starts++
	m.dir.start = antientropy.StartID{Counter: m.dir.start.Counter + 1, Nonce: m.starts}
}

// mustYield reports whether a living member that can be asked has the id of this
// one, which has just started and which nobody lists, and keeps it.
func (m *member) mustYield() bool {
	for _, other := range m.members {
		if other != m && other.up && other.dir.replica.ID == m.dir.replica.ID && m.reach(m, other) {
			keeps := antientropy.Claimant{Start: other.dir.start, Listed: true}.Keeps(antientropy.Claimant{Start: m.dir.start})
			m.markIf(MarkForkNoticed, keeps)
			return keeps
		}
	}
	return false
}

// startOfCore says what a core begins with, and whom it has to ask who it is:
// everybody whom the directory knows of.
func (m *member) startOfCore() antientropy.Start {
	s := antientropy.StartOf(m.dir.replica)
	if !m.asksAll {
		return s
	}
	m.identified = m.dir.start.Counter == 1
	s.Identified, s.Witnessed = m.identified, true
	for _, name := range slices.Sorted(maps.Keys(m.dir.lives)) {
		if _, forgotten := m.dir.replica.Forgotten[m.dir.lives[name].replica]; !forgotten {
			s.Witnesses = append(s.Witnesses, name)
		}
	}
	return s
}

// identityWait is how long a member waits, in milliseconds, for all of its
// witnesses, before it goes on under a new id.
const identityWait = 3000

// doubtLater has the member go on under a new id if it is not identified by
// then, again until the disk lets it.
func (m *member) doubtLater() {
	if !m.asksAll || m.identified {
		return
	}
	m.living(identityWait, kindOther, func() {
		if !m.identified {
			m.mark(MarkUnwitnessed)
			_ = m.transaction(nil, func(c *delta.Commit) error {
				c.Rename(m.newReplicaID())
				return nil
			})
		}
		m.doubtLater()
	})
}

// recognise lets members that reach each other compare what they remember of
// each other's starts with what they are told. Whoever runs on an older copy of
// his directory goes on under a new id.
func (k *cluster) recognise() {
	if !k.remembersStarts {
		return
	}
	for _, m := range k.members {
		for _, other := range k.members {
			if m != other && m.up && other.up && k.reach(m, other) {
				other.meet(m)
			}
		}
	}
}

// reach reports whether frames get through between two members, both ways.
func (k *cluster) reach(a, b *member) bool {
	return !k.net.cut[[2]int{a.number, b.number}] && !k.net.cut[[2]int{b.number, a.number}]
}

// meet compares what a member remembers of another with what that is now.
func (m *member) meet(other *member) {
	now := life{other.dir.replica.ID, other.dir.start}
	known := m.dir.lives[other.name]
	for known.replica == now.replica && known.start.Refutes(now.start) {
		m.trace("%s remembers %s of %s, which is at %s", m.name, known.start, other.name, now.start)
		m.mark(MarkStartRefuted)
		other.rename() // again until the disk lets it
		now.replica = other.dir.replica.ID
	}
	m.dir.lives[other.name] = now
}
