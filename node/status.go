package node

import (
	"time"

	"github.com/scalesmall/ssnode/compaction"
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
	// Token is that of Context.
	Token Token
	// Members is how many are known, this node included.
	Members              int
	LogRecords, LogBytes uint64
	DBBytes, DBFreeBytes uint64
	// Waiting are the records that are released and wait for their origin to
	// close them, by origin, the most first. Those of one that never comes back
	// wait until it is forgotten.
	Waiting []Waiting
	// Repair is the repair of this node's state that is under way, nil if none
	// is.
	Repair *Repair
	// History is what of the log is about the node's own ranges and what is
	// not, as of the last trimming; empty before the first.
	History []HistoryClass
	// Identity is "unconfirmed" after a restart until a member has shown that
	// it knows no more of this replica than it does itself, or the replica has
	// a new id; else it is "confirmed". See Options.IdentityWait.
	Identity string
	// Rival says who else bears, or bore, this node's name or replica id;
	// empty if nobody was met.
	Rival string
}

// Waiting is how many records wait for a replica.
type Waiting struct {
	compaction.Wait
	// Node is the name by which it went, "" if that is not known.
	Node string
}

// Repair is how far a repair from a member is.
type Repair struct {
	Member, Reason string
	// Whole says that it is of the whole state.
	Whole bool
	Since time.Time
	// Entries were joined; Spans are known to be left, each of any size.
	Entries uint64
	Spans   int
	// Compared records were found equal or joined, of about Expected, of a
	// repair of the whole state; of one of some spans only, SpansDone of
	// SpansBegun are done.
	Compared, Expected    uint64
	SpansBegun, SpansDone int
	// Through is before which key nothing is left, "" while that is not known.
	Through delta.Key
	// Sketch says that a sketch tells what differs.
	Sketch bool
}

// Status returns the node's condition.
func (n *Node) Status() (Status, error) {
	summary := n.store.Summary()
	s := Status{
		Node: n.name, Cluster: n.Cluster(), Replica: summary.ID,
		API: n.API(), Gossip: n.GossipAddr(),
		NotReady: n.notReady(), Claims: n.routing.visible(),
		Fingerprint: summary.Fingerprint, Context: summary.Context.Clone(),
		Token:   n.tokenOf(summary.Context, summary.ContextHash),
		Members: len(n.memberNames()), Identity: n.identity.String(), Rival: n.rivalText(),
	}
	s.Ready = len(s.NotReady) == 0
	s.Waiting = n.named(n.routing.waiting())
	if x := n.protocol.session.Load(); x != nil {
		s.Repair = &Repair{
			Member: x.Peer, Reason: x.Reason, Whole: x.Complete, Since: n.protocol.wall(x.Begun), Entries: x.Entries, Spans: x.Spans,
			Compared: x.Compared, Expected: x.Expected, SpansBegun: x.SpansBegun, SpansDone: x.SpansDone, Through: x.Through, Sketch: x.Sketch,
		}
	}
	s.History = n.historyClasses()
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
	if n.departure.begun.Load() {
		reasons = append(reasons, "this node is leaving, or has left, the cluster: ask another, or start it again")
	}
	if reason, ok := n.catchingUp(); ok {
		reasons = append(reasons, reason)
	}
	if n.commits.isFull() {
		reasons = append(reasons, "the queue of writes is full")
	}
	return reasons
}

// named adds the names by which replicas went.
func (n *Node) named(waits []compaction.Wait) []Waiting {
	out := make([]Waiting, len(waits))
	for i, w := range waits {
		out[i] = Waiting{Wait: w, Node: n.roster.nameOf(w.Replica)}
	}
	return out
}

func (i *identity) String() string {
	if i.certain.Load() || i.isSettled() && len(i.witnesses) == 0 {
		return "confirmed"
	}
	return "unconfirmed"
}
