package crdt

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
)

// DotContext is a causal context that may have gaps: any set of dots. It is
// what the delta-state types need, since deltas may reach them in any order;
// where events of a replica only ever arrive in order, Context is enough.
//
// The literature has a version vector and beside it a cloud of the dots that
// the vector does not reach, compacted when a gap closes (Almeida, Shoker,
// Baquero 2018, §7.2). Here both are one: per replica the runs of sequences
// seen, of which one that starts at 1 is the vector's entry. A gap costs one
// run, however long what follows it; without gaps the size is that of a
// version vector.
//
// The invariants (see Validate), which make equal contexts equal values:
//
//	D1  no replica is zero, and each has at least one run
//	D2  the runs of each replica ascend, and neither overlap nor touch (U1, U2)
//
// The zero DotContext has seen nothing and is ready for use. A DotContext must
// not be copied after first use (see Clone), nor be used concurrently with a
// method that writes to it.
type DotContext struct {
	seen map[ReplicaID]runs
}

// LoadDotContext puts a context together again from what Runs gave, as a
// decoder does. Its errors wrap ErrInvalid.
func LoadDotContext(all iter.Seq2[ReplicaID, Run]) (*DotContext, error) {
	c := &DotContext{seen: map[ReplicaID]runs{}}
	for r, x := range all {
		c.seen[r] = append(c.seen[r], x)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// Covers reports whether the event d has been seen. O(log gaps).
func (c *DotContext) Covers(d Dot) bool {
	return c.seen[d.Replica].covers(Run{d.Sequence, d.Sequence})
}

// Insert records that the event d has been seen. It panics if d is invalid.
func (c *DotContext) Insert(d Dot) {
	if err := d.Validate(); err != nil {
		panic("crdt: insert: " + err.Error())
	}
	c.insert(d.Replica, Run{d.Sequence, d.Sequence})
}

func (c *DotContext) insert(r ReplicaID, x Run) {
	if c.seen == nil {
		c.seen = map[ReplicaID]runs{}
	}
	c.seen[r] = c.seen[r].insert(x)
}

// InsertVector records that everything covered by a version vector has been
// seen.
func (c *DotContext) InsertVector(vector Context) {
	for r, sequence := range vector {
		c.insert(r, Run{1, sequence})
	}
}

// Next returns the dot of the next event of r: one beyond the largest seen, so
// that a replica that has all its own events never issues a dot twice. It
// panics if r is zero or has used up its sequences.
func (c *DotContext) Next(r ReplicaID) Dot {
	var last uint64
	if u := c.seen[r]; len(u) > 0 {
		last = u[len(u)-1].Last
	}
	if r.IsZero() || last == math.MaxUint64 {
		panic(fmt.Sprintf("crdt: replica %s has no next event after %d", r, last))
	}
	return Dot{Replica: r, Sequence: last + 1}
}

// Join makes c see everything that other has seen. O(runs of other), and more
// by the runs of a replica where a gap opens or closes.
func (c *DotContext) Join(other *DotContext) {
	for r, u := range other.seen {
		for _, x := range u {
			c.insert(r, x)
		}
	}
}

// Leq reports whether other has seen everything that c has seen.
func (c *DotContext) Leq(other *DotContext) bool {
	for r, u := range c.seen {
		for _, x := range u {
			if !other.seen[r].covers(x) {
				return false
			}
		}
	}
	return true
}

// Equal reports whether c and other have seen the same events.
func (c *DotContext) Equal(other *DotContext) bool {
	return maps.EqualFunc(c.seen, other.seen, slices.Equal[runs])
}

// IsZero reports whether nothing has been seen.
func (c *DotContext) IsZero() bool { return len(c.seen) == 0 }

// Clone returns an independent copy of c.
func (c *DotContext) Clone() *DotContext {
	clone := &DotContext{}
	clone.Join(c)
	return clone
}

// Vector returns what has been seen without a gap: the largest version vector
// that c covers.
func (c *DotContext) Vector() Context {
	vector := NewContext()
	for r, u := range c.seen {
		if u[0].First == 1 {
			vector[r] = u[0].Last
		}
	}
	return vector
}

// Len returns how many events have been seen, or the largest uint64 if they
// are even more.
func (c *DotContext) Len() uint64 {
	var n uint64
	for _, u := range c.seen {
		for _, x := range u {
			more := x.Last - x.First + 1
			if more == 0 || n > math.MaxUint64-more {
				return math.MaxUint64
			}
			n += more
		}
	}
	return n
}

// Runs iterates over what has been seen, by replica and then by sequence.
func (c *DotContext) Runs() iter.Seq2[ReplicaID, Run] {
	return func(yield func(ReplicaID, Run) bool) {
		for _, r := range slices.SortedFunc(maps.Keys(c.seen), ReplicaID.Compare) {
			for _, x := range c.seen[r] {
				if !yield(r, x) {
					return
				}
			}
		}
	}
}

// dots iterates over the events seen, ascending.
func (c *DotContext) dots() iter.Seq[Dot] {
	return func(yield func(Dot) bool) {
		for r, x := range c.Runs() {
			for i := range x.Last - x.First + 1 {
				if !yield(Dot{r, x.First + i}) {
					return
				}
			}
		}
	}
}

// String returns the runs as "replica:first-last", ascending, separated by
// spaces.
func (c *DotContext) String() string {
	var parts []string
	for r, x := range c.Runs() {
		parts = append(parts, r.String()+":"+x.String())
	}
	return strings.Join(parts, " ")
}

// Validate reports which invariant c violates, or nil.
func (c *DotContext) Validate() error {
	for r, u := range c.seen {
		if r.IsZero() || len(u) == 0 {
			return fmt.Errorf("%w context: D1: replica %s has %d runs", ErrInvalid, r, len(u))
		}
		if err := u.validate(); err != nil {
			return fmt.Errorf("context of replica %s: D2: %w", r, err)
		}
	}
	return nil
}
