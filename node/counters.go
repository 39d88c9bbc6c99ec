package node

import (
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// counters count since the start of the process.
type counters struct {
	commits, events, inboxDropped, sendErrors atomic.Uint64
}

// Counters is a reading of a node's counters.
type Counters struct {
	// Commits is how many transactions became durable, Events how many events
	// were applied in them.
	Commits, Events uint64
	// InboxDropped is how many frames were dropped because the protocol's
	// queue was full, SendErrors how many could not be handed to the network.
	// Either costs a retry.
	InboxDropped, SendErrors uint64
	// Watchers is how many watch now.
	Watchers int
}

func (c *counters) committed(e *delta.Effects) {
	c.commits.Add(1)
	for _, p := range e.Deltas {
		c.events.Add(uint64(len(p.Events)))
	}
}

// Counters returns the node's counters.
func (n *Node) Counters() Counters {
	return Counters{
		Commits: n.counters.commits.Load(), Events: n.counters.events.Load(),
		InboxDropped: n.counters.inboxDropped.Load(), SendErrors: n.counters.sendErrors.Load(),
		Watchers: n.watchers.count(),
	}
}
