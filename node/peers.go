package node

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
)

// attach begins to send through t.
func (p *protocol) attach(t *gossip.Transport) {
	p.transport.Store(t)
	p.membersChanged()
}

// handler takes in what the transport brings. It only copies and enqueues.
func (p *protocol) handler() gossip.Handler {
	offer := func(size int, input func(*antientropy.Core)) {
		if p.inbox.put(input, size+frameOverhead) != nil {
			p.node.counters.inboxDropped.Add(1)
		}
	}
	return gossip.Handler{
		Frame: func(from string, frame []byte) {
			offer(len(frame), func(c *antientropy.Core) { c.Receive(from, frame) })
		},
		Check: func(from string, payload []byte) {
			offer(len(payload), func(c *antientropy.Core) { c.Heard(from, payload) })
		},
		MembersChanged: p.membersChanged,
		Conflict:       p.node.conflict,
		Seen:           func(r crdt.ReplicaID) uint64 { return p.node.store.Summary().Context.Get(r) },
		Legacy: func(delta []byte) {
			p.node.makeCertain() // or what is inherited would wait for somebody to confirm that
			offer(len(delta), func(c *antientropy.Core) { c.Inherit(delta) })
		},
	}
}

// membersChanged has the core told who its peers are. What waits to be told is
// as of then: more than one that waits would fill the queue for nothing.
func (p *protocol) membersChanged() {
	if !p.isTold.Swap(true) {
		_ = p.inbox.force(p.setPeers) // fails when all ends
	}
	p.node.keeper.poke()
}

// setPeers tells the core and those who read who the members are, as of now:
// the last of several calls knows the latest.
func (p *protocol) setPeers(c *antientropy.Core) {
	p.isTold.Store(false) // before looking: no change is missed
	t := p.transport.Load()
	if t == nil {
		return
	}
	members := t.Members()
	p.setLivenesses(livenessesOf(members))
	peers := peersOf(members)
	c.SetPeers(peers)
	names := make([]string, len(peers))
	for i, peer := range peers {
		names[i] = peer.Name
	}
	if !slices.Equal(names, p.names) {
		p.names = names
		p.node.questions.put(c)
	}
}

// setLivenesses shows readers what is believed of the members, and tells those
// who watch if that has changed.
func (p *protocol) setLivenesses(now map[string]gossip.Liveness) {
	if before := p.livenesses.Swap(&now); !maps.Equal(*before, now) {
		p.node.watchers.livenessMoved()
	}
}

// liveness returns what is believed of a member; Unknown if it is none.
func (p *protocol) liveness(name string) gossip.Liveness { return (*p.livenesses.Load())[name] }

func livenessesOf(members []gossip.Member) map[string]gossip.Liveness {
	out := make(map[string]gossip.Liveness, len(members))
	for _, m := range members {
		out[m.Name] = m.Liveness
	}
	return out
}

func peersOf(members []gossip.Member) []antientropy.Peer {
	var peers []antientropy.Peer
	for _, m := range members {
		if !m.Self && m.Liveness != gossip.Left {
			peers = append(peers, antientropy.Peer{
				Name: m.Name, Replica: m.Replica, Alive: m.Reachable(), Suspect: m.Liveness == gossip.Suspect,
			})
		}
	}
	slices.SortFunc(peers, func(a, b antientropy.Peer) int { return cmp.Compare(a.Name, b.Name) })
	return peers
}
