package antientropy

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// hole is a run of events of one replica that some peer has and we lack.
type hole struct {
	through uint64
	peer    string
	// due is when to pull: at once, or when a push should have come.
	due    uint64
	urgent bool
	asked  bool
	// how is how the events will have come, once pulled.
	how route
}

// holes are bounded in number; what has no room is found by checks.
type holes struct {
	byReplica map[crdt.ReplicaID]*hole
	busy      map[string]bool // peers that are being asked
	due       bool
}

const holesMax = 1024

func newHoles() holes {
	return holes{byReplica: map[crdt.ReplicaID]*hole{}, busy: map[string]bool{}}
}

// missing notes that a peer has the events of a replica up to a sequence. They
// are pulled at once if no push of them can be on its way, which is so of all
// routes but byPull.
func (c *Core) missing(r crdt.ReplicaID, through uint64, peer string, how route) {
	if r == c.replica.ID {
		if through > c.replica.Context.Get(r) && c.renaming == 0 {
			c.amnesia(through, peer)
		}
		return
	}
	if through <= c.expected(r) || c.isHeld(r) {
		return
	}
	h := c.holes.byReplica[r]
	if h == nil {
		if len(c.holes.byReplica) == holesMax {
			c.drop()
			return
		}
		h = &hole{peer: peer, due: c.now + c.options.Grace, how: how}
		c.holes.byReplica[r] = h
	}
	if through > h.through {
		h.through = through
		if !h.asked {
			h.peer = peer
		}
	}
	if how != byPull {
		h.urgent, h.how = true, how
	}
	c.holes.due = true
}

// amnesia notes that a peer has events of this replica that it does not have:
// its directory was rolled back. It goes on under a new id before anything
// else is committed; its lost events then come like anybody's.
func (c *Core) amnesia(known uint64, peer string) {
	c.notice(Notice{Kind: NoticeLost, Peer: peer, Err: delta.ErrAmnesia})
	proof := crdt.Context{c.replica.ID: known}
	c.renaming++
	c.commit([]Step{{Kind: StepIdentify, Context: proof}}, func(CommitResult) { c.renaming-- })
}

// isHeld reports whether the next event of a replica is left to the session.
func (c *Core) isHeld(r crdt.ReplicaID) bool {
	return c.replica.Session().Get(r) > c.expected(r)
}

// scheduleHoles pulls what is missing, one request at a time from each peer.
func (c *Core) scheduleHoles() {
	byPeer := map[string][]crdt.ReplicaID{}
	for _, r := range sortedReplicas(c.holes.byReplica) {
		switch h := c.holes.byReplica[r]; {
		case h.asked:
		case h.through <= c.expected(r) || c.isHeld(r):
			delete(c.holes.byReplica, r)
		case !h.urgent && (c.now < h.due || c.exchange != nil):
		case !c.holes.busy[h.peer] && len(byPeer[h.peer]) < seenMax:
			byPeer[h.peer] = append(byPeer[h.peer], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byPeer)) {
		c.pullHoles(name, byPeer[name])
	}
	c.holes.due = false
}

func (c *Core) pullHoles(from string, replicas []crdt.ReplicaID) {
	how := c.holes.byReplica[replicas[0]].how
	before := crdt.NewContext()
	var seen []seenArray
	for _, r := range replicas {
		h := c.holes.byReplica[r]
		h.asked = true
		if h.how != how {
			how = byAnnouncement // rather tell too many
		}
		before[r] = c.expected(r)
		seen = append(seen, seenArray{Replica: r, Sequence: before[r]})
	}
	c.holes.busy[from] = true
	c.pullListed(from, seen, func(answer []byte) error { return c.holesAnswered(from, before, how, answer) })
}

// pullListed asks a peer for what it has of the listed replicas beyond what was
// seen of them.
func (c *Core) pullListed(from string, seen []seenArray, then func([]byte) error) {
	c.counters.Pulls++
	c.askPull(from, func(id uint64) {
		c.send(from, kindPull, pullBody{ID: id, Scope: scopeListed, Bound: [][]byte{}, Seen: seen})
	}, then)
}

// holesAnswered takes what has come. What is missing still is pulled on if
// there was progress, and otherwise left to the checks, which find any peer.
func (c *Core) holesAnswered(from string, before crdt.Context, how route, answer []byte) error {
	delete(c.holes.busy, from)
	c.holes.due = true
	var found pulled
	if answer != nil {
		var err error
		if found, err = c.takePull(from, how, answer); err != nil {
			return err
		}
	} else {
		c.counters.PullsFailed++
	}
	for r, seen := range before {
		h := c.holes.byReplica[r]
		if h == nil {
			continue
		}
		if h.asked = false; c.expected(r) == seen || c.expected(r) >= h.through {
			delete(c.holes.byReplica, r)
			c.peers.due = true
		}
	}
	if found.trimmed > 0 {
		c.trimmed(from, found.trimmed)
	}
	return nil
}
