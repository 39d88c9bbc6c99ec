package delta

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// Answer is a peer's whole state under a span, or under some keys, at one
// instant.
type Answer struct {
	Span Span
	// Keys are what the answer is about instead of Span, if there are any.
	Keys []Key
	// Entries are all entries of the sender in Span or under Keys, ascending by
	// key.
	Entries []Entry
	// Context is the sender's whole context at that instant.
	Context crdt.Context
	// Ahead is the sender's Replica.Ahead at that instant: how much more than
	// its context its entries may hold. It is empty of one that is not ahead.
	Ahead crdt.Context
	// InSession says that the answer belongs to the open complete session.
	InSession bool
	// Stuck says that a repair of the whole state with this sender, while both
	// had seen the same, has not ended their difference before: what they are
	// ahead by will not come any more, and nobody knows better.
	Stuck bool
}

// Covered returns everything of which there may be something in the answer:
// what the sender had seen and what it was ahead of that.
func (a Answer) Covered() crdt.Context {
	covered := a.Context.Clone()
	covered.Join(a.Ahead)
	return covered
}

// Take joins a range answer (docs/data-model.md, 6): records are joined; one
// that the sender lacks is dropped only if the sender's context covers it, for
// then it was closed there. Our context does not change, but the state is from
// now on ahead of it by what may be in the answer.
//
// It returns ErrAmnesia or ErrForgotten, having changed nothing, if the answer
// proves that this replica must be renamed first.
func (c *Commit) Take(a Answer) error {
	covered := a.Covered()
	if covered.Get(c.id) > c.seen(c.id) {
		return ErrAmnesia
	}
	theirs := make(map[Key]Entry, len(a.Entries))
	for _, e := range a.Entries {
		if e.Key == ForgottenKey(c.id) {
			return ErrForgotten
		}
		if x, ok := e.Counter.Find(c.id); ok && x.Last > c.seen(c.id) {
			return ErrAmnesia
		}
		theirs[e.Key] = e
	}
	keys, err := c.keysOf(a)
	if err != nil {
		return err
	}
	for k := range theirs {
		keys[k] = struct{}{}
	}
	// Forgotten replicas sort last, but records are joined under them.
	for _, k := range slices.Backward(slices.Sorted(maps.Keys(keys))) {
		if err := c.takeEntry(k, theirs[k], a); err != nil {
			return err
		}
	}
	c.ahead.Join(covered)
	return nil
}

// keysOf returns what an answer is about: under which keys it may change
// something though it has no entry there.
func (c *Commit) keysOf(a Answer) (map[Key]struct{}, error) {
	keys := map[Key]struct{}{}
	for _, k := range a.Keys {
		keys[k] = struct{}{}
	}
	if len(a.Keys) > 0 {
		return keys, nil
	}
	err := c.scan(a.Span, func(k Key, _ crdt.PNCounter) error {
		keys[k] = struct{}{}
		return nil
	})
	return keys, err
}

// Matched notes that the state under some span was found equal to that of a
// sender: joining it would have changed nothing, but as after a join, what the
// sender had seen may be in the state. For the open session that counts only if
// our side of the comparison is of an instant after OpenSession became durable:
// what came in before may be what the sender has found closed. Covered is the sender's context joined
// with what it was ahead of it, as of Answer.Covered.
func (c *Commit) Matched(covered crdt.Context) { c.ahead.Join(covered) }

func (c *Commit) takeEntry(k Key, theirs Entry, a Answer) error {
	switch {
	case k.IsForgotten() && theirs.IsZero(), k.IsNode() && theirs.IsZero():
		return nil // neither is ever closed: the sender has yet to learn of it
	case k.IsForgotten():
		r, err := k.Forgotten()
		if err != nil {
			return err
		}
		return c.forget(r)
	}
	e, err := c.change(k)
	if err != nil {
		return err
	}
	before := e.After()
	if k.IsNode() {
		err = c.joinNode(theirs.Node)
	} else {
		err = c.takeClaim(k, theirs, a)
	}
	e.Repaired = e.Repaired || !e.After().Equal(before)
	return err
}

