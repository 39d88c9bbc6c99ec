package antientropy

import "github.com/scalesmall/ssnode/crdt"

// Ready is what a Core wants done. Its fields may be worked on in any order
// and at once: no field depends on another of the same Ready. In particular
// Messages bear only what was durable when the Core was told of it (A1), so
// they may leave before, during and after the Commits beside them.
//
// What matters is order within a field and over time:
//
//   - Commits are carried out in the order in which they were handed out, each
//     after all before it, before any local write of the same transaction, and
//     every transaction of the replica, whoever asked for it, is reported to
//     Committed in the order in which they became durable.
//   - A read may be carried out at any time after it was handed out; each is
//     of one instant, at which everything reported to Committed before it was
//     handed out is visible.
//   - Messages may be lost, repeated and reordered.
type Ready struct {
	// Commits are to be made durable.
	Commits []CommitRequest
	// Reads are to be answered from one instant each.
	Reads []ReadRequest
	// Messages are to be sent.
	Messages []Message
	// Broadcasts are for a medium that reaches everybody sooner or later, such
	// as memberlist's queue. They are small. They are a hint: none need arrive.
	Broadcasts []Broadcast
	// Confirmed are answers to Await.
	Confirmed []Confirmation
	// Histories are to be added to the log where it lacks them, and reported to
	// Backfilled.
	Histories []HistoryPage
	// Backfilled are ranges whose Backfill has ended.
	Backfilled []KeyRange
	// Notices are for logs, metrics and traces.
	Notices []Notice
}

// IsEmpty reports whether there is nothing to do.
func (r *Ready) IsEmpty() bool {
	return len(r.Commits) == 0 && len(r.Reads) == 0 && len(r.Messages) == 0 &&
		len(r.Broadcasts) == 0 && len(r.Confirmed) == 0 && len(r.Notices) == 0 &&
		len(r.Histories) == 0 && len(r.Backfilled) == 0
}

// Message is a frame to one peer.
type Message struct {
	To    string
	Frame []byte
	// Reliable asks for a connection: the frame is too large for a packet.
	Reliable bool
}

// Broadcast is a frame to everybody.
type Broadcast struct {
	// Name identifies what the frame is about: one that is still waiting to be
	// sent is replaced by a later one of the same name.
	Name  string
	Frame []byte
}

// Confirmation says that a peer has what an Await was for on disk.
type Confirmation struct {
	Await uint64
	Peer  string
}

// Peer is another member of the cluster.
type Peer struct {
	// Name is what Receive, Heard and Message.To call it. Unique.
	Name string
	// Replica is its current replica id, zero if it is not known.
	Replica crdt.ReplicaID
	// Alive says whether it is worth talking to. One that is not is still
	// answered, and questions of Await reach it when it is back.
	Alive bool
	// Suspect says that it has not answered lately, though it is alive for all
	// that is known: others are asked rather.
	Suspect bool
}

// Ready returns what is to be done since the last call. It is cheap to call
// when there is nothing.
func (c *Core) Ready() Ready {
	c.schedule()
	c.flushPushes()
	c.flushInbox()
	r := c.ready
	c.ready = Ready{}
	return r
}

// schedule decides what to do next: pull holes, repair, exchange.
func (c *Core) schedule() {
	if c.holes.due || c.peers.due {
		c.scheduleHoles()
	}
	if c.peers.due {
		c.peers.due = false
		c.askWitnesses()
		c.scheduleSession()
		c.scheduleExchange()
		c.scheduleBackfill()
	}
}
