package delta

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// tighten moves a claim to a smaller range: first the smaller range is
// registered with the priority shown, then the old claim is released, so that
// the smaller range is covered at every moment.
func (w *writer) tighten(old *target, o *Operation) (Result, error) {
	shown := old.counter.Value()
	if shown == 0 {
		return Result{}, errNotVisible
	}
	if !o.AllowGap {
		if err := w.checkGap(o); err != nil {
			return Result{}, err
		}
	}
	claim := o.Claim
	claim.Range = o.To
	to, err := w.target(claim)
	if err != nil {
		return Result{}, err
	}
	if err := to.raise(shown); err != nil {
		return Result{}, err
	}
	old.release()
	return Result{Changed: true, Priority: to.counter.Value()}, nil
}

// raise registers a claim so that at least priority is shown. A Register, not
// an Increase, makes up the difference: concurrent ones do not add up.
func (t *target) raise(priority int64) error {
	if t.isBelowOne() {
		t.release()
		return t.add(0, priority)
	}
	return t.add(0, t.counter.Registered()+max(0, priority-t.counter.Value()))
}

// checkGap refuses a Tighten that would leave keys served by nobody.
func (w *writer) checkGap(o *Operation) error {
	for _, left := range subtract(o.Claim.Range, o.To) {
		others, err := w.commit.overlapping(o.Claim.Keyspace, left)
		if err != nil {
			return err
		}
		others = slices.DeleteFunc(others, func(c ranges.Claim) bool { return c == o.Claim })
		if gaps := ranges.UncoveredBy(left, weighted(others)); len(gaps) > 0 {
			return fmt.Errorf("%w: keys from %q on would be served by nobody; register another node there first, or allow the gap", ErrGap, gaps[0].From)
		}
	}
	return nil
}

// overlapping returns the claims of a keyspace that overlap r and are visible
// at this point.
func (c *Commit) overlapping(keyspace string, r ranges.Range) ([]ranges.Claim, error) {
	var out []ranges.Claim
	visit := func(k Key, counter crdt.PNCounter) error {
		claim, err := k.Claim()
		if err == nil && counter.IsVisible() && claim.Keyspace == keyspace && claim.Range.Overlaps(r) {
			out = append(out, claim)
		}
		return err
	}
	if c.env.Overlapping == nil {
		err := c.scan(KeyspaceSpan(keyspace), visit)
		return out, err
	}
	for _, claim := range c.env.Overlapping(keyspace, r) {
		if _, changed := c.entries[ClaimKey(claim)]; !changed {
			out = append(out, claim)
		}
	}
	for k, e := range c.entries {
		if k.IsClaim() && e.is {
			if err := visit(k, e.after.counter); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// subtract returns the parts of r that are not in inner, which r covers.
func subtract(r, inner ranges.Range) []ranges.Range {
	var parts []ranges.Range
	if left := (ranges.Range{From: r.From, To: ranges.Before(inner.From)}); !left.IsEmpty() {
		parts = append(parts, left)
	}
	if !inner.To.Unbounded {
		if right := (ranges.Range{From: inner.To.Key, To: r.To}); !right.IsEmpty() {
			parts = append(parts, right)
		}
	}
	return parts
}

// weighted returns claims as ranges wants them; their priorities do not matter.
func weighted(claims []ranges.Claim) []ranges.Weighted {
	list := make([]ranges.Weighted, len(claims))
	for i, c := range claims {
		list[i].Claim = c
	}
	return list
}
