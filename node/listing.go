package node

import (
	"errors"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// Claims returns the visible claims that the filter selects, in the order of
// ranges.Claim.Compare, and a token of the instant they are of.
func (n *Node) Claims(f Filter) ([]ranges.Weighted, Token, error) {
	var claims []ranges.Weighted
	token, err := n.EachClaim(f, func(w ranges.Weighted) error {
		claims = append(claims, w)
		return nil
	})
	return claims, token, err
}

// EachClaim calls visit for every visible claim that the filter selects, in
// the order of ranges.Claim.Compare and all of one instant, until visit
// returns an error, which it passes on. It returns a token of the instant.
// Visit must not take long; see store.View.
func (n *Node) EachClaim(f Filter, visit func(ranges.Weighted) error) (Token, error) {
	var token Token
	err := n.store.View(func(v *store.View) error {
		s := v.Summary()
		token = n.tokenOf(s.Context, s.ContextHash)
		return v.Scan(f.span(), func(e delta.Entry) error {
			claim, err := e.Key.Claim()
			if err != nil || !e.Counter.IsVisible() || !f.Selects(claim) {
				return err
			}
			return visit(ranges.Weighted{Claim: claim, Priority: e.Counter.Value()})
		})
	})
	return token, explain(err)
}

// Keyspace is one keyspace that has visible claims.
type Keyspace struct {
	Name string
	// Claims is how many are visible, Subranges how many maximal runs of keys
	// with the same servers, gaps included.
	Claims, Subranges int
}

// Keyspaces returns all keyspaces that have visible claims, ascending by name.
func (n *Node) Keyspaces() []Keyspace { return n.routing.keyspaces() }

// NodeInfo is what is known of a node.
type NodeInfo struct {
	delta.NodeRecord
	// Liveness is what this member believes; it changes nothing.
	Liveness gossip.Liveness
}

// Nodes returns what nodes say of themselves, ascending by name.
func (n *Node) Nodes() []NodeInfo {
	var out []NodeInfo
	for _, r := range n.routing.nodeRecords() {
		out = append(out, n.info(r))
	}
	return out
}

// Node returns what the node of that name says of itself. A node that serves
// ranges need not be a member, and then says nothing.
func (n *Node) Node(name string) (NodeInfo, bool) {
	r, ok := n.routing.node(name)
	if !ok || r.Retired {
		return n.info(delta.NodeRecord{Name: name}), false
	}
	return n.info(r), true
}

func (n *Node) info(r delta.NodeRecord) NodeInfo {
	return NodeInfo{NodeRecord: r, Liveness: n.protocol.liveness(r.Name)}
}

// errEnough ends a scan that has what it wants.
var errEnough = errors.New("enough")
