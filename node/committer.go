package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

const (
	// commitQueueMax bounds the operations that wait for the committer: 16,384
	// small batches, since each counts as commitWeightMin at least, or a
	// hundred of the largest. A writer past it gets ErrBusy.
	commitQueueMax  = 1 << 20
	commitWeightMin = 64
	// groupMax bounds how many requests go into one transaction.
	groupMax = 1024
	// joinMax is how many operations a transaction has when no more join it: the
	// queue, which is bounded, is where writes wait.
	joinMax = 1 << 14
)

// request is one part of a group commit: what the protocol asks for, or a
// local write.
type request struct {
	// core is what the protocol asks for, nil for anything else; from is the
	// core that does.
	core *antientropy.CommitRequest
	from *antientropy.Core
	// step is a local write. If it returns an error that isOwn accepts, it has
	// changed nothing and the others go on; any other error fails the
	// transaction. It may run again then, and starts from nothing each time.
	// A request with neither core nor step has nothing to do but to be done
	// after all before it.
	step func(*delta.Commit) error
	// joins is how many operations the step carries out, if it may do so while the
	// transaction before is on its way to the disk; 0, if it may not.
	joins int
	// done is called once unless the protocol asks, by the flight, after the
	// transaction is durable and its effects are visible, or else by the
	// committer. From then on the request is its owner's, who may put it into the
	// queue again: nobody looks at it who has called done.
	done func(error)

	err error
}

// hasWork reports whether a request needs a transaction.
func (r *request) hasWork() bool { return r.core != nil || r.step != nil }

// mayJoin reports whether the step may run while the transaction before is on its
// way to the disk.
func (r *request) mayJoin() bool { return r.joins > 0 }

