package node

import (
	"sync"

	"github.com/scalesmall/ssnode/store"
)

// flight is a transaction on its way to the disk. Meanwhile the committer runs
// the steps of the next one, which would else wait for a disk that waits for
// them:
//
//	F1  At most one transaction is out, and one is ready to follow it. What one
//	    leads to, for readers, watchers and the protocol, has come about when it
//	    has landed; its writers are answered then, and before those of the next.
//	F2  While it is out only local writes join the next one, in the order in which
//	    they came, up to the first request that is none. What the protocol asks
//	    for, and what reads more than a commit, begins when it has landed.
//	F3  A transaction departs when the one before has landed, and only if that is
//	    durable and the replica's id was not given up meanwhile (I3). Otherwise its
//	    steps run again, on what is there, and before those of any other.
//	F4  A transaction takes two thirds of the requests that are about, or shareMin:
//	    those of the two before it, whose writers write again, and those that waited
//	    when the last one was ready. So two parts take turns, one on its way to the
//	    disk while the other is prepared. Else nearly all come to be in one, and the
//	    disk waits for their writers; halves would be more transactions.
//	F5  What readers will see of a transaction is derived as soon as that is ready
//	    (preview), in the order in which transactions depart, each on what the one
//	    before leads to. If F3 holds one back, or it fails though the disk works,
//	    that is undone, the last one first, before anything else is derived.
//
//	F6  A transaction that is ready is put together while the disk works on the one
//	    before (store, S16), by the committer; a lone one in its flight.
//
// So the protocol's requests still come before the local writes of the same
// transaction, and nobody is answered before who came earlier.
type flight struct {
	*transaction
	// after is the one before, if that was out when this one was ready.
	after *flight
	// filling is done once the transaction is filled in, or is not to be any more.
	filling sync.Once
	// previewed is closed when shown is valid, landed when that and err are:
	// store.ErrStale if F3 holds it back.
	previewed, landed chan struct{}
	err               error
}

// shareMin is how many requests a transaction takes in any case: since one of them is a
// frame of the journal, two of half as many cost more than the disk waits.
const shareMin = 64

// hasLanded is closed when the flight has landed; nil, if none is out.
func (f *flight) hasLanded() <-chan struct{} {
	if f == nil {
		return nil
	}
	return f.landed
}

// isOut reports whether the flight has not landed yet.
func (f *flight) isOut() bool {
	if f == nil {
		return false
	}
	select {
	case <-f.landed:
		return false
	default:
		return true
	}
}

// isOpen reports whether steps may run before the flight has landed, if there is
// one. They may not while the replica's id is not certain: the flight may be what
// makes it so, and each of them would draw a new one.
func (f *flight) isOpen() bool { return f != nil && f.node.identity.certain.Load() }

// launch has a transaction depart when the one before has landed, and waits for
// that: so no third is prepared.
func (n *Node) launch(t *transaction) {
	n.about = n.departed + len(t.group) + n.commits.len()
	n.departed = len(t.group)
	next := &flight{transaction: t, after: n.flight, previewed: make(chan struct{}), landed: make(chan struct{})}
	n.previews <- next
	n.departures <- next
	if before := n.flight; before != nil {
		if before.isOut() {
			next.fill()
		}
		<-before.landed
		if before.err != nil {
			n.takeBack(next)
		}
	}
	if n.land() {
		n.flight = next
	} else {
		n.commit(t.group)
	}
}

// takeBack undoes what was derived of a flight that is held back.
func (n *Node) takeBack(f *flight) {
	<-f.landed
	n.routing.undo(f.prepared.Effects())
}

// share returns how many requests a transaction takes at most (F4).
func (n *Node) share() int { return min(groupMax, max(shareMin, (2*n.about+2)/3)) }

// runPreviews derives what readers will see of what is to depart (F5).
func (n *Node) runPreviews() {
	for f := range n.previews {
		f.shown = n.routing.prepare(f.prepared.Effects())
		close(f.previewed)
	}
}

// fill puts the transaction together, unless somebody does or has (F6).
func (f *flight) fill() { f.filling.Do(f.prepared.Fill) }

// runFlights carries out one after the other what departs.
func (n *Node) runFlights() {
	defer close(n.folds)
	defer close(n.indexing)
	for f := range n.departures {
		f.err = f.depart()
		<-f.previewed
		if f.err == nil {
			n.publish(f.transaction)
		}
		if n.store.IsFoldWorth() {
			signal(n.folds)
		}
		if n.store.IsIndexWorth() {
			signal(n.indexing)
		}
		close(f.landed) // the next is prepared before those who are answered write again
		if f.err == nil {
			f.answer()
		}
	}
}

// depart makes a transaction durable, unless F3 holds it back.
func (f *flight) depart() error {
	before := f.after
	f.after = nil // or each would keep all before it
	_, isDisowned := f.node.identity.whyNot(f.prepared.Effects().ID)
	if isDisowned || before != nil && before.err != nil {
		f.filling.Do(func() {}) // waits, and nobody begins
		f.prepared.Abandon()
		return store.ErrStale
	}
	f.fill()
	return f.prepared.Commit()
}

// land waits for the flight, if there is one, and reports whether its transaction
// was carried out. If it was not, another may be out after that.
func (n *Node) land() bool {
	f := n.flight
	if f == nil {
		return true
	}
	<-f.landed
	n.flight = nil
	n.pulse.on()
	switch f.err {
	case nil:
		return true
	case store.ErrStale:
		n.takeBack(f)
		n.commit(f.group) // on what is there
	default:
		n.end(f.transaction, f.err)
	}
	return false
}

// landAll waits until nothing is out.
func (n *Node) landAll() {
	for n.flight != nil {
		n.land()
	}
}

// awaitJoining waits for requests that join while the flight is out, and takes room
// of them at most: none if it lands before any come, or no more may join.
func (n *Node) awaitJoining(room int) []*request {
	for room > 0 {
		select {
		case <-n.flight.landed:
			return nil
		case <-n.commits.wake:
		}
		joining, more := n.commits.takeWhile(room, (*request).mayJoin)
		if len(joining) > 0 || !more {
			return joining
		}
	}
	return nil
}
