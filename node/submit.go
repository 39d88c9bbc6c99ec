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

// Submission is a batch that nobody waits for.
type Submission struct {
	Operations []delta.Operation
	// Ended is called once, when the batch has come to an end: before Submit
	// returns if it is refused, else in the goroutine that commits, which it
	// must not hold up. It is never called if the node stalls; see Done.
	Ended func(Outcome)
}

// Submit hands over several batches, each all or none by itself, and returns
// without waiting for the disk; what the queue does not take has ended with
// ErrBusy by then. They wait for the disk together, in one transaction if they
// fit, and later ones see the effects of earlier ones. Outcomes are told in the
// same order, but for those refused.
//
// It waits only where the first write after a restart does, no longer than ctx.
func (n *Node) Submit(ctx context.Context, batches []Submission) {
	requests := make([]*request, len(batches))
	for i := range batches {
		requests[i] = (&submitted{Submission: batches[i]}).request()
	}
	accepted, err := n.queueAll(ctx, requests)
	for _, refused := range requests[accepted:] {
		refused.done(err)
	}
}

// queueAll queues the first of some requests, and says why not the others.
func (n *Node) queueAll(ctx context.Context, requests []*request) (accepted int, err error) {
	if n.departure.begun.Load() {
		return 0, ErrLeaving
	}
	if err := n.awaitIdentity(ctx); err != nil {
		return 0, err
	}
	accepted, err = n.commits.putAll(requests)
	n.counters.writesRefused.Add(uint64(len(requests) - accepted))
	return accepted, err
}

// submitted is a submission in the queue.
type submitted struct {
	Submission
	written Written
}

func (s *submitted) request() *request {
	return &request{step: s.carryOut, joins: joining(s.Operations), done: s.end}
}

func (s *submitted) carryOut(c *delta.Commit) error {
	d, results, err := c.Write(s.Operations)
	s.written = Written{Results: results, Token: d.Context()}
	return err
}

func (s *submitted) end(err error) {
	if err != nil {
		s.Ended(Outcome{Err: err})
		return
	}
	s.Ended(Outcome{Written: s.written})
}