func (c *Commit) takeClaim(k Key, theirs Entry, a Answer) error {
	counter, err := c.counter(k)
	if err != nil {
		return err
	}
	if c.isLost(counter, theirs.Counter, a) {
		c.reissued[k] = struct{}{}
	}
	counter, found := c.takeCounter(counter, theirs.Counter, a)
	if len(found) > 0 && a.InSession && c.session != nil {
		c.gone = &gone{key: k, found: found, before: c.gone}
	}
	return c.setCounter(k, counter)
}

// isLost reports whether the sender has lost a record of ours: it has seen the
// event that made it, only we could have closed it, and we have not. Either its
// entry was corrupted, or it has seen another event under that sequence, since
// our directory was rolled back and has written on until no context showed it.
// Nobody would ever take the record from us, and no repair would end the
// difference: so we issue it again.
//
// The one other cause is that we were forgotten, and the record dropped as soon
// as it was released. A sender that is not ahead has then seen the Forget; if
// we have seen all that it has, we would go by another id. One that is ahead may
// have learned of the drop and not of the Forget, from somebody who knew both.
// If it still lacks the record after the whole state was repaired before
// (Stuck), whoever knew is gone with his directory, and what he knew is lost:
// the record is issued again, as what turns up late of a forgotten replica.
func (c *Commit) isLost(counter, theirs crdt.PNCounter, a Answer) bool {
	mine, ok := counter.Find(c.id)
	_, held := theirs.Find(c.id)
	return ok && !held && mine.IsLive() && a.Context.Get(c.id) >= mine.Last && (len(a.Ahead) == 0 || a.Stuck) && c.Covers(a.Context)
}

// takeCounter joins the sender's records of one claim into ours, in one pass: a
// claim may have a hundred thousand origins. Found is up to where the sender had
// seen those of whom a record stays that is gone there.
func (c *Commit) takeCounter(counter, theirs crdt.PNCounter, a Answer) (out crdt.PNCounter, found []crdt.Dot) {
	out = make(crdt.PNCounter, 0, max(len(counter), len(theirs)))
	for len(counter) > 0 || len(theirs) > 0 {
		switch order := compareFirst(counter, theirs); {
		case order < 0:
			x := counter[0]
			stays, isGone := c.staysAlone(x, a)
			if stays {
				out = append(out, x)
			}
			if stays && isGone {
				found = append(found, crdt.Dot{Replica: x.Origin, Sequence: a.Context.Get(x.Origin)})
			}
			counter = counter[1:]
		case order > 0:
			out = c.takeRecord(out, crdt.Contribution{}, theirs[0], a)
			theirs = theirs[1:]
		default:
			out = c.takeRecord(out, counter[0], theirs[0], a)
			counter, theirs = counter[1:], theirs[1:]
		}
	}
	return out, found
}

// staysAlone reports whether a record of ours stays that the sender lacks, and
// whether it is gone there. What the sender's context covers was closed, or dropped
// since its origin was forgotten.
//
// One that is released stays though, if our own context does not cover it: there
// are releases of it that we have seen, and who takes them from us may hold the
// record as it was before, and have seen all of its origin and that this was
// forgotten. When the session has completed, our context says that it is gone.
func (c *Commit) staysAlone(x crdt.Contribution, a Answer) (stays, isGone bool) {
	switch {
	case x.Origin == c.id || a.Context.Get(x.Origin) < x.Last:
		return true, false
	case x.IsLive() || c.seen(x.Origin) >= x.Last:
		return false, true
	}
	return true, true
}

// gone are released records of one claim that the open session has found gone, and
// all that were found before. Its sender had seen everything of an origin up to its
// dot in found, and held none of its records; what the origin has contributed since
// is another matter. This is a list, which is never changed, since the effects of
// each commit have all of it.
type gone struct {
	key    Key
	found  []crdt.Dot // ascending by replica
	before *gone
}

