package ranges

// lockstep is how many searches go on together. One alone waits for memory at every
// step: where it reads next it knows by what it has read. Those of a commit do not
// depend on each other, so all take a step before any takes the next one, and what they
// wait for comes at once: group prefetching (Chen, Ailamaki, Gibbons, Mowry: Improving
// hash join performance through prefetching, 2004) with reads in place of prefetches,
// which Go has none of. A processor has a dozen or two under way, and what so many
// searches read stays in its nearer caches.
//
// Then each is done as if it were alone. Reading ahead changes nothing and may go wrong.
const lockstep = 64

// lookAhead reads what a search in a leaf is about to read.
//
//	aim → step → arrive
type lookAhead struct {
	rung uint64
	at   int    // where on the ladder the key may be; 0 if that is not known
	read uint64 // of no use but that it had to be read
}

// aim reads the node that a ladder is in.
func (a *lookAhead) aim(l *ladder, key string) {
	if len(l.rungs) > 1 && len(key) >= len(l.common) {
		a.rung = rungOf(key[len(l.common):])
		a.at = l.guess(a.rung)
	}
}

// step reads the rung there, and what the starts have in common.
func (a *lookAhead) step(l *ladder) {
	if a.at == 0 {
		return
	}
	a.read = l.rungs[a.at]
	if l.common != "" {
		a.read = uint64(l.common[0])
	}
}

// arrive goes to where the key is on the ladder.
func (a *lookAhead) arrive(l *ladder) {
	if a.at > 0 {
		a.at = min(l.lowerBound(a.rung), len(l.rungs)-1)
	}
}
