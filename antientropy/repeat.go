package antientropy

// repeat is a question that is asked again while nothing has come of its
// answer: either may have been lost, and to wait for that as long as for a
// peer that is slow to read would keep a replica behind for seconds.
//
// Each time it goes under an id of its own. Answers are of their own instants,
// so the parts of two of them must not be put together; the first that is
// whole counts.
type repeat struct {
	send func(id uint64)
	// at is when it is asked again, pause how long after that once more.
	at, pause uint64
	ids       []uint64
}

// askPull asks for a pull from the log: send sends it under the id that it is
// given. It is asked again until an answer begins to come.
func (c *Core) askPull(peer string, send func(id uint64), then func([]byte) error) {
	pause := c.options.PullRepeat
	if p := c.peers.byName[peer]; p != nil {
		pause = max(pause, min(p.answers.patience(), c.options.RequestTimeout/2))
	}
	x := &repeat{send: send, at: c.now + pause, pause: 2 * pause}
	c.askAgain(peer, x, then)
}

func (c *Core) askAgain(peer string, x *repeat, then func([]byte) error) {
	id := c.ask(peer, 0, then)
	r := c.requests.byID[id]
	r.tier, r.repeat = TierPull, x
	x.ids = append(x.ids, id)
	x.send(id)
}

// repeatIfDue asks a question again of which nothing has come for a while.
func (c *Core) repeatIfDue(r *request) {
	x := r.repeat
	if x == nil || c.now < x.at || c.hasBegun(x) {
		return
	}
	if c.isBetterAsked(r.peer) {
		c.forgetRepeats(r)
		_ = r.then(nil) // an answer that did not come is never bad
		return
	}
	x.at, x.pause = c.now+x.pause, 2*x.pause
	c.counters.PullsRepeated++
	deadline := r.deadline
	c.askAgain(r.peer, x, r.then)
	c.requests.byID[x.ids[len(x.ids)-1]].deadline = deadline
}

// isBetterAsked reports whether to ask somebody else rather than a peer again.
// Right after its start a node is told of all members at once: of those that it
// has never heard of some may be gone, or not know this node yet, and nothing
// else is pulled while one of them is waited for. So it is while something is
// missing that whoever was heard of does not give.
func (c *Core) isBetterAsked(peer string) bool {
	p := c.peers.byName[peer]
	return (!c.identified || c.completeness.lacks) && p != nil && p.heard == 0 && len(c.peers.live) > 1
}

// hasBegun reports whether a part of some answer has come.
func (c *Core) hasBegun(x *repeat) bool {
	for _, id := range x.ids {
		if r := c.requests.byID[id]; r != nil && r.parts != nil {
			return true
		}
	}
	return false
}

// isAskedAgain reports whether a question is still asked under another id.
func (c *Core) isAskedAgain(but uint64, r *request) bool {
	if r.repeat == nil {
		return false
	}
	for _, id := range r.repeat.ids {
		if id != but && c.requests.byID[id] != nil {
			return true
		}
	}
	return false
}

// forgetRepeats gives up what else was asked of the same.
func (c *Core) forgetRepeats(r *request) {
	if r.repeat != nil {
		for _, id := range r.repeat.ids {
			c.forget(id)
		}
	}
}

// answers is how long a peer takes until answers to pulls begin to come, as
// exponential means, in the way of TCP's timer (RFC 6298). Each repetition has
// an id of its own, so it is known which of them was answered.
type answers struct {
	mean, spread uint64 // milliseconds
	known        bool
}

// took notes how long one answer took.
func (a *answers) took(millis uint64) {
	if !a.known {
		*a = answers{mean: millis, spread: millis / 2, known: true}
		return
	}
	a.spread = (3*a.spread + max(a.mean, millis) - min(a.mean, millis)) / 4
	a.mean = (7*a.mean + millis) / 8
}

// patience is after how long an answer is most likely lost; 0 if none has come.
func (a *answers) patience() uint64 { return a.mean + 4*a.spread }

// beginsToCome notes that the first part of an answer is here.
func (c *Core) beginsToCome(r *request) {
	if p := c.peers.byName[r.peer]; p != nil && r.repeat != nil {
		p.answers.took(c.now - r.asked)
	}
}
