package crdt

import (
	"fmt"
	"slices"
)

// PNCounter is an add-wins resettable PN-counter: one Contribution per origin
// that has touched it, ascending by origin. It is a value; every method that
// changes it returns a new counter and leaves the receiver alone, so counters
// may be shared freely.
//
// It is visible as long as some Register or Increase is unreleased, and its
// value is
//
//	max(1, max(unreleased Register amounts) + Σ(unreleased Increases − Decreases))
//
// where of each origin only the last Register counts. So concurrent equal
// Registers are idempotent, concurrent Increases add up, and concurrent
// Decreases together cannot take away what nobody released.
//
// A Release takes exactly what its replica had observed: an Increase
// concurrent with it survives with its own amount and no more. That is where
// the usual embedded counters go wrong, bringing the released base back
// (Baquero, Almeida, Lerche: The problem with embedded CRDT counters and a
// solution, 2016); the watermark, the running total at the released sequence,
// is what prevents it here.
//
// A record stays when it is released, a few tens of bytes for each origin,
// since a contribution to it may still be on its way. Only the origin knows
// when none is: it may Close its record, and begin a new era with its next
// contribution.
//
// The one invariant, beside those of its contributions (see Validate):
//
//	P1  contributions ascend strictly by origin
//
// The nil PNCounter is one that nobody has touched.
type PNCounter []Contribution

// Find returns the contribution of origin, if there is one. O(log n).
func (c PNCounter) Find(origin ReplicaID) (Contribution, bool) {
	i, ok := c.search(origin)
	if !ok {
		return Contribution{}, false
	}
	return c[i], true
}

// Only returns the part of c that is of origin: a counter of its contribution, or of
// none. It shares the memory of c.
func (c PNCounter) Only(origin ReplicaID) PNCounter {
	i, ok := c.search(origin)
	if !ok {
		return nil
	}
	return c[i : i+1 : i+1]
}

// search is by hand, as are the loops below: a function that is given contributions is
// given copies of 80 bytes, and every write looks at its counter some ten times.
func (c PNCounter) search(origin ReplicaID) (int, bool) {
	low, end := 0, len(c)
	for low < end {
		i := (low + end) / 2
		switch order := c[i].Origin.Compare(origin); {
		case order == 0:
			return i, true
		case order < 0:
			low = i + 1
		default:
			end = i
		}
	}
	return low, false
}

// Put returns c with x in place of whatever the origin of x had. O(n).
func (c PNCounter) Put(x Contribution) PNCounter {
	i, ok := c.search(x.Origin)
	return c.replace(i, ok, x, newCounter)
}

// newCounter returns a counter of so many contributions, to be filled in.
func newCounter(n int) PNCounter { return make(PNCounter, n) }

// replace returns c with x at i, in place of what is there, or before it.
func (c PNCounter) replace(i int, is bool, x Contribution, room func(n int) PNCounter) PNCounter {
	rest := c[i:]
	if is {
		rest = rest[1:]
	}
	out := room(i + 1 + len(rest))
	copy(out, c[:i])
	out[i] = x
	copy(out[i+1:], rest)
	return out
}

// Merge returns c with x joined into what the origin of x had. O(n).
func (c PNCounter) Merge(x Contribution) PNCounter { return c.MergeInto(x, newCounter) }

// MergeInto is Merge for who has room for the outcome: room returns a counter of n
// contributions that nobody else has.
func (c PNCounter) MergeInto(x Contribution, room func(n int) PNCounter) PNCounter {
	i, ok := c.search(x.Origin)
	if ok {
		x = c[i].Join(x)
	}
	return c.replace(i, ok, x.canonical(), room)
}

// Drop returns c without the contribution of origin. O(n).
func (c PNCounter) Drop(origin ReplicaID) PNCounter {
	i, ok := c.search(origin)
	if !ok {
		return c
	}
	if len(c) == 1 {
		return nil
	}
	return append(append(make(PNCounter, 0, len(c)-1), c[:i]...), c[i+1:]...)
}

// Close returns c without the record of origin, unless that is of a later era.
// It is no Join: a replica that has not closed the record brings it back. So
// an origin closes a record of its own that is not live, and others follow
// once they have seen all its events up to that.
func (c PNCounter) Close(origin ReplicaID, era uint64) PNCounter {
	if x, ok := c.Find(origin); ok && x.Era <= era {
		return c.Drop(origin)
	}
	return c
}

