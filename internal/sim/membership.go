package sim

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

const membersMax = 8

func (k *cluster) joinFresh() {
	if len(k.members) >= max(membersMax, k.report.Config.Nodes+3) {
		return
	}
	k.mark(MarkJoined)
	k.join(fmt.Sprintf("n%d", k.names+1), k.freshDirectory())
}

// leave ends a member for good after all others have what it had, as far as
// can be told; its directory is kept by nobody.
func (k *cluster) leave(m *member) {
	if len(k.members) < 3 || !m.up {
		return
	}
	for _, other := range k.members {
		if !m.dir.replica.Context.Leq(other.dir.replica.Context) || m.dir.replica.IsAhead() {
			return
		}
	}
	k.mark(MarkLeft)
	k.trace("%s leaves", m.name)
	k.remove(m)
}

func (k *cluster) remove(m *member) {
	k.lose(m.dir)
	m.stop()
	m.life++
	k.members = slices.DeleteFunc(k.members, func(x *member) bool { return x == m })
	k.backups = slices.DeleteFunc(k.backups, func(b backup) bool { return b.of == m })
	for _, a := range k.awaits {
		delete(a.confirmed, m.name)
	}
	k.tellAll()
}

// cloneMember starts a second process on a copy of a living directory. The
// one that the members already list keeps the id: the other draws a new one.
func (m *member) cloneMember() {
	if len(m.members) >= max(membersMax, m.report.Config.Nodes+3) {
		return
	}
	m.mark(MarkCloned)
	m.trace("the directory of %s is cloned", m.name)
	m.join(fmt.Sprintf("n%d", m.names+1), m.dir.clone())
}

// forget retires the replica of another member, dead or alive, or one that is
// of no member any more.
func (m *member) forget(other *member) {
	r := other.dir.replica.ID
	if n := len(m.oracle.ids); n > 0 && m.chance(40) {
		r = m.oracle.ids[m.random.IntN(n)]
	}
	if r == m.dir.replica.ID || !m.mayWrite() {
		return
	}
	m.mark(MarkForgot)
	m.trace("%s forgets %s", m.name, short(r))
	_ = m.transaction(nil, func(c *delta.Commit) error {
		_, err := c.Forget(r)
		return err
	})
}
