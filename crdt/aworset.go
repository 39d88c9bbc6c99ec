package crdt

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// AWORSet is an add-wins observed-remove set: a Remove takes the Adds that its
// replica had observed, and an Add that it had not observed stands. It keeps
// no tombstones. Its size is that of its elements, and per element as many
// dots as there are concurrent Adds of it, plus a context of one run per
// replica and gap.
//
// Add, Remove and Clear change the set and return the delta that does the
// same to any other replica, by Join, in any order and any number of times.
// Deltas joined to each other are deltas again.
//
// Its invariants, beside S1 and S2 of the store of dots within:
//
//	A1  the index by element lists exactly the live dots, each list ascending
//	    and not empty
//	A2  no element is NaN, which would equal nothing, not even itself
//
// The zero AWORSet is empty and ready for use; a nil one may only be joined
// to. It must not be copied after first use (see Clone), nor be used
// concurrently with a method that writes to it.
type AWORSet[E cmp.Ordered] struct {
	store dotStore[E]
	dots  map[E][]Dot
}

// LoadAWORSet puts a set together again from what Seen and All gave, as a
// decoder does. Its errors wrap ErrInvalid.
func LoadAWORSet[E cmp.Ordered](seen *DotContext, live iter.Seq2[Dot, E]) (*AWORSet[E], error) {
	store, err := loadDotStore(seen, live)
	if err != nil {
		return nil, err
	}
	s := indexed(store)
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// indexed returns the set of a store, which it takes over.
func indexed[E cmp.Ordered](store dotStore[E]) *AWORSet[E] {
	s := &AWORSet[E]{store: store}
	for d, e := range store.live {
		s.came(d, e)
	}
	return s
}

// Add adds e as the next event of r, replacing the Adds of e observed here. It
// panics if e is NaN or r is zero.
func (s *AWORSet[E]) Add(r ReplicaID, e E) *AWORSet[E] {
	if isNaN(e) {
		panic("crdt: NaN cannot be an element of a set")
	}
	return s.apply(s.store.writing(r, e, slices.Values(s.dots[e])))
}

// Remove takes every Add of e observed here. The delta is zero if e is not in
// the set.
func (s *AWORSet[E]) Remove(e E) *AWORSet[E] {
	return s.apply(s.store.taking(slices.Values(s.dots[e])))
}

// Clear takes every Add observed here.
func (s *AWORSet[E]) Clear() *AWORSet[E] {
	delta := s.Releasing()
	s.Join(delta)
	return delta
}

// Releasing returns the delta of Clear and leaves s alone.
func (s *AWORSet[E]) Releasing() *AWORSet[E] {
	return indexed(s.store.taking(maps.Keys(s.store.live)))
}

func (s *AWORSet[E]) apply(store dotStore[E]) *AWORSet[E] {
	delta := indexed(store)
	s.Join(delta)
	return delta
}

// Join makes s the least upper bound of s and other and returns it; other is
// left alone and may be nil. If s is nil, a new set is returned. It costs
// O(len(other)) plus the smaller of len(s) and the number of events that other
// has seen.
func (s *AWORSet[E]) Join(other *AWORSet[E]) *AWORSet[E] {
	if s == nil {
		s = &AWORSet[E]{}
	}
	if other != nil {
		s.store.join(&other.store, s.came, s.went)
	}
	return s
}

// came and went keep the index while dots come and go.
func (s *AWORSet[E]) came(d Dot, e E) {
	if s.dots == nil {
		s.dots = map[E][]Dot{}
	}
	i, _ := slices.BinarySearchFunc(s.dots[e], d, Dot.Compare)
	s.dots[e] = slices.Insert(s.dots[e], i, d)
}

func (s *AWORSet[E]) went(d Dot, e E) {
	if len(s.dots[e]) == 1 {
		delete(s.dots, e)
		return
	}
	i, _ := slices.BinarySearchFunc(s.dots[e], d, Dot.Compare)
	s.dots[e] = slices.Delete(s.dots[e], i, i+1)
}

// Contains reports whether e is in the set.
func (s *AWORSet[E]) Contains(e E) bool {
	_, ok := s.dots[e]
	return ok
}

// Len returns the number of elements.
func (s *AWORSet[E]) Len() int { return len(s.dots) }

// Elements returns the elements, ascending.
func (s *AWORSet[E]) Elements() []E { return slices.Sorted(maps.Keys(s.dots)) }

// IsVisible reports whether the set has an element.
func (s *AWORSet[E]) IsVisible() bool { return len(s.dots) > 0 }

// IsZero reports whether s is the least of all states, as a delta that changes
// nothing. A set that has lost its elements is empty, but not zero.
func (s *AWORSet[E]) IsZero() bool { return s.store.isZero() }

// Equal reports whether s and other are the same state, which is more than
// having the same elements.
func (s *AWORSet[E]) Equal(other *AWORSet[E]) bool { return s.store.equal(&other.store) }

// Clone returns an independent copy of s.
func (s *AWORSet[E]) Clone() *AWORSet[E] { return new(AWORSet[E]).Join(s) }

// Seen returns a copy of the context of all events that s has seen.
func (s *AWORSet[E]) Seen() *DotContext { return s.store.seen.Clone() }

// All iterates over the live Adds, ascending by dot. An element comes up once
// for each of its concurrent Adds.
func (s *AWORSet[E]) All() iter.Seq2[Dot, E] { return s.store.all() }

// Validate reports which invariant s violates, or nil.
func (s *AWORSet[E]) Validate() error {
	if err := s.store.validate(); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	listed := 0
	for e, dots := range s.dots {
		if isNaN(e) {
			return fmt.Errorf("%w set: A2: NaN is an element", ErrInvalid)
		}
		if len(dots) == 0 || !slices.IsSortedFunc(dots, Dot.Compare) {
			return fmt.Errorf("%w set: A1: element %v lists %v", ErrInvalid, e, dots)
		}
		for _, d := range dots {
			if added, ok := s.store.live[d]; !ok || added != e {
				return fmt.Errorf("%w set: A1: element %v lists the dot %s, which is not its own", ErrInvalid, e, d)
			}
		}
		listed += len(slices.Compact(slices.Clone(dots)))
	}
	if listed != len(s.store.live) {
		return fmt.Errorf("%w set: A1: %d dots are live, %d are listed", ErrInvalid, len(s.store.live), listed)
	}
	return nil
}

func isNaN[E cmp.Ordered](e E) bool { return e != e }
