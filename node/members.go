package node

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Member is one member of the cluster as this one sees it.
type Member struct {
	Name        string
	Replica     crdt.ReplicaID
	Gossip, API string
	Liveness    gossip.Liveness
	LastHeard   time.Time
	// Fingerprint is that of its whole state when last heard; InSync says that
	// it then was equal to this node's, and Behind how many events of this
	// node's context it lacked, as far as known.
	Fingerprint delta.Fingerprint
	InSync      bool
	Behind      uint64
}

// Members returns all known members, this node included, ascending by name.
// Those that are dead stay until they are forgotten.
func (n *Node) Members() []Member {
	status := *n.protocol.peers.Load()
	summary := n.store.Summary()
	var out []Member
	for _, m := range n.transport.Members() {
		x := Member{
			Name: m.Name, Replica: m.Replica, Gossip: m.Gossip, API: m.API,
			Liveness: m.Liveness, LastHeard: m.LastHeard,
		}
		if m.Self {
			x.Fingerprint, x.InSync = summary.Fingerprint, true
		} else if s, ok := status[m.Name]; ok {
			x.Fingerprint, x.InSync, x.Behind = s.Fingerprint, s.InSync, s.Behind
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// memberNames returns the names of all members known to this node, itself
// included, that have not left or been forgotten: those that gossip lists and
// those that ever said who they are.
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
		if !left[r.Name] {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Join tries to reach members at gossip addresses and returns how many it
// reached; the error says why it was none, or that this node's name is taken.
// Whoever was met is remembered and rejoined for ever.
func (n *Node) Join(ctx context.Context, addresses []string) (int, error) {
	result, err := n.transport.Join(ctx, addresses)
	if n.ctx.Err() != nil {
		return len(result.Joined), ErrClosed
	}
	return len(result.Joined), err
}
