package sim

import "github.com/scalesmall/ssnode/compaction"

// trimSometimes applies the retention of a member again and again.
func (m *member) trimSometimes() {
	m.living(100+m.upTo(400), kindOther, func() {
		if !m.quiet {
			m.trim()
		}
		m.trimSometimes()
	})
}

// trim drops of the log what compaction picks.
func (m *member) trim() {
	env := compaction.Env{
		Now: int64(m.now), Options: m.retention, Node: m.name, Replica: m.dir.replica.ID,
		Participation: m.dir.participation(m.name), Records: m.dir.records(),
	}
	for _, other := range m.members {
		if other == m || !other.up || m.suspects[other.name] == takenForDead {
			continue
		}
		known := compaction.Member{Name: other.name}
		if !m.net.cut[[2]int{other.number, m.number}] {
			known.Context = other.dir.replica.Context
		}
		env.Members = append(env.Members, known)
	}
	if n := m.dir.trim(compaction.Pick(env)); n > 0 {
		m.trace("%s trims %d deltas", m.name, n)
		m.markMany(MarkTrimmed, uint64(n))
	}
}
