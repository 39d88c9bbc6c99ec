package node

import (
	"context"

	"github.com/scalesmall/ssnode/delta"
)

// Outcome is what became of one of several batches.
type Outcome struct {
	Written Written
	// Err is as in Write; then nothing of the batch is known to have changed.
	Err error
}

// Submission is a batch that nobody waits for. When it has ended it is the owner's
// again, who may submit it once more, with other operations, in the same memory: so
// a stream of writes allocates nothing for each. It must not be copied.
type Submission struct {
	// Operations are the node's until the batch has ended.
	Operations []delta.Operation
	// Ended is called once, when the batch has come to an end: before Submit
	// returns if it is refused, else in the goroutine that commits, which it
	// must not hold up. It is never called if the node stalls; see Done.
	Ended func(Outcome)

	request request
	written Written
}

// Submit hands over several batches, each all or none by itself, and returns
// without waiting for the disk; what the queue does not take has ended with
// ErrBusy by then. They wait for the disk together, in one transaction if they
// fit, and later ones see the effects of earlier ones. Outcomes are told in the
// same order, but for those refused.
//
// It waits only where the first write after a restart does, no longer than ctx.
func (n *Node) Submit(ctx context.Context, batches []*Submission) {
	for _, s := range batches {
		s.begin()
	}
	accepted, err := n.queueAll(ctx, batches)
	for _, refused := range batches[accepted:] {
		refused.end(err)
	}
}

// queueAll queues the first of some batches, and says why not the others.
func (n *Node) queueAll(ctx context.Context, batches []*Submission) (accepted int, err error) {
	if n.departure.begun.Load() {
		return 0, ErrLeaving
	}
	if err := n.awaitIdentity(ctx); err != nil {
		return 0, err
	}
	accepted, err = n.commits.putAll(len(batches), func(i int) *request { return &batches[i].request })
	n.counters.writesRefused.Add(uint64(len(batches) - accepted))
	return accepted, err
}

// begin makes the request of a batch, which those before it have left behind, if
// any.
func (s *Submission) begin() *request {
	r := &s.request
	if r.step == nil {
		r.step, r.done = s.carryOut, s.end
	}
	r.joins, r.err = joining(s.Operations), nil
	return r
}

func (s *Submission) carryOut(c *delta.Commit) error {
	d, results, err := c.Write(s.Operations)
	s.written = Written{Results: results}
	if len(d.Events) > 0 {
		s.written.Last = d.Dot(len(d.Events) - 1)
	}
	return err
}

func (s *Submission) end(err error) {
	o := Outcome{Written: s.written, Err: err}
	if err != nil {
		o.Written = Written{}
	}
	s.written = Written{}
	s.Ended(o) // it is no longer ours
}
