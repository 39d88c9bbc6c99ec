package delta

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Write carries out a batch of operations, all or none, as one delta. Each
// operation sees the effects of those before it. If one fails, the error is a
// *BatchError and nothing has changed. The delta has no events if no operation
// had anything to do.
//
// A single operation that releases more records than a delta holds is committed
// as several (docs/data-model.md, 4); what is returned is the whole.
func (c *Commit) Write(operations []Operation) (Delta, []Result, error) {
	if len(operations) > BatchOperationsMax {
		return Delta{}, nil, fmt.Errorf("%w batch: %d operations, at most %d are allowed", ErrTooLarge, len(operations), BatchOperationsMax)
	}
	w := c.newWriter()
	w.divisible = len(operations) == 1
	results := c.results.cut(len(operations))
	for i := range operations {
		var err error
		if results[i], err = w.carryOut(&operations[i]); err != nil {
			w.undo()
			return Delta{}, nil, &BatchError{Index: i, Err: err}
		}
	}
	d, err := c.write(w)
	return d, results, err
}

// Advertise writes a record of a node with the next generation, unless the
// winner is ours and says the same already.
func (c *Commit) Advertise(n NodeRecord) (Delta, error) {
	if err := n.Validate(); err != nil {
		return Delta{}, err
	}
	e, err := c.change(NodeKey(n.Name))
	if err != nil {
		return Delta{}, err
	}
	winner := e.After().node()
	if winner.Dot.Replica == c.id && winner.SaysTheSame(n) && winner.Retired == n.Retired {
		return Delta{}, nil
	}
	if winner.Generation >= generationMax {
		return Delta{}, fmt.Errorf("%w node record: the generations of node %s are exhausted; use another name", ErrInvalid, n.Name)
	}
	w := c.newWriter()
	n.Generation = winner.Generation + 1
	n.Dot = w.next()
	w.emit(Event{Kind: Advertise, Node: &n})
	return c.write(w)
}

// Forget retires replicas. A replica cannot retire itself.
func (c *Commit) Forget(replicas ...crdt.ReplicaID) (Delta, error) {
	w := c.newWriter()
	for _, r := range replicas {
		switch {
		case r == c.id:
			return Delta{}, fmt.Errorf("%w forget: replica %s is this node's own", ErrInvalid, r)
		case r.IsZero():
			return Delta{}, fmt.Errorf("%w forget: the replica id is zero", ErrInvalid)
		case !c.isForgotten(r):
			w.emit(Event{Kind: Forget, Replica: r})
		}
	}
	return c.write(w)
}

// write makes the writer's events part of the commit.
func (c *Commit) write(w *writer) (Delta, error) {
	if len(w.events) == 0 {
		return Delta{}, nil
	}
	whole := Delta{Origin: c.id, First: w.first, Time: c.env.Now, Events: c.events.copied(w.events)}
	deltas, err := w.pack(c.deltas, whole)
	if err != nil {
		w.undo()
		return Delta{}, err
	}
	c.deltas = deltas
	// Own events pass the filters of an open session: they are ours to number,
	// and lie inside nobody else's context.
	if len(w.changed) > 0 {
		c.context.Advance(c.id, whole.Last())
		for _, s := range w.changed {
			c.noteClosable(s.entry)
		}
		return whole, nil
	}
	for i, e := range whole.Events {
		if err := c.apply(whole.Dot(i), e); err != nil {
			return Delta{}, err
		}
	}
	return whole, nil
}

// writer turns operations into events. Those on claims show their effect at once,
// which does not depend on how far the context has come in events of our own;
// changed says how to take it back, so that a batch that fails halfway has changed
// nothing. Other events are applied when they are written. No writer has both.
type writer struct {
	commit  *Commit
	first   uint64
	events  []Event
	changed []changed
	// divisible says that the events may be several deltas.
	divisible bool
}

// changed is a claim that an event has changed, and its counter before.
type changed struct {
	entry *EntryChange
	was   crdt.PNCounter
}

// newWriter returns a writer. There is one at a time.
func (c *Commit) newWriter() *writer {
	c.writer.reset(c, c.seen(c.id)+1)
	return &c.writer
}

// reset makes the writer one of no events, which leads to none that it had.
func (w *writer) reset(c *Commit, first uint64) {
	clear(w.events)
	clear(w.changed)
	*w = writer{commit: c, first: first, events: w.events[:0], changed: w.changed[:0]}
}

// undo takes back what the events have changed.
func (w *writer) undo() {
	for _, s := range slices.Backward(w.changed) {
		s.entry.hold(s.was)
	}
}

// next returns the dot of the next event.
func (w *writer) next() crdt.Dot {
	return crdt.Dot{Replica: w.commit.id, Sequence: w.first + uint64(len(w.events))}
}

func (w *writer) emit(e Event) { w.events = append(w.events, e) }

// target is a claim in the middle of an operation.
type target struct {
	*writer
	entry   *EntryChange
	claim   ranges.Claim
	counter crdt.PNCounter
}

