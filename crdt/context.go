package crdt

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Context is a causal context as a version vector: for every replica the
// sequence up to which every event has been seen. An absent replica stands for
// sequence 0; no entry is ever stored as 0, so equal contexts are equal maps.
//
// The zero Context has seen nothing and may be read; it must be made with
// NewContext or Clone before it is written to. A Context is not safe for
// concurrent use while it is being written to.
//
// Contexts form a lattice: Leq is its order, Join its least upper bound and
// Meet its greatest lower bound (Mattern 1989; Fidge 1988).
type Context map[ReplicaID]uint64

// NewContext returns a context that has seen nothing.
func NewContext() Context { return Context{} }

// Get returns the sequence up to which every event of r has been seen.
func (c Context) Get(r ReplicaID) uint64 { return c[r] }

// Covers reports whether the event d has been seen.
func (c Context) Covers(d Dot) bool { return d.Sequence <= c[d.Replica] }

// Advance records that every event of r up to sequence has been seen. It never
// takes back what was seen before.
func (c Context) Advance(r ReplicaID, sequence uint64) {
	if sequence > c[r] {
		c[r] = sequence
	}
}

// Join makes c see everything that other has seen. O(len(other)).
func (c Context) Join(other Context) {
	for r, s := range other {
		c.Advance(r, s)
	}
}

// Meet returns what both c and other have seen. O(min(len(c), len(other))).
func (c Context) Meet(other Context) Context {
	if len(other) < len(c) {
		c, other = other, c
	}
	meet := NewContext()
	for r, s := range c {
		if low := min(s, other[r]); low > 0 {
			meet[r] = low
		}
	}
	return meet
}

// Leq reports whether other has seen everything that c has seen. O(len(c)).
func (c Context) Leq(other Context) bool {
	for r, s := range c {
		if s > other[r] {
			return false
		}
	}
	return true
}

// Equal reports whether c and other have seen the same events.
func (c Context) Equal(other Context) bool { return maps.Equal(c, other) }

// Clone returns an independent copy of c that can be written to.
func (c Context) Clone() Context {
	clone := make(Context, len(c))
	maps.Copy(clone, c)
	return clone
}

// Replicas returns the replicas of which something has been seen, ascending.
func (c Context) Replicas() []ReplicaID {
	all := slices.AppendSeq(make([]ReplicaID, 0, len(c)), maps.Keys(c))
	slices.SortFunc(all, ReplicaID.Compare)
	return all
}

// All iterates over the entries in ascending order of replica.
func (c Context) All() iter.Seq2[ReplicaID, uint64] {
	return func(yield func(ReplicaID, uint64) bool) {
		for _, r := range c.Replicas() {
			if !yield(r, c[r]) {
				return
			}
		}
	}
}

// String returns the entries as dots, ascending, separated by spaces.
func (c Context) String() string {
	var parts []string
	for r, s := range c.All() {
		parts = append(parts, Dot{r, s}.String())
	}
	return strings.Join(parts, " ")
}

// Validate reports an entry that stands for nothing, of replica or sequence
// zero, or nil.
func (c Context) Validate() error {
	for r, s := range c.All() {
		if err := (Dot{r, s}).Validate(); err != nil {
			return fmt.Errorf("context: %w", err)
		}
	}
	return nil
}