// Join returns the least upper bound of two counters, origin by origin.
// O(len(c) + len(other)).
func (c PNCounter) Join(other PNCounter) PNCounter {
	switch {
	case len(other) == 0:
		return c
	case len(other) == 1:
		return c.Merge(other[0])
	}
	out := make(PNCounter, 0, max(len(c), len(other)))
	for len(c) > 0 && len(other) > 0 {
		switch order := c[0].Origin.Compare(other[0].Origin); {
		case order < 0:
			out, c = append(out, c[0]), c[1:]
		case order > 0:
			out, other = append(out, other[0]), other[1:]
		default:
			out = append(out, c[0].Join(other[0]))
			c, other = c[1:], other[1:]
		}
	}
	return append(append(out, c...), other...)
}

// Equal reports whether two counters are the same state.
func (c PNCounter) Equal(other PNCounter) bool { return slices.Equal(c, other) }

// IsZero reports whether nobody has touched the counter.
func (c PNCounter) IsZero() bool { return len(c) == 0 }

// IsVisible reports whether some Register or Increase is unreleased.
func (c PNCounter) IsVisible() bool {
	for i := range c {
		if x := &c[i]; x.Added > x.Watermark {
			return true
		}
	}
	return false
}

// IsLive reports whether anything is unreleased, a lone Decrease included.
func (c PNCounter) IsLive() bool { return slices.ContainsFunc(c, Contribution.IsLive) }

// Registered returns the largest unreleased Register amount, 0 if there is
// none.
func (c PNCounter) Registered() int64 {
	var largest int64
	for i := range c {
		x := &c[i]
		largest = max(largest, x.Amount)
	}
	return largest
}

// Sum returns the largest unreleased Register amount plus the unreleased
// Increases minus the unreleased Decreases. It may be below 1, since
// concurrent Decreases do not know of each other. Where it would leave
// ±TotalMax it stays at the bound.
func (c PNCounter) Sum() int64 {
	var sum wideSum
	sum.add(c.Registered())
	for i := range c {
		sum.add(c[i].Unreleased())
	}
	return sum.clamped()
}

// Value returns what is shown: 0 if the counter is not visible, otherwise its
// Sum, but at least 1.
func (c PNCounter) Value() int64 {
	if !c.IsVisible() {
		return 0
	}
	return max(1, c.Sum())
}

// Registering returns the contribution of origin after it registers amount, 0
// to TotalMax, at the given sequence, which must be larger than any it has
// used.
func (c PNCounter) Registering(origin ReplicaID, sequence uint64, amount int64) Contribution {
	x := c.next(origin, sequence)
	x.Added, x.Register, x.Amount = sequence, sequence, amount
	return x
}

// Adding returns the contribution of origin after it increases the counter by
// by at the given sequence, which must be larger than any it has used. A
// negative by decreases it. If by exhausts the running total of this era, the
// contribution is invalid: Validate it before anybody else sees it.
func (c PNCounter) Adding(origin ReplicaID, sequence uint64, by int64) Contribution {
	x := c.next(origin, sequence)
	x.Total += by
	if by > 0 {
		x.Added = sequence
	}
	return x
}

// next returns the contribution of origin as it stands before a contribution
// at sequence is filled in; where there is none, a new era begins.
func (c PNCounter) next(origin ReplicaID, sequence uint64) Contribution {
	x, ok := c.Find(origin)
	if !ok {
		x = Contribution{Origin: origin, Era: sequence}
	}
	x.Last = sequence
	return x
}

// Releasing returns the watermarks that release everything observed here, one
// for each live contribution, ascending by origin; nil if nothing is live.
// Joined into any counter they take exactly that.
func (c PNCounter) Releasing() PNCounter {
	var out PNCounter
	for _, x := range c {
		if x.IsLive() {
			out = append(out, x.Release())
		}
	}
	return out
}

// Validate reports which invariant c violates, or nil.
func (c PNCounter) Validate() error {
	for i, x := range c {
		if err := x.Validate(); err != nil {
			return fmt.Errorf("counter: %w", err)
		}
		if i > 0 && c[i-1].Origin.Compare(x.Origin) >= 0 {
			return fmt.Errorf("%w counter: P1: origin %s does not ascend", ErrInvalid, x.Origin)
		}
	}
	return nil
}