// covers reports whether a record was found gone.
func (g *gone) covers(x crdt.Contribution) bool {
	i, ok := slices.BinarySearchFunc(g.found, x.Origin, func(d crdt.Dot, r crdt.ReplicaID) int { return d.Replica.Compare(r) })
	return ok && x.Last <= g.found[i].Sequence
}

// compareFirst compares the first origins of two counters, not both of which are
// empty. None comes after any.
func compareFirst(a, b crdt.PNCounter) int {
	switch {
	case len(a) == 0:
		return +1
	case len(b) == 0:
		return -1
	}
	return a[0].Origin.Compare(b[0].Origin)
}

// takeRecord appends ours, which is zero if we hold none, with the sender's
// record of the same origin joined in if it may be.
func (c *Commit) takeRecord(out crdt.PNCounter, mine, x crdt.Contribution, a Answer) crdt.PNCounter {
	if c.mayTake(mine, x, a.InSession) {
		if mine = mine.Join(x); c.isAbandoned(mine) {
			return out
		}
	}
	if mine.IsZero() {
		return out
	}
	return append(out, mine)
}

// mayTake reports whether a sender's record may be joined into ours, which is
// zero if we hold none.
func (c *Commit) mayTake(mine, x crdt.Contribution, inSession bool) bool {
	held := !mine.IsZero()
	if !held && c.seen(x.Origin) >= x.Last {
		return false // closed here already
	}
	if inSession || c.session.Get(x.Origin) < x.Last {
		return true
	}
	return held && mine.Last >= x.Last // else it would add inside the session
}

// scan visits the entries in s as they stand at this point, in no particular
// order; the counter is nil for what is no claim. Visit may change the entry
// it is called for, and no other.
func (c *Commit) scan(s Span, visit func(Key, crdt.PNCounter) error) error {
	changed := slices.Collect(maps.Keys(c.entries))
	err := c.env.Read.Scan(s, func(e Entry) error {
		if _, ok := c.entries[e.Key]; ok {
			return nil // comes below, as it stands now
		}
		return visit(e.Key, e.Counter)
	})
	if err != nil {
		return err
	}
	for _, k := range changed {
		if e := c.entries[k]; s.Contains(k) && e.is {
			if err := visit(k, e.after.counter); err != nil {
				return err
			}
		}
	}
	return nil
}

// OpenSession opens the one complete session a replica may have, with the
// context its sender had when the session began. An open one is abandoned, or goes
// on, for all the replica knows: what it has found gone is gone for the new one, too.
// It returns ErrAmnesia if the sender knows more of this replica than it does.
func (c *Commit) OpenSession(start crdt.Context) error {
	if start.Get(c.id) > c.seen(c.id) {
		return ErrAmnesia
	}
	c.session = start.Clone()
	return nil
}

// AbandonSession closes the open session without its having been complete.
// What it has joined stays; the context does not grow.
func (c *Commit) AbandonSession() { c.session, c.gone = nil, nil }

// CompleteSession closes the open session after every span of the whole state
// was found equal or joined: only now, and only by what the sender had seen
// when the session began, does the context grow. An error comes from the Reader.
func (c *Commit) CompleteSession() error {
	for r, sequence := range c.session {
		if sequence > c.seen(r) {
			c.context.Advance(r, sequence)
			c.sweep = c.sweep || c.isForgotten(r)
		}
	}
	found := c.gone
	c.session, c.gone = nil, nil
	for ; found != nil; found = found.before {
		if err := c.dropGone(found); err != nil {
			return err
		}
	}
	return nil
}

// dropGone drops records that were found gone, if our context covers them by now.
func (c *Commit) dropGone(g *gone) error {
	counter, err := c.counter(g.key)
	if err != nil {
		return err
	}
	isGone := func(x crdt.Contribution) bool { return g.covers(x) && !x.IsLive() && c.seen(x.Origin) >= x.Last }
	if !slices.ContainsFunc(counter, isGone) {
		return nil
	}
	return c.setCounter(g.key, slices.DeleteFunc(slices.Clone(counter), isGone))
}
