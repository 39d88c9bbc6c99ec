package node

import (
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// Filter selects claims. The zero Filter selects all.
type Filter struct {
	// Keyspace selects one keyspace; empty selects all.
	Keyspace string
	// Range selects the claims that overlap it; nil selects all.
	Range *ranges.Range
	// Node selects the claims of one node; empty selects all.
	Node string
}

// Selects reports whether the filter selects a claim.
func (f Filter) Selects(c ranges.Claim) bool {
	return (f.Keyspace == "" || f.Keyspace == c.Keyspace) &&
		(f.Node == "" || f.Node == c.Node) &&
		(f.Range == nil || f.Range.Overlaps(c.Range))
}

// selectsNode reports whether the filter selects the record of a node: ranges
// do not matter to it, for what is served there names any node.
func (f Filter) selectsNode(name string) bool { return f.Node == "" || f.Node == name }

// span returns a span of keys that has every claim the filter selects.
func (f Filter) span() delta.Span {
	if f.Keyspace == "" {
		return delta.ClaimSpan
	}
	return delta.KeyspaceSpan(f.Keyspace)
}

// selectsEvent reports whether the filter selects what an event is about.
// Events on nodes and replicas are selected only where all claims are.
func (f Filter) selectsEvent(e delta.Event) bool {
	if e.Key().IsClaim() {
		return f.Selects(e.Claim)
	}
	return f == Filter{}
}
