package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Member is one member of the cluster as this one sees it.
type Member struct {
	Name        string
	Replica     crdt.ReplicaID
	Gossip, API string
	// Liveness is unknown of a member that this process has not met: all that
	// is known of it is what it once said of itself.
	Liveness  gossip.Liveness
	LastHeard time.Time
	// Fingerprint is that of its whole state when last heard; InSync says that
	// it then was equal to this node's, and Behind how many events of this
	// node's context it lacked, as far as known. SyncSince is since when
	// InSync has been what it is.
	Fingerprint delta.Fingerprint
	InSync      bool
	SyncSince   time.Time
	Behind      uint64
	// BytesIn and BytesOut is what the protocol got from it and sent to it,
	// since it was listed.
	BytesIn, BytesOut uint64
	LastFetch         Fetch
	// Self marks this node.
	Self bool
}

// Fetch is how the last attempt of this node to fetch something from a member
// has ended: a pull of events from its log, or a repair by comparing states.
type Fetch struct {
	// Ended is zero if there was none.
	Ended time.Time
	Kind  antientropy.FetchKind
	// Failure says why it was given up, "" if it was not.
	Failure string
	// Bytes is how much passed between the two meanwhile.
	Bytes uint64
}

// Members returns all known members, this node included, ascending by name:
// those that gossip lists, and those that only the state knows. Those that are
// gone stay until they are forgotten.
func (n *Node) Members() []Member {
	status := *n.protocol.peers.Load()
	summary := n.store.Summary()
	var out []Member
	listed := map[string]bool{}
	for _, m := range n.transport.Members() {
		listed[m.Name] = true
		x := Member{
			Name: m.Name, Replica: m.Replica, Gossip: m.Gossip, API: m.API,
			Liveness: m.Liveness, LastHeard: m.LastHeard, Self: m.Self,
		}
		if m.Self {
			x.Fingerprint, x.InSync = summary.Fingerprint, true
		} else if i, ok := slices.BinarySearchFunc(status, m.Name, byName); ok {
			n.protocol.fill(&x, status[i])
		}
		if r, ok := n.routing.node(m.Name); ok && x.API == "" && !r.Retired {
			x.API = r.API // which gossip has yet to tell
		}
		out = append(out, x)
	}
	for _, r := range n.routing.nodeRecords() {
		if !listed[r.Name] && r.Gossip != "" {
			out = append(out, Member{Name: r.Name, Replica: r.Dot.Replica, Gossip: r.Gossip, API: r.API})
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func byName(s antientropy.PeerStatus, name string) int { return cmp.Compare(s.Name, name) }

// fill adds what the core knows of a peer.
func (p *protocol) fill(x *Member, s antientropy.PeerStatus) {
	x.Fingerprint, x.InSync, x.Behind = s.Fingerprint, s.InSync, s.Behind
	x.SyncSince, x.BytesIn, x.BytesOut = p.wall(s.SyncSince), s.BytesIn, s.BytesOut
	x.LastFetch = Fetch{Ended: p.wall(s.LastFetch.Ended), Kind: s.LastFetch.Kind, Failure: s.LastFetch.Failure, Bytes: s.LastFetch.Bytes}
}

// memberNames returns the names of all members known to this node, itself
// included, that have not left or been forgotten: those that gossip lists and
// those that ever said where they can be reached.
func (n *Node) memberNames() []string {
	var names []string
	left := map[string]bool{}
	for _, m := range n.transport.Members() {
		left[m.Name] = m.Liveness == gossip.Left
		if m.Liveness != gossip.Left {
			names = append(names, m.Name)
		}
	}
	for _, r := range n.routing.nodeRecords() {
		if !left[r.Name] && r.Gossip != "" {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
