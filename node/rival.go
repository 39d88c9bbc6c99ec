package node

import (
	"fmt"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// rival is another process with this node's name, and when it was heard of last.
type rival struct {
	gossip.Conflict
	heard time.Time
}

// conflict takes note of another process with this node's name. It ends this
// node if the other goes on under it. One that was refused here is told once,
// though it tries again and again. Called from gossip, it does not block.
func (n *Node) conflict(c gossip.Conflict) {
	if c.Yields {
		n.giveUpID(c)
	}
	last := n.rival.Swap(&rival{c, n.now()})
	if c.Lost && c.Of == n.Replica() {
		n.inherited.Store(c.Seen)
	}
	switch {
	case c.Lost:
		n.giveWay(c)
	case last != nil && last.Conflict == c:
	case c.Fork && !c.Yields:
		n.log.Warn("another process runs on a copy of this node's data directory; this one keeps the replica id, the other has to draw a new one: stop it",
			"at", c.Gossip, "replica", c.Rival.Replica, "its", c.Rival.Start)
	case !c.Fork:
		n.log.Warn("another process wants to join under this node's name and was refused", "at", c.Gossip, "its", c.Rival.Start)
	}
}

// How long after it was first found to lose its name a node asks again, and
// ends if it still does. What a rival says is true of the moment in which it
// said so: both might hear that the other is listed.
const (
	// confirmTime is for a node that nobody lists: nobody answers it anyway.
	confirmTime = 300 * time.Millisecond
	// handOverTime is for one that others list, so that they take what it has
	// written and carried over to its new id.
	handOverTime = 2 * time.Second
	// lossForgotten is when a loss that was not confirmed counts no longer.
	lossForgotten = time.Minute
)

// loss is the rival to whom this node seems to lose its name, since when, and
// when that may be final.
type loss struct {
	to          gossip.StartID
	since, till time.Time
}

// giveWay ends this node if the rival has been found to go on under its name
// before, a while ago. Otherwise it has the rival asked again then. No answer
// means that the rival is gone, or out of reach again, and this node goes on.
func (n *Node) giveWay(c gossip.Conflict) {
	now := time.Now()
	l, wait := n.losing.Load(), confirmTime
	if c.Listed {
		wait = handOverTime
	}
	switch {
	case l == nil || l.to != c.Rival.Start || now.Sub(l.since) > lossForgotten:
		n.losing.Store(&loss{to: c.Rival.Start, since: now, till: now.Add(wait)})
		time.AfterFunc(wait, func() {
			if t := n.protocol.transport.Load(); t != nil {
				t.Ask(c.Gossip, c.Rival.Replica)
			}
		})
	case now.Before(l.till) || n.ending.Load():
	case c.Fork:
		n.ending.Store(true)
		go n.bequeath(c) // it waits for the network, and ends with the node
	default:
		n.stopItself(fmt.Errorf("%w: %q is a living member at %s; start with another name and a fresh data directory, or stop that one first", ErrNameTaken, c.Name, c.Gossip))
	}
}

// bequeathMax is how long a node that ends tries to hand over what it has
// written, bequeathPause how long it waits for the other to have it on disk
// before it asks, and sends what is missing once more.
const (
	bequeathMax   = 20 * time.Second
	bequeathPause = 300 * time.Millisecond
)

// bequeath hands over what this node has written to the copy that goes on under
// its name, under an id that only this one has had, and ends this one: if nobody
// lists it, nobody else would take that. It takes no writes any more, and those
// that were under way come before the last request.
func (n *Node) bequeath(c gossip.Conflict) {
	if n.Replica() == c.Rival.Replica {
		<-n.giveUpID(c)
	} else {
		<-n.goOnUnderNewID() // if it is not certain; in any case all before that is done
	}
	what := "what this one wrote was handed over to it"
	if !n.isInherited(c) {
		what = "not all that this one wrote could be handed over to it; that is in this directory still, and comes to the others if that process is stopped and this one started again"
	}
	n.stopItself(fmt.Errorf("%w: a process on a copy of this data directory is the member %q at %s; %s; do not run copies of a directory: for one more node, take another name and a fresh directory", ErrNameTaken, c.Name, c.Gossip, what))
}

// isInherited hands over until the rival has on disk all that this node has
// issued under its id.
func (n *Node) isInherited(c gossip.Conflict) bool {
	own := n.Replica()
	if own == c.Rival.Replica {
		return false // the disk does not let it draw a new one
	}
	n.inherited.Store(0) // it may be of a former id
	for end := time.Now().Add(bequeathMax); n.ctx.Err() == nil && time.Now().Before(end); {
		seen := n.inherited.Load()
		if seen >= n.store.Summary().Context.Get(own) {
			return true
		}
		n.handOver(own, seen+1, c.Gossip)
		for range 3 { // it may still be committing
			time.Sleep(bequeathPause)
			n.transport.Ask(c.Gossip, c.Rival.Replica)
			time.Sleep(bequeathPause / 10)
			if n.inherited.Load() > seen {
				break
			}
		}
	}
	return false
}

// handOver sends the deltas of a replica from a sequence on that are in the log
// to an address, in order.
func (n *Node) handOver(r crdt.ReplicaID, from uint64, address string) {
	for {
		var events store.Events
		err := n.store.View(func(v *store.View) (err error) {
			events, err = v.Log(r, from, delta.DeltaBytesMax)
			return err
		})
		if err != nil || len(events.Deltas) == 0 {
			return
		}
		for _, p := range events.Deltas {
			if n.ctx.Err() != nil || n.transport.HandOver(address, p.Bytes) != nil {
				return
			}
		}
		from = events.Next
	}
}

// giveUpID has the replica go on under a new id before anything else is
// numbered. What it returns is closed when that is on disk, or has failed.
func (n *Node) giveUpID(c gossip.Conflict) (done <-chan struct{}) {
	why := fmt.Sprintf("the process at %s runs on a copy of this data directory, and keeps the id", c.Gossip)
	if c.Gossip == "" {
		why = fmt.Sprintf("other members remember a later start of this data directory (%s), so it is an older copy", c.Rival.Start)
	}
	n.identity.disown(c.Rival.Replica, why)
	return n.goOnUnderNewID()
}

// rivalText says who else has, or had, this node's name or id; empty if nobody.
func (n *Node) rivalText() string {
	r := n.rival.Load()
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%s (last heard of at %s)", r.describe(), r.heard.UTC().Format(time.RFC3339))
}

func (c *rival) describe() string {
	switch {
	case c.Lost:
		return fmt.Sprintf("a process at %s is the member of this node's name; this one gives way to it", c.Gossip)
	case c.Fork && c.Gossip == "":
		return fmt.Sprintf("this data directory was an older copy: others remember a later start of it (%s); the replica has a new id", c.Rival.Start)
	case c.Fork && c.Yields:
		return fmt.Sprintf("a process on a copy of this data directory runs at %s and keeps the former replica id; this one has a new id", c.Gossip)
	case c.Fork:
		return fmt.Sprintf("a process on a copy of this data directory runs, or ran, at %s; this one keeps the replica id", c.Gossip)
	}
	return fmt.Sprintf("a process at %s wants to join under this node's name and is refused", c.Gossip)
}
