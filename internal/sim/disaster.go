package sim

import "slices"

func (k *cluster) backUp(m *member) {
	if len(k.backups) == 4 {
		k.backups = k.backups[1:]
	}
	k.trace("%s is backed up", m.name)
	k.backups = append(k.backups, backup{m, m.dir.clone()})
}

// restore puts a backup in the place of a directory, under a new id.
func (k *cluster) restore() {
	b, ok := k.takeBackup()
	if !ok {
		return
	}
	k.mark(MarkRestored)
	k.trace("%s is restored from a backup", b.of.name)
	k.replace(b.of, b.dir)
	b.of.dir.replica.ID = k.newReplicaID()
	b.of.start()
	k.tellAll()
}

// rollBack does the same behind the back of the node.
func (k *cluster) rollBack() {
	b, ok := k.takeBackup()
	if !ok || b.of.dir.replica.ID != b.dir.replica.ID {
		return
	}
	k.mark(MarkRolledBack)
	k.trace("%s is rolled back behind its back", b.of.name)
	k.oracle.unsafe[b.dir.replica.ID] = true
	k.replace(b.of, b.dir)
	b.of.start()
	k.tellAll()
}

func (k *cluster) takeBackup() (backup, bool) {
	if len(k.backups) == 0 {
		return backup{}, false
	}
	i := k.random.IntN(len(k.backups))
	b := k.backups[i]
	k.backups = slices.Delete(k.backups, i, i+1)
	return b, true
}

// replace puts another directory in the place of a member's.
func (k *cluster) replace(m *member, dir *directory) {
	m.stop()
	m.life++
	gone := m.dir
	m.dir = dir
	k.lose(gone)
}

// loseDirectory lets a node come back under its name with nothing.
func (k *cluster) loseDirectory(m *member) {
	if len(k.members) < 2 {
		return
	}
	k.mark(MarkDirectoryLost)
	k.trace("the directory of %s is lost", m.name)
	k.replace(m, k.freshDirectory())
	m.start()
	k.tellAll()
}

// backup is a copy of a member's directory.
type backup struct {
	of  *member
	dir *directory
}
