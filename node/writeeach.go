package node

import (
	"context"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// WriteEach carries out several batches, each all or none by itself, and
// returns when all have come to an end, in their order. They wait for the disk
// together, in one transaction if they fit, which is what makes it cheaper than
// a Write of each. Later batches see the effects of earlier ones.
//
// If ctx ends first, all outcomes say so, and any of the batches may or may not
// be carried out.
func (n *Node) WriteEach(ctx context.Context, batches [][]delta.Operation) []Outcome {
	if len(batches) == 0 {
		return nil
	}
	g := &writeGroup{outcomes: make([]Outcome, len(batches)), ended: make(chan error, 1)}
	g.left.Store(int64(len(batches)))
	n.Submit(ctx, g.submissions(batches))
	if err := n.awaitAnswer(ctx, g.ended); err != nil {
		out := make([]Outcome, len(batches)) // the group may still be written to
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	return g.outcomes
}

// writeGroup is several local writes that end together.
type writeGroup struct {
	outcomes []Outcome
	left     atomic.Int64
	// ended gets nil when all have.
	ended chan error
}

func (g *writeGroup) submissions(batches [][]delta.Operation) []*Submission {
	out := make([]*Submission, len(batches))
	for i, operations := range batches {
		out[i] = &Submission{Operations: operations, Ended: func(o Outcome) { g.end(i, o) }}
	}
	return out
}

// end notes what became of one, and tells when all have come to an end.
func (g *writeGroup) end(i int, o Outcome) {
	g.outcomes[i] = o
	if g.left.Add(-1) == 0 {
		g.ended <- nil
	}
}
