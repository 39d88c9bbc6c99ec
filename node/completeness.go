package node

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
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
	// Compared says that the node was compared with some member since it
	// started; before that it is not known whether it lacks much.
	Compared bool
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
func (p *protocol) tellCompleteness() { p.show(p.core.Completeness()) }

// show shows it: first what is missing, and then that the comparison is over.
func (p *protocol) show(now antientropy.Completeness) {
	if now == *p.completeness.Load() {
		return
	}
	kept := now // on the heap, unlike now: this is asked after every input
	p.completeness.Store(&kept)
	if now.Compared {
		p.node.comparison.over.Store(true)
	}
}

// comparison is whether a node that was started again has found out how it
// stands to others. What it has missed while it was down it learns with its
// first exchange, some hundred milliseconds after the start: until then it must
// not be called ready, only to be not ready a moment later.
type comparison struct {
	// until is when to wait for it no longer. It is set before anybody looks.
	until time.Time
	// over is set once the node was compared, or there is nobody to be compared
	// with, and stays so.
	over atomic.Bool
}

// catchingUp returns why a node that may lack something of what the cluster has is not
// ready, for people. It looks at the comparison first: whoever ends that has told
// before what is missing, so between the two nothing is overlooked.
func (n *Node) catchingUp() (reason string, ok bool) {
	compares, isComparing := n.comparing()
	if reason, ok = n.fetching(); ok {
		return reason, true
	}
	return compares, isComparing
}

// comparing returns why a node that has just started again is not ready yet,
// for people.
func (n *Node) comparing() (reason string, ok bool) {
	if n.comparison.over.Load() || !time.Now().Before(n.comparison.until) {
		return "", false
	}
	return "this node has just started, and is finding out from other members what it has missed", true
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
