package antientropy

import (
	"cmp"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// route says how a delta came, and so who else need be told.
type route uint8

const (
	// bySome: pushed by a peer that did not push it to everybody.
	bySome route = iota
	// byAll: pushed by a peer to everybody it knows.
	byAll
	// byAnnouncement: pulled because it was announced instead of pushed.
	byAnnouncement
	// byPull: pulled because it was missing; others most likely have it.
	byPull
)

// arrival is one way on which a delta came.
type arrival struct {
	from string
	how  route
}

// inbound is a received delta on its way into the log.
type inbound struct {
	delta.Packed
	arrivals []arrival
	at       uint64
	settled  bool
}

// lane is what is on its way of one origin.
type lane struct {
	// last is the highest sequence that will be seen if all is applied.
	last uint64
	// deltas are queued or being committed, ascending by their last event;
	// early ones wait for those before them, ascending by their first.
	deltas, early []*inbound
}

// holding returns the queued delta that has the events first to last, or nil.
func (l *lane) holding(first, last uint64) *inbound {
	i, _ := slices.BinarySearchFunc(l.deltas, last, func(in *inbound, last uint64) int {
		return cmp.Compare(in.Last(), last)
	})
	if i < len(l.deltas) && l.deltas[i].First <= first {
		return l.deltas[i]
	}
	return nil
}

// waiting returns the place of an early delta that begins with a sequence.
func (l *lane) waiting(first uint64) (int, bool) {
	return slices.BinarySearchFunc(l.early, first, func(in *inbound, first uint64) int {
		return cmp.Compare(in.First, first)
	})
}

// inbox holds received deltas until they are committed. A delta is taken at
// most once, though it may come from many peers.
type inbox struct {
	lanes      map[crdt.ReplicaID]*lane
	queue      []*inbound
	queueBytes int
	earlyBytes int
	committing int
}

// commitsMax bounds the commits of received deltas that are under way: while
// one is on its way to the disk the next fills up.
const commitsMax = 2

// commitStepsMax and commitBytesMax bound one of them.
const (
	commitStepsMax = 1024
	commitBytesMax = 1 << 20
)

// earlyPause is how long an early delta waits, in milliseconds.
const earlyPause = 10_000

func newInbox() inbox { return inbox{lanes: map[crdt.ReplicaID]*lane{}} }

func (b *inbox) lane(r crdt.ReplicaID) *lane {
	l := b.lanes[r]
	if l == nil {
		l = &lane{}
		b.lanes[r] = l
	}
	return l
}

// expected returns up to where the events of a replica will be seen if all
// that is under way is applied.
func (c *Core) expected(r crdt.ReplicaID) uint64 {
	seen := c.replica.Context.Get(r)
	if l := c.inbox.lanes[r]; l != nil {
		seen = max(seen, l.last)
	}
	return seen
}

// offer takes a delta that has arrived, if it is new. It reports whether it
// was.
func (c *Core) offer(bytes []byte, a arrival) (bool, error) {
	isNew, err := c.take(bytes, a)
	c.countArrival(a.how, isNew)
	return isNew, err
}

func (c *Core) take(bytes []byte, a arrival) (bool, error) {
	c.counters.DeltasIn++
	h, ok := peek(bytes)
	if ok && c.isKnown(h, a) {
		c.counters.DeltasKnown++
		return false, nil
	}
	// What is kept must not keep the whole frame, which may be much larger.
	p, err := delta.DecodeDelta(slices.Clone(bytes))
	if err != nil {
		return false, err
	}
	if p.Origin == c.replica.ID {
		c.missing(p.Origin, p.Last(), a.from, byPull) // proves amnesia
		return false, nil
	}
	if c.replica.Session().Covers(p.Dot(0)) {
		c.counters.DeltasHeld++
		c.uncover()
		return false, nil
	}
	in := &inbound{Packed: p, arrivals: []arrival{a}, at: c.now}
	if p.First <= c.expected(p.Origin)+1 {
		c.enqueue(in)
		c.promote(p.Origin)
	} else {
		c.keepEarly(in)
		c.missing(p.Origin, p.First-1, a.from, holeRoute(a.how))
	}
	return true, nil
}

// holeRoute returns how what was missing before an early delta will have come:
// whoever pushed that to everybody has pushed the others to everybody too.
func holeRoute(early route) route {
	if early == byAll {
		return byAll
	}
	return byAnnouncement
}

// isKnown reports whether a delta is seen or on its way, and then notes who
// else has it.
func (c *Core) isKnown(h head, a arrival) bool {
	if h.Last <= c.replica.Context.Get(h.Origin) {
		return true
	}
	l := c.inbox.lanes[h.Origin]
	if l == nil {
		return false
	}
	in := l.holding(h.First, h.Last)
	if i, ok := l.waiting(h.First); in == nil && ok && h.Last <= l.early[i].Last() {
		in = l.early[i]
	}
	if in != nil && !slices.Contains(in.arrivals, a) {
		in.arrivals = append(in.arrivals, a) // so at most some for each peer
	}
	return in != nil || h.Last <= l.last
}

// enqueue puts a delta that is next in order into the queue.
func (c *Core) enqueue(in *inbound) {
	if c.inbox.queueBytes+len(in.Bytes) > c.options.QueueBytesMax {
		c.drop()
		return
	}
	l := c.inbox.lane(in.Origin)
	if in.Last() <= l.last {
		return // what is under way has it
	}
	l.last = in.Last()
	l.deltas = append(l.deltas, in)
	c.inbox.queue = append(c.inbox.queue, in)
	c.inbox.queueBytes += len(in.Bytes)
}

// promote enqueues the early deltas of a replica that are next now.
func (c *Core) promote(r crdt.ReplicaID) {
	l := c.inbox.lanes[r]
	for l != nil && len(l.early) > 0 && l.early[0].First <= c.expected(r)+1 {
		in := l.early[0]
		l.early = l.early[1:]
		c.inbox.earlyBytes -= len(in.Bytes)
		if in.Last() > c.expected(r) {
			c.enqueue(in)
		}
	}
}

// keepEarly keeps a delta until those before it have come.
func (c *Core) keepEarly(in *inbound) {
	c.counters.DeltasEarly++
	if c.inbox.earlyBytes+len(in.Bytes) > c.options.EarlyBytesMax {
		c.drop()
		return
	}
	l := c.inbox.lane(in.Origin)
	i, _ := l.waiting(in.First)
	l.early = slices.Insert(l.early, i, in)
	c.inbox.earlyBytes += len(in.Bytes)
}

// drop counts a delta that is not kept. The hole stays visible.
func (c *Core) drop() {
	c.counters.DeltasDropped++
	c.uncover()
}

// flushInbox asks for the next commits of what has been received. Nothing is
// committed while the replica's identity is unconfirmed: applying a release
// may issue an event of our own, under a sequence that was perhaps used before
// the directory was rolled back.
func (c *Core) flushInbox() {
	if !c.identified {
		return
	}
	for c.inbox.committing < commitsMax && len(c.inbox.queue) > 0 {
		batch := c.nextBatch()
		steps := make([]Step, len(batch))
		for i, in := range batch {
			steps[i] = Step{Kind: StepReceive, Delta: in.Packed}
		}
		c.inbox.committing++
		c.commit(steps, func(r CommitResult) { c.received(batch, r) })
	}
}

func (c *Core) nextBatch() []*inbound {
	var n, bytes int
	for _, in := range c.inbox.queue {
		if n == commitStepsMax || n > 0 && bytes+len(in.Bytes) > commitBytesMax {
			break
		}
		n, bytes = n+1, bytes+len(in.Bytes)
	}
	batch := c.inbox.queue[:n:n]
	c.inbox.queue = c.inbox.queue[n:]
	c.inbox.queueBytes -= bytes
	return batch
}

// received notes what became of a batch.
func (c *Core) received(batch []*inbound, r CommitResult) {
	c.inbox.committing--
	for i, in := range batch {
		in.settled = true
		switch {
		case r.Err != nil:
			c.drop()
			continue
		case r.Steps[i].Outcome == delta.Held:
			c.counters.DeltasHeld++
			c.uncover()
		case r.Steps[i].Outcome == delta.Early:
			c.drop()
		}
		if cause := r.Steps[i].Lost; cause != nil {
			c.notice(Notice{Kind: NoticeLost, Peer: in.arrivals[0].from, Err: cause})
		}
	}
}

// arrivalsOf returns how a delta, or a part of it, came; nil if it is our own.
func (c *Core) arrivalsOf(p delta.Packed) []arrival {
	l := c.inbox.lanes[p.Origin]
	if l == nil {
		return nil
	}
	if in := l.holding(p.First, p.First); in != nil {
		return in.arrivals
	}
	return nil
}

// flushSources forgets the deltas whose commit has been settled.
func (c *Core) flushSources() {
	for r, l := range c.inbox.lanes {
		l.deltas = slices.DeleteFunc(l.deltas, func(in *inbound) bool { return in.settled })
		if len(l.deltas) > 0 {
			continue
		}
		l.last = 0 // what was not applied is expected no more
		if len(l.early) == 0 {
			delete(c.inbox.lanes, r)
		}
	}
}

// tickInbox gives up early deltas whose predecessors do not come, and
// promotes those whose predecessors came another way.
func (c *Core) tickInbox() {
	for _, r := range sortedReplicas(c.inbox.lanes) {
		l := c.inbox.lanes[r]
		l.early = slices.DeleteFunc(l.early, func(in *inbound) bool {
			stale := c.now >= in.at+earlyPause || in.Last() <= c.expected(r)
			if stale {
				c.inbox.earlyBytes -= len(in.Bytes)
				c.uncover()
			}
			return stale
		})
		c.promote(r)
	}
	c.flushSources()
}
