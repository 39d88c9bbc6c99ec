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
// fetched from it and is on disk. Where a log no longer has some few events
// that is told only once it has lasted: mostly it is over before anybody has
// looked, and who steers by it, such as a load balancer, must not see a node
// come and go for a trifle.
type completeness struct {
	lacks bool
	// much says that what is missing is much for all that is known, since is
	// since when something is.
	much  bool
	since uint64
	// fetched says that everything is on its way to the disk.
	fetched bool
	// compared says that this replica was compared with some peer since the
	// start: it is known whether it lacks much.
	compared bool
}

const (
	// muchEvents is how many missing events are much anywhere, and muchShare of
	// how many records here they are much if there is one for each.
	muchEvents = 1000
	muchShare  = 16
	// lackPatience is for how long, in multiples of Retry, little may be missing
	// before it is told: as long as a complete session may be put off.
	lackPatience = wholePause
)

// Completeness says whether a replica lacks a great part of what others have.
type Completeness struct {
	// Incomplete is true until that part was fetched.
	Incomplete bool
	// Records is how many records the state has, and Expected how many that of
	// a live peer had at most when it was last heard: 0 if none was.
	Records, Expected uint64
	// Compared says that this replica was compared with some peer since the
	// start. Before that it is not known whether it lacks much.
	Compared bool
}

// HasNobodyToJoin tells a core that was said to be fresh (Start.Fresh) that there is
// nobody to join after all. Where something is known to be missing it stays so.
func (c *Core) HasNobodyToJoin() {
	if !c.completeness.compared && !c.replica.IsAhead() {
		c.completeness = completeness{}
	}
}

// Completeness returns whether this replica lacks a great part of what others
// have, and how far fetching it is. O(peers).
func (c *Core) Completeness() Completeness {
	x := c.completeness
	out := Completeness{
		Incomplete: x.lacks && (x.much || c.now >= x.since+lackPatience*c.options.Retry),
		Records:    c.replica.Fingerprint.Count, Compared: x.compared,
	}
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

// lacksMuch notes that a great part is missing.
func (c *Core) lacksMuch() {
	c.lacks()
	c.completeness.much = true
}

// lacksOf notes that something is missing that a peer has only as state.
func (c *Core) lacksOf(name string) {
	c.lacks()
	if p := c.peers.byName[name]; p != nil && p.heard > 0 {
		missing := p.check.Events - min(p.check.Events, c.events)
		c.completeness.much = c.completeness.much || missing >= muchEvents || missing > c.replica.Fingerprint.Count/muchShare
	}
}

func (c *Core) lacks() {
	if !c.completeness.lacks {
		c.completeness.since = c.now
	}
	c.completeness.lacks, c.completeness.fetched, c.completeness.compared = true, false, true
}

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
		c.completeness = completeness{compared: true}
	}
}
