package node

import (
	"context"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// Outcome is what became of one of several batches.
type Outcome struct {
	Written Written
	// Err is as in Write; then nothing of the batch is known to have changed.
	Err error
}

// WriteEach carries out several batches, each all or none by itself, and
// returns when all have come to an end, in their order. They wait for the disk
// together, in one transaction if they fit, which is what makes it cheaper than
// a Write of each. Later batches see the effects of earlier ones.
//
// If ctx ends first, all outcomes say so, and any of the batches may or may not
// be carried out.
func (n *Node) WriteEach(ctx context.Context, batches [][]delta.Operation) []Outcome {
	g := newWriteGroup(batches)
	if err := g.run(ctx, n); err != nil {
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
	requests []*request
	outcomes []Outcome
	left     atomic.Int64
	ended    chan struct{}
}

func newWriteGroup(batches [][]delta.Operation) *writeGroup {
	g := &writeGroup{
		requests: make([]*request, len(batches)), outcomes: make([]Outcome, len(batches)),
		ended: make(chan struct{}),
	}
	g.left.Store(int64(len(batches)))
	for i, operations := range batches {
		o := &g.outcomes[i]
		g.requests[i] = &request{
			step: func(c *delta.Commit) error {
				d, results, err := c.Write(operations)
				o.Written = Written{Results: results, Token: d.Context()}
				return err
			},
			done: func(err error) { g.end(o, err) },
		}
	}
	return g
}

// end notes that one has come to an end, and tells when all have.
func (g *writeGroup) end(o *Outcome, err error) {
	if err != nil {
		*o = Outcome{Err: err}
	}
	if g.left.Add(-1) == 0 {
		close(g.ended)
	}
}

// run queues all that the queue takes, refuses the rest, and waits.
func (g *writeGroup) run(ctx context.Context, n *Node) error {
	if len(g.requests) == 0 {
		return nil
	}
	if err := n.awaitIdentity(ctx); err != nil {
		return err
	}
	accepted, err := n.commits.putAll(g.requests)
	for i := range g.outcomes[accepted:] {
		g.end(&g.outcomes[accepted+i], err)
	}
	select {
	case <-g.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
