package node

import (
	"fmt"
)

// Completeness says whether a node may lack a great part of what the cluster
// has, because it has just joined or was away for so long that no log reaches
// back that far, and how far fetching that is.
type Completeness struct {
	// Incomplete is true until that part was fetched.
	Incomplete bool
	// Records is how many records the state has, and Expected how many that of
	// a live member had at most when it was last heard: 0 if none was.
	Records, Expected uint64
}

// Completeness returns whether the node lacks much. It answers lookups from
// what it has all the same. No lock, no allocation.
func (n *Node) Completeness() Completeness { return Completeness(*n.protocol.completeness.Load()) }

// isFresh reports whether a core begins without a great part of what others
// have: on a new directory that is to join somebody; on one whose fetching a
// restart has interrupted, so that it holds more than it has seen; or where it
// follows one that did.
func (p *protocol) isFresh() bool {
	replica := p.node.store.Replica()
	joins := len(p.node.options.Join) > 0
	return joins && len(replica.Context) == 0 || replica.IsAhead() || p.completeness.Load().Incomplete
}

// tellCompleteness shows others whether the core lacks much.
func (p *protocol) tellCompleteness() {
	if now := p.core.Completeness(); now != *p.completeness.Load() {
		p.completeness.Store(&now)
	}
}

// fetching returns why a node that lacks much is not ready, for people.
func (n *Node) fetching() (reason string, ok bool) {
	c := n.Completeness()
	switch {
	case !c.Incomplete:
		return "", false
	case c.Expected <= c.Records:
		return "the state of the cluster is being fetched: lookups are answered from what is here, marked as incomplete", true
	}
	return fmt.Sprintf("the state of the cluster is being fetched, %d of about %d records are here: lookups are answered from these, marked as incomplete", c.Records, c.Expected), true
}