func (w *writer) target(claim ranges.Claim) (target, error) {
	e, err := w.commit.changeOf(&claim)
	if err != nil {
		return target{}, err
	}
	return target{writer: w, entry: e, claim: claim, counter: e.after.counter}, nil
}

// emit appends an event on the target's claim and shows its effect: the counter that it
// leads to.
func (t *target) emit(e Event, counter crdt.PNCounter) {
	e.Claim = t.claim
	t.writer.emit(e)
	t.changed = append(t.changed, changed{entry: t.entry, was: t.counter})
	t.counter = counter
	t.entry.hold(t.counter)
}

// emitRelease emits a Release by these watermarks.
func (t *target) emitRelease(marks crdt.PNCounter) {
	t.emit(Event{Kind: Release, Records: marks}, t.commit.release(t.counter, t.commit.id, marks))
}

func (w *writer) carryOut(o *Operation) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	t, err := w.target(o.Claim)
	if err != nil {
		return Result{}, err
	}
	before := t.counter.Value()
	switch o.Verb {
	case VerbRegister:
		err = t.register(o.Amount)
	case VerbRelease:
		t.release()
	case VerbIncrease:
		if o.IfVisible && before == 0 {
			return Result{}, errNotVisible
		}
		err = t.increase(o.Amount)
	case VerbDecrease:
		err = t.decrease(o.Amount)
	case VerbSet:
		err = t.set(o.Amount)
	case VerbTighten:
		return w.tighten(&t, o)
	}
	after := t.counter.Value()
	return Result{Changed: before != after, Priority: after}, err
}

var errNotVisible = fmt.Errorf("%w: nobody has registered this claim", ErrNotFound)

// release releases everything observed, also where nothing is visible but
// Decreases are left over.
func (t *target) release() {
	for _, part := range portions(t.counter) {
		t.emitRelease(part.Releasing())
	}
}

// startAfresh releases a claim whose sum is below 1, or that is not visible,
// and registers again the 1 that was shown, so that what is added next counts
// from there.
func (t *target) startAfresh() error {
	visible := t.counter.IsVisible()
	t.release()
	if !visible {
		return nil
	}
	return t.add(0, 1)
}

// isBelowOne reports whether the next addition must start afresh.
func (t *target) isBelowOne() bool { return !t.counter.IsVisible() || t.counter.Sum() < 1 }

// register makes the claim visible. Where it is visible already the event
// repeats the amount registered, so that the priority stays as it is and a
// concurrent Release cannot take the claim away unseen; the amount is 0 if the
// priority comes from Increases alone.
func (t *target) register(priority int64) error {
	if !t.isBelowOne() {
		return t.add(0, t.counter.Registered())
	}
	visible := t.counter.IsVisible()
	if err := t.startAfresh(); err != nil || visible {
		return err
	}
	return t.add(0, priority)
}

func (t *target) increase(by int64) error {
	if t.isBelowOne() {
		if err := t.startAfresh(); err != nil {
			return err
		}
	}
	if t.counter.Value() > PriorityMax-by {
		return fmt.Errorf("%w increase by %d: the priority would exceed %d", ErrInvalid, by, int64(PriorityMax))
	}
	return t.add(by, 0)
}

func (t *target) decrease(by int64) error {
	switch shown := t.counter.Value(); {
	case shown == 0:
		return errNotVisible
	case shown <= by:
		t.release()
		return nil
	}
	return t.add(-by, 0)
}

func (t *target) set(priority int64) error {
	switch shown := t.counter.Value(); {
	case shown < priority:
		return t.increase(priority - shown)
	case shown > priority:
		return t.decrease(shown - priority)
	}
	return nil
}

// add emits the Add of an Increase (by > 0), a Decrease (by < 0) or a Register
// of amount (by = 0).
func (t *target) add(by, amount int64) error {
	x, dot := crdt.Contribution{}, t.next()
	if by == 0 {
		x = t.counter.Registering(dot.Replica, dot.Sequence, amount)
	} else {
		x = t.counter.Adding(dot.Replica, dot.Sequence, by)
	}
	if err := x.Validate(); err != nil {
		return fmt.Errorf("%w operation: the running total of this node on the claim is exhausted; release the claim and register it again", ErrInvalid)
	}
	counter := t.commit.put(t.counter, x) // has x as it is: nothing of ours is later, nor released beyond it
	t.emit(Event{Kind: Add, By: by, Records: recordOf(counter, x.Origin)}, counter)
	return nil
}

// recordOf returns the record of an origin for an event. It is a part of the counter, unless
// that is longer than a piece (stock): who keeps the events of a commit would keep a counter
// of many origins for each.
func recordOf(counter crdt.PNCounter, origin crdt.ReplicaID) crdt.PNCounter {
	record := counter.Only(origin)
	if len(counter) > recordsPiece {
		return slices.Clone(record)
	}
	return record
}
