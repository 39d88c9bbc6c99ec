package sim

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
)

// await is a question of a member: who has a context on disk.
type await struct {
	by        *member
	context   crdt.Context
	confirmed map[string]bool
	// asked are the directories of those asked: one that was replaced since
	// need not have what it had.
	asked map[string]*directory
}

// ask asks all others for everything that m has seen.
func (m *member) ask() {
	m.awaited++
	a := &await{by: m, context: m.dir.replica.Context.Clone(), confirmed: map[string]bool{}, asked: map[string]*directory{}}
	m.awaits[m.awaited] = a
	var names []string
	for _, other := range m.members {
		if other != m {
			names = append(names, other.name)
			a.asked[other.name] = other.dir
		}
	}
	m.core.Await(m.awaited, a.context, names)
	m.work()
}

func (k *cluster) endAwaits(m *member) {
	for id, a := range k.awaits {
		if a.by == m {
			delete(k.awaits, id)
		}
	}
}

// confirmed holds a confirmation against the disk of the one that gave it (V7).
func (m *member) confirmed(x antientropy.Confirmation) {
	a := m.awaits[x.Await]
	if a == nil || a.by != m || a.confirmed[x.Peer] {
		m.fail("V7: %s: a confirmation by %s was not asked for, or comes twice", m.name, x.Peer)
		return
	}
	a.confirmed[x.Peer] = true
	m.mark(MarkConfirmed)
	other := m.member(x.Peer)
	if other != nil && other.dir == a.asked[x.Peer] && !a.context.Leq(other.dir.replica.Context) {
		m.fail("V7: %s confirmed %s to %s and has not got it", x.Peer, m.text(a.context), m.name)
	}
}
