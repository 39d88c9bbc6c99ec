package antientropy

// completeness is whether this replica may lack a great part of what others
// have, so that its answers are to be told from those of one that only is a
// moment behind. It does so
//
//   - from the start of a directory that has seen nothing, where there is
//     somebody to join (Start.Fresh), and
//   - from when the log of a peer no longer has what is missing, or a peer that
//     knows no context of ours has more than one answer holds,
//
// until a peer shows that it has the same, or everything that a peer had was
// fetched from it and is on disk.
type completeness struct {
	lacks bool
	// fetched says that everything is on its way to the disk.
	fetched bool
}

// Completeness says whether a replica lacks a great part of what others have.
type Completeness struct {
	// Incomplete is true until that part was fetched.
	Incomplete bool
	// Records is how many records the state has, and Expected how many that of
	// a live peer had at most when it was last heard: 0 if none was.
	Records, Expected uint64
}

// Completeness returns whether this replica lacks a great part of what others
// have, and how far fetching it is. O(peers).
func (c *Core) Completeness() Completeness {
	out := Completeness{Incomplete: c.completeness.lacks, Records: c.replica.Fingerprint.Count}
	if !out.Incomplete {
		return out
	}
	for _, name := range c.peers.live {
		if p := c.peers.byName[name]; p.heard > 0 {
			out.Expected = max(out.Expected, p.check.Fingerprint.Count)
		}
	}
	return out
}

// lacks notes that a great part is missing.
func (c *Core) lacks() { c.completeness = completeness{lacks: true} }

// fetchedAll notes that everything a peer had is here or on its way to the
// disk.
func (c *Core) fetchedAll() {
	c.completeness.fetched = true
	c.completeIfDurable()
}

// completeIfDurable notes that nothing is missing any more once all that was
// fetched is on disk.
func (c *Core) completeIfDurable() {
	if c.completeness.fetched && len(c.inbox.queue) == 0 && c.inbox.committing == 0 {
		c.completeness = completeness{}
	}
}
