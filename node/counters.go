package node

import (
	"sync/atomic"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

// counters count since the start of the process.
type counters struct {
	commits, events, sendErrors, backfilled                  atomic.Uint64
	writesRefused, inboxDropped, readsRefused, watchersEnded atomic.Uint64
	// delays are of the deltas of others.
	delays delays
}

// Counters is a reading of a node's counters, for metrics.
type Counters struct {
	// Commits is how many transactions became durable, Events how many events
	// were applied in them.
	Commits, Events uint64
	// SendErrors is how many frames could not be handed to the network: their
	// queue was full, or their member gone. Each costs a retry.
	SendErrors uint64
	// Backfilled is how many events were added to the log because this node
	// began to participate where they are about.
	Backfilled uint64
	// Delays are how long deltas of other replicas took to be shown here.
	Delays Delays
	// Watchers is how many watch now.
	Watchers int
	// Queues are the bounded queues of the node, in no particular order.
	Queues []Queue
	// Protocol is what the protocol has counted; it begins anew when the disk
	// was at fault. Gossip is what the transport has.
	Protocol antientropy.Counters
	Gossip   gossip.Stats
	// Alone says that there are members to join and none is reached.
	Alone bool
}

// Queue is one bounded queue: how much waits in it, what it holds at most, in
// its own unit, and how often something had no room.
type Queue struct {
	Name    string
	Length  int
	Limit   int
	Dropped uint64
}

// committed counts a transaction whose effects are shown from now on, in milliseconds
// of the Unix epoch. O(deltas).
func (c *counters) committed(e *delta.Effects, now int64) {
	c.commits.Add(1)
	for _, p := range e.Deltas {
		c.events.Add(uint64(len(p.Events)))
	}
	c.delays.shown(e.ID, e.Deltas, now)
}

// Counters returns the node's counters.
func (n *Node) Counters() Counters {
	c := &n.counters
	return Counters{
		Commits: c.commits.Load(), Events: c.events.Load(), SendErrors: c.sendErrors.Load(),
		Backfilled: c.backfilled.Load(), Delays: c.delays.reading(),
		Watchers: n.watchers.count(), Protocol: *n.protocol.counted.Load(), Gossip: n.transport.Stats(),
		Alone: n.keeper.alone.Load(),
		Queues: []Queue{
			n.commits.reading("writes", &c.writesRefused),
			n.protocol.inbox.reading("inbox", &c.inboxDropped),
			n.protocol.reads.reading("reads", &c.readsRefused),
			{Name: "watchers", Length: n.watchers.waiting(), Limit: n.watchers.queueMax, Dropped: c.watchersEnded.Load()},
		},
	}
}

// reading returns what is to be told of a queue.
func (m *mailbox[T]) reading(name string, dropped *atomic.Uint64) Queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Queue{Name: name, Length: m.mu.weight, Limit: m.max, Dropped: dropped.Load()}
}
