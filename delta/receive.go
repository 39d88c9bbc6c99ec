package delta

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

// Outcome says what became of a received delta.
type Outcome uint8

// The outcomes of Receive.
const (
	// Applied: everything in it is now covered by the context.
	Applied Outcome = 1 + iota
	// Seen: everything in it was covered before.
	Seen
	// Early: an event before it is missing; it may be offered again later.
	Early
	// Held: it lies inside the starting context of the open session and is
	// left to it.
	Held
)

// String returns the name of the outcome.
func (o Outcome) String() string {
	switch o {
	case Applied:
		return "applied"
	case Seen:
		return "seen"
	case Early:
		return "early"
	case Held:
		return "held"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Receive applies those events of a foreign delta that are next in order. A
// part of them may have been applied although the outcome is Held or Early.
// It returns ErrAmnesia or ErrForgotten, having changed nothing, if the delta
// proves that this replica must be renamed first.
func (c *Commit) Receive(p Packed) (Outcome, error) {
	if err := c.provesLostIdentity(p.Delta); err != nil {
		return 0, err
	}
	first, outcome := -1, Seen
	i := 0
	for ; i < len(p.Events); i++ {
		dot := p.Dot(i)
		if dot.Sequence <= c.seen(dot.Replica) {
			continue
		}
		var err error
		if outcome, err = c.admit(dot, p.Events[i]); err != nil {
			return 0, err
		}
		if outcome != Applied {
			break
		}
		if first < 0 {
			first = i
		}
		if err := c.apply(dot, p.Events[i]); err != nil {
			return 0, err
		}
	}
	if first < 0 {
		return outcome, nil
	}
	return outcome, c.record(p, first, i)
}

// record notes for the log that the events [first, end) of p were applied.
func (c *Commit) record(p Packed, first, end int) error {
	if first > 0 || end < len(p.Events) {
		part, err := Pack(p.Slice(first, end))
		if err != nil {
			return err
		}
		p = part
	}
	c.deltas = append(c.deltas, p)
	return nil
}

// provesLostIdentity reports whether the delta knows more of this replica than
// it does itself, or retires it.
func (c *Commit) provesLostIdentity(d Delta) error {
	if d.Origin == c.id && d.Last() > c.seen(c.id) {
		return ErrAmnesia
	}
	for i, e := range d.Events {
		if d.Dot(i).Sequence <= c.seen(d.Origin) {
			continue
		}
		if e.Kind == Forget && e.Replica == c.id {
			return ErrForgotten
		}
		if own, ok := e.Released().Find(c.id); ok && own.Last > c.seen(c.id) {
			return ErrAmnesia
		}
	}
	return nil
}

// admit decides whether an unseen event may be applied now.
func (c *Commit) admit(dot crdt.Dot, e Event) (Outcome, error) {
	switch {
	case c.session.Covers(dot):
		return Held, nil
	case dot.Sequence != c.seen(dot.Replica)+1:
		return Early, nil
	}
	if deferred, err := c.mustDefer(dot, e); deferred || err != nil {
		return Held, err
	}
	return Applied, nil
}

// mustDefer reports whether e releases a record that we do not hold and that
// the open session may already have found closed: applied now, the release
// would bring the record back for ever.
func (c *Commit) mustDefer(dot crdt.Dot, e Event) (bool, error) {
	if c.session == nil || e.Kind != Release {
		return false, nil
	}
	counter, err := c.counter(ClaimKey(e.Claim))
	if err != nil {
		return false, err
	}
	for _, x := range e.Released() {
		_, held := counter.Find(x.Origin)
		if x.Origin != dot.Replica && !held && c.seen(x.Origin) < x.Last && x.Last <= c.session.Get(x.Origin) {
			return true, nil
		}
	}
	return false, nil
}

// apply applies one event that is next in order and advances the context.
func (c *Commit) apply(dot crdt.Dot, e Event) error {
	c.context.Advance(dot.Replica, dot.Sequence)
	switch e.Kind {
	case Advertise:
		return c.joinNode(e.Node)
	case Forget:
		return c.forget(e.Replica)
	}
	k := ClaimKey(e.Claim)
	counter, err := c.counter(k)
	if err != nil {
		return err
	}
	return c.setCounter(k, c.transition(counter, dot, e))
}

// transition returns a claim's counter after an event.
func (c *Commit) transition(counter crdt.PNCounter, dot crdt.Dot, e Event) crdt.PNCounter {
	switch e.Kind {
	case Add:
		return c.put(counter, e.Contribution())
	case Close:
		return dropClosed(counter, dot.Replica, e.Era)
	}
	return c.release(counter, dot.Replica, e.Released())
}

// release applies watermarks, in one pass: a claim may have a hundred thousand
// origins.
func (c *Commit) release(counter crdt.PNCounter, releaser crdt.ReplicaID, marks crdt.PNCounter) crdt.PNCounter {
	out := make(crdt.PNCounter, 0, max(len(counter), len(marks)))
	for len(counter) > 0 || len(marks) > 0 {
		switch order := compareFirst(counter, marks); {
		case order < 0:
			out, counter = append(out, counter[0]), counter[1:]
		case order > 0:
			out, marks = c.releaseRecord(out, crdt.Contribution{}, releaser, marks[0]), marks[1:]
		default:
			out = c.releaseRecord(out, counter[0], releaser, marks[0])
			counter, marks = counter[1:], marks[1:]
		}
	}
	return out
}

// releaseRecord appends ours, which is zero if we hold none, as it is after the
// watermark x. The releaser's own record is closed by it. Of the others, one
// that we neither hold nor have yet to see was closed already, and is not taken
// again.
func (c *Commit) releaseRecord(out crdt.PNCounter, mine crdt.Contribution, releaser crdt.ReplicaID, x crdt.Contribution) crdt.PNCounter {
	if x.Origin == releaser {
		if mine.Era > x.Era {
			out = append(out, mine)
		}
		return out
	}
	if held := !mine.IsZero(); held || c.seen(x.Origin) < x.Last {
		if mine = mine.Join(x); !c.isAbandoned(mine) {
			return append(out, mine)
		}
	}
	return out
}

// dropClosed drops the record of an origin unless it is of a later era.
func dropClosed(counter crdt.PNCounter, origin crdt.ReplicaID, era uint64) crdt.PNCounter {
	if x, ok := counter.Find(origin); ok && x.Era <= era {
		return counter.Drop(origin)
	}
	return counter
}

func (c *Commit) joinNode(n *NodeRecord) error {
	e, err := c.change(NodeKey(n.Name))
	if err != nil {
		return err
	}
	winner := n.Join(e.After().node())
	e.set(Entry{Key: e.Key, Node: &winner})
	return nil
}

// forget retires a replica: its released records go now, those released later
// go then. O(claims), for an operation that is rare.
func (c *Commit) forget(r crdt.ReplicaID) error {
	if c.isForgotten(r) {
		return nil
	}
	e, err := c.change(ForgottenKey(r))
	if err != nil {
		return err
	}
	e.set(Entry{Key: e.Key})
	c.forgotten[r] = struct{}{}
	return c.scan(ClaimSpan, func(k Key, counter crdt.PNCounter) error {
		if x, ok := counter.Find(r); ok && c.isAbandoned(x) {
			return c.setCounter(k, counter.Drop(r))
		}
		return nil
	})
}
