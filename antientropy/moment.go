package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// momentsMax bounds the changes that are remembered: some 300 KiB.
const momentsMax = 4096

// moments remember how the own context has grown lately. A context that two
// replicas have both been at, named by its hash, then stands for all its
// entries, and only what has changed since need be said: however many replicas
// there ever were.
type moments struct {
	// grown are the changes, oldest first; the first is number base.
	grown []growth
	base  uint64
	// numbers are the numbers of the first change after each context.
	numbers map[delta.Sum]uint64
}

// growth is one entry of the context before it changed.
type growth struct {
	replica  crdt.ReplicaID
	sequence uint64
	// hash is that of the whole context before, if this is the first change
	// of a commit.
	hash  delta.Sum
	first bool
}

func newMoments() moments { return moments{numbers: map[delta.Sum]uint64{}} }

// grow notes that context, whose hash is given, is about to grow to changed.
func (m *moments) grow(hash delta.Sum, context, changed crdt.Context) {
	first := true
	for _, r := range changed.Replicas() {
		if first {
			m.numbers[hash] = m.base + uint64(len(m.grown))
		}
		m.grown = append(m.grown, growth{replica: r, sequence: context.Get(r), hash: hash, first: first})
		first = false
	}
	m.trim()
}

// trim drops the oldest commits. Half is dropped at once, so that each change
// is moved once.
func (m *moments) trim() {
	if len(m.grown) <= momentsMax {
		return
	}
	n := momentsMax / 2
	for n < len(m.grown) && !m.grown[n].first {
		n++
	}
	for _, g := range m.grown[:n] {
		if g.first {
			delete(m.numbers, g.hash)
		}
	}
	m.grown = append([]growth(nil), m.grown[n:]...)
	m.base += uint64(n)
}

// since returns, for every replica of which something was seen since the
// context had a hash, up to where its events were seen then. It reports whether
// that is remembered. O(changes since).
func (m *moments) since(hash, now delta.Sum) (crdt.Context, bool) {
	then := crdt.NewContext()
	if hash == now {
		return then, true
	}
	number, ok := m.numbers[hash]
	if !ok {
		return nil, false
	}
	for _, g := range m.grown[number-m.base:] {
		if _, later := then[g.replica]; !later {
			then[g.replica] = g.sequence
		}
	}
	return then, true
}

// since returns what has changed since the own context had a hash: its entries
// then, which may be 0.
func (c *Core) since(hash delta.Sum) (crdt.Context, bool) {
	return c.moments.since(hash, c.replica.ContextHash)
}
