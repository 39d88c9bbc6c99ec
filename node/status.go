package node

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Status is what a node says of its own condition.
type Status struct {
	Node, Cluster, API, Gossip string
	Replica                    crdt.ReplicaID
	// Ready says that the node is in order; NotReady has the reasons if not.
	// A node that is not ready answers all the same.
	Ready    bool
	NotReady []string
	// Claims is how many are visible, Records how many the state has for them,
	// nodes and forgotten replicas.
	Claims      int
	Fingerprint delta.Fingerprint
	Context     crdt.Context
	// Members is how many are known, this node included.
	Members              int
	LogRecords, LogBytes uint64
	DBBytes, DBFreeBytes uint64
	// Identity is "unconfirmed" after a restart until a member has shown that
	// it knows no more of this replica than it does itself, or the replica has
	// a new id; else it is "confirmed". See Options.IdentityWait.
	Identity string
	// Rival says who else bears, or bore, this node's name or replica id;
	// empty if nobody was met.
	Rival string
}

// Status returns the node's condition.
func (n *Node) Status() (Status, error) {
	summary := n.store.Summary()
	s := Status{
		Node: n.name, Cluster: n.Cluster(), Replica: summary.ID,
		API: n.API(), Gossip: n.GossipAddr(),
		NotReady: n.notReady(), Claims: n.routing.claims(),
		Fingerprint: summary.Fingerprint, Context: summary.Context.Clone(),
		Members: len(n.memberNames()), Identity: n.identity.String(), Rival: n.rivalText(),
	}
	s.Ready = len(s.NotReady) == 0
	stats, err := n.store.Stats()
	s.LogRecords, s.LogBytes = stats.LogRecords, stats.LogBytes
	s.DBBytes, s.DBFreeBytes = stats.Bytes, stats.FreeBytes
	return s, explain(err)
}

func (n *Node) notReady() []string {
	reasons := n.diskTroubles()
	if err := n.Err(); err != nil {
		reasons = append(reasons, err.Error())
	}
	if n.keeper.alone.Load() {
		reasons = append(reasons, "no other member can be reached: check --join and that their gossip ports answer")
	}
	if n.commits.isFull() {
		reasons = append(reasons, "the queue of writes is full")
	}
	return reasons
}

func (i *identity) String() string {
	if i.certain.Load() {
		return "confirmed"
	}
	return "unconfirmed"
}
