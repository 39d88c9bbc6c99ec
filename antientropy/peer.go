package antientropy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// peer is what is known of another member.
type peer struct {
	Peer
	// check is the last that was heard, at heard; 0 if none was.
	check check
	heard uint64
	// differs is since when contexts have differed, 0 if they do not.
	differs uint64
	// unequal is since when contexts were equal and states were not.
	unequal uint64
	// repairs counts the sessions that were to end that; none is begun before
	// repairAt.
	repairs  uint
	repairAt uint64
	// repairedAt is the hash of the context at which the last of them, of a
	// state ahead, was completed, if repaired. A difference that is there at
	// the same context again is stuck.
	repairedAt delta.Sum
	repaired   bool
	// covered is the hash of a context of the peer all of which was pulled; a
	// check that shows it again is no reason to pull once more.
	covered delta.Sum
	// agreedAt is the hash of the last context that it was seen to share with
	// us, if agreed: ours then, or one that we had before.
	agreedAt delta.Sum
	agreed   bool
	// failures counts exchanges that failed in a row; none is begun before
	// retryAt.
	failures uint
	retryAt  uint64
	// answers is how long its answers to pulls take.
	answers answers
	refused refusals

	// bytesIn and bytesOut count the frames from it and to it.
	bytesIn, bytesOut uint64
	// inSync is what was so at the last Tick, and syncSince since when.
	inSync    bool
	syncSince uint64
	// last is how the last fetch from it has ended.
	last Fetch
}

// peers are all members but this one.
type peers struct {
	byName map[string]*peer
	names  []string // ascending
	live   []string // ascending
	ring   []*peer  // the live ones, ascending by replica id
	// shuffled is room for the live ones in some order.
	shuffled []string
	// strangers is what was told of all who are unknown.
	strangers refusals
	// due says that it is time to look what to do next.
	due bool
}

// SetPeers tells who the other members are. What is known of those that were
// members before is kept. Who was asked for something and is alive no more, or
// suspect, is not waited for beyond the next Tick if others are there.
func (c *Core) SetPeers(all []Peer) {
	now := make(map[string]Peer, len(all))
	for _, p := range all {
		now[p.Name] = p
	}
	lost := c.lost(now)
	byName := make(map[string]*peer, len(all))
	c.peers.names, c.peers.live, c.peers.ring = nil, nil, nil
	for _, p := range all {
		known := c.peers.byName[p.Name]
		if known == nil {
			known = &peer{}
		}
		known.Peer = p
		byName[p.Name] = known
	}
	c.peers.byName = byName
	for name, p := range byName {
		c.peers.names = append(c.peers.names, name)
		if p.Alive {
			c.peers.live = append(c.peers.live, name)
			c.peers.ring = append(c.peers.ring, p)
		}
	}
	slices.SortFunc(c.peers.names, strings.Compare)
	slices.SortFunc(c.peers.live, strings.Compare)
	slices.SortFunc(c.peers.ring, func(a, b *peer) int {
		return cmp.Or(a.Replica.Compare(b.Replica), strings.Compare(a.Name, b.Name))
	})
	c.waitNoMore(lost)
	c.peers.due = true
}

// next returns the live peer whose replica id follows on id, on a ring; "" if
// there is none. The ids are random, so the ring has nothing to do with names
// or addresses. O(log(peers)).
func (p *peers) next(id crdt.ReplicaID) string {
	if len(p.ring) == 0 {
		return ""
	}
	i, _ := slices.BinarySearchFunc(p.ring, id, func(x *peer, id crdt.ReplicaID) int {
		if x.Replica.Compare(id) > 0 {
			return +1
		}
		return -1 // also if equal: who follows is asked for
	})
	return p.ring[i%len(p.ring)].Name
}

// of returns the live peers of a replica id: one, unless two processes have it.
func (p *peers) of(id crdt.ReplicaID) []*peer {
	i, _ := slices.BinarySearchFunc(p.ring, id, func(x *peer, id crdt.ReplicaID) int { return x.Replica.Compare(id) })
	j := i
	for j < len(p.ring) && p.ring[j].Replica == id {
		j++
	}
	return p.ring[i:j]
}

// isAlive reports whether a peer is a live member.
func (p *peers) isAlive(name string) bool {
	known, ok := p.byName[name]
	return ok && known.Alive
}

// uncover forgets what was pulled whole: something of it was not kept.
func (c *Core) uncover() {
	for _, p := range c.peers.byName {
		p.covered = delta.Sum{}
		if p.heard > 0 && p.check.ContextHash != c.replica.ContextHash {
			since(&p.differs, c.now)
		}
	}
}

// fail puts off the next exchange with a peer.
func (c *Core) fail(name string) {
	if p := c.peers.byName[name]; p != nil {
		p.failures = min(p.failures+1, 7)
		p.retryAt = c.now + c.jitter(c.options.Retry<<(p.failures-1))
	}
}

// succeed allows the next exchange with a peer after the shortest pause.
func (c *Core) succeed(name string) {
	if p := c.peers.byName[name]; p != nil {
		p.failures = 0
		p.retryAt = c.now + c.jitter(c.options.Retry)
	}
}

// PeerStatus is what a peer last said about its state.
type PeerStatus struct {
	Name string
	// Heard is when, in milliseconds of Tick's clock, 0 if never.
	Heard uint64
	// Fingerprint is that of its state, Events how many events it has seen.
	Fingerprint delta.Fingerprint
	Events      uint64
	// InSync says that it had seen and held the same as this replica now.
	InSync bool
	// Behind is by how many events it was behind this replica, at least.
	Behind uint64
	// Repairing says that it was in a session of range repair.
	Repairing bool
	// SyncSince is since when InSync has been what it is, as Heard; 0 if the
	// Core has not been told the time since the peer was listed.
	SyncSince uint64
	// BytesIn and BytesOut count frames from it and to it since it was listed;
	// what it broadcasts comes in, but goes out to nobody.
	BytesIn, BytesOut uint64
	// LastFetch is how the last exchange or session with it has ended.
	LastFetch Fetch
}

// Peers returns the status of every peer, ascending by name.
func (c *Core) Peers() []PeerStatus {
	mine := c.check()
	out := make([]PeerStatus, 0, len(c.peers.names))
	for _, name := range c.peers.names {
		p := c.peers.byName[name]
		s := PeerStatus{Name: name, Heard: p.heard, SyncSince: p.syncSince, BytesIn: p.bytesIn, BytesOut: p.bytesOut, LastFetch: p.last}
		if p.heard > 0 {
			s.Fingerprint, s.Events, s.Repairing = p.check.Fingerprint, p.check.Events, p.check.InSession
			s.InSync = p.isInSync(mine)
			s.Behind = mine.Events - min(mine.Events, p.check.Events)
		}
		if s.InSync != p.inSync {
			s.SyncSince = c.now
		}
		out = append(out, s)
	}
	return out
}