// isOwn reports whether err concerns one request only.
func isOwn(err error) bool {
	for _, own := range []error{delta.ErrInvalid, delta.ErrTooLarge, delta.ErrNotFound, delta.ErrGap} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// runCommitter owns the store's write side: it puts everything that waits,
// local writes and what the protocol brings, into one transaction after the
// other. While one is on its way to the disk it runs the steps of the next (see
// flight). While the disk is at fault it looks now and then whether it works
// again, whoever met the fault. It ends when the queue is closed and empty.
func (n *Node) runCommitter() {
	retry := time.NewTicker(n.options.diskRetry)
	defer retry.Stop()
	defer close(n.departures)
	defer close(n.previews)
	for open := true; open; {
		select {
		case <-retry.C:
			if n.flight == nil { // else that meets the fault
				n.pulse.begin()
				n.lookAtDisk()
			}
		case <-n.flight.hasLanded():
			n.pulse.begin()
			n.land()
		case <-n.commits.wake:
			if !n.flight.isOut() {
				n.pulse.begin() // else it is the flight whose progress counts
			}
			var group []*request
			if group, open = n.nextGroup(); len(group) > 0 {
				n.commit(group)
			}
		}
		if n.flight == nil {
			n.pulse.rest()
		}
	}
	n.landAll()
}

// nextGroup takes what goes into one transaction, if anything waits. Where the
// next may not join while one is out, all wait for that.
func (n *Node) nextGroup() (group []*request, open bool) {
	if n.flight.isOpen() {
		joining, more := n.commits.takeWhile(n.share(), (*request).mayJoin)
		if len(joining) > 0 || more {
			return joining, true
		}
	}
	n.landAll()
	return n.commits.take(n.share())
}

// commit carries out a group of requests in one transaction, and returns when
// that is on its way to the disk. While one is out, they are such as may join. The
// protocol's requests come first: one of them may prove that the replica must go on
// under a new id, and no local write may be numbered under the old one then.
func (n *Node) commit(group []*request) {
	if n.flight == nil {
		if fault := n.recoverDisk(); fault != nil {
			n.refuse(group, fault)
			return
		}
	}
	group = slices.DeleteFunc(group, n.protocol.isOfFormerCore)
	if !slices.ContainsFunc(group, (*request).hasWork) {
		(&transaction{group: group}).answer()
		return
	}
	t := &transaction{node: n, group: group}
	err := t.prepare()
	switch {
	case err == nil:
		n.launch(t)
	case !n.land(), err == store.ErrStale:
		n.commit(t.group) // on what is there, if anything
	default:
		n.end(t, err)
	}
}

// end comes to terms with a transaction that could not be carried out.
func (n *Node) end(t *transaction, err error) {
	if n.store.Failed() != nil {
		n.diskFailed(err)
		n.refuse(t.group, err)
		return
	}
	if t.prepared != nil {
		n.routing.undo(t.prepared.Effects())
	}
	if len(t.group) > 1 {
		// The disk works, so one of them is at fault, say because what it
		// needs to read is corrupt. The others must not suffer for it.
		n.commitEach(t.group)
		return
	}
	n.stateFailed(err)
	n.refuse(t.group, err)
}

// commitEach carries out each request in a transaction of its own.
func (n *Node) commitEach(group []*request) {
	slices.SortStableFunc(group, func(a, b *request) int {
		switch {
		case (a.core == nil) == (b.core == nil):
			return 0
		case a.core != nil:
			return -1
		}
		return +1
	})
	for _, r := range group {
		n.commit([]*request{r})
		n.landAll()
	}
}

// refuse answers a group of which nothing was carried out, as far as is known:
// a transaction that failed on its way to the disk may yet be found there.
func (n *Node) refuse(group []*request, cause error) {
	err := fmt.Errorf("%w: %w", ErrUnavailable, cause)
	var ids []uint64
	for _, r := range group {
		switch {
		case r.core != nil:
			ids = append(ids, r.core.ID)
		case r.step == nil:
			r.done(nil)
		default:
			r.done(err)
		}
	}
	n.protocol.failed(err, ids)
}

// publish makes the effects of a durable transaction visible. It belongs to the
// flights.
func (n *Node) publish(t *transaction) {
	if err := t.shown.err; err != nil {
		n.stopItself(fmt.Errorf("derive routing from a commit: %w", err))
	}
	effects := t.prepared.Effects()
	n.routing.show(effects, t.shown)
	n.counters.committed(effects, n.now().UnixMilli())
	if !n.watchers.publish(published{revision: n.store.Revision(), changes: t.shown.changes, context: effects.Context, contextHash: effects.ContextHash}) {
		n.routing.reuse(t.shown.changes)
	}
	n.protocol.committed(effects, t.results)
	n.protocol.participate()
	if effects.Renamed {
		n.renamed(t)
	}
	if t.touchesNodes() {
		n.keeper.poke()
	}
}

// writeLocal has the committer carry out a local write and waits for it.
// Whether it is carried out after ctx has ended is not known.
func (n *Node) writeLocal(ctx context.Context, step func(*delta.Commit) error) error {
	return n.writeRequest(ctx, &request{step: step}, commitWeightMin)
}

// writeRequest is writeLocal for what says more of itself.
func (n *Node) writeRequest(ctx context.Context, r *request, weight int) error {
	if err := n.awaitIdentity(ctx); err != nil {
		return err
	}
	answer := make(chan error, 1)
	r.done = func(err error) { answer <- err }
	if err := n.commits.put(r, weight); err != nil {
		n.counters.writesRefused.Add(1)
		return err
	}
	return n.awaitAnswer(ctx, answer)
}

// awaitAnswer waits for what the committer says to a request. A committer that
// has stalled says nothing.
func (n *Node) awaitAnswer(ctx context.Context, answer <-chan error) error {
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-n.stopped:
	}
	select {
	case err := <-answer: // the last of an orderly end
		return err
	default:
		return cmp.Or(n.Err(), ErrClosed)
	}
}

// passCommitter waits until the committer has published everything that was
// durable before the call.
func (n *Node) passCommitter(ctx context.Context) error {
	passed := make(chan error, 1)
	if err := n.commits.force(&request{done: func(err error) { passed <- err }}); err != nil {
		return err
	}
	return n.awaitAnswer(ctx, passed)
}
