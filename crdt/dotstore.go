package crdt

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// dotStore is the kernel of the types without tombstones: the payloads of the
// live events, each under its dot, beside the context of all events seen. An
// event that was seen and is not live was taken back; nothing else has to be
// kept about it. The literature calls it DotFun (Almeida, Shoker, Baquero
// 2018, §7); before that it was the optimized OR-set (Bieniusa et al. 2012).
//
//	S1  every live dot is covered by seen
//	S2  one dot names one payload, in every store there is
//
// S2 is what whoever issues dots promises; a store cannot check it.
type dotStore[T any] struct {
	live map[Dot]T
	seen DotContext
}

// join makes s the least upper bound of s and other, and calls came and went
// for every event that this made live and took back.
//
// An event stays live if it is live on both sides, or on one side while the
// other has not seen it; what one side has seen and no longer holds was taken
// back there. O(live of other + min(live of s, events seen by other)).
func (s *dotStore[T]) join(other *dotStore[T], came, went func(Dot, T)) {
	for _, d := range s.takenBack(other) {
		went(d, s.live[d])
		delete(s.live, d)
	}
	for d, payload := range other.live {
		if !s.seen.Covers(d) {
			s.put(d, payload)
			came(d, payload)
		}
	}
	s.seen.Join(&other.seen)
}

// takenBack returns the events live in s that other has seen and does not
// hold. It looks through whichever is shorter, since a delta has seen few
// events and a whole state holds few of those it has seen.
func (s *dotStore[T]) takenBack(other *dotStore[T]) []Dot {
	candidates := maps.Keys(s.live)
	if other.seen.Len() < uint64(len(s.live)) {
		candidates = other.seen.dots()
	}
	var taken []Dot
	for d := range candidates {
		if s.holds(d) && other.seen.Covers(d) && !other.holds(d) {
			taken = append(taken, d)
		}
	}
	return taken
}

func (s *dotStore[T]) holds(d Dot) bool {
	_, ok := s.live[d]
	return ok
}

func (s *dotStore[T]) put(d Dot, payload T) {
	if s.live == nil {
		s.live = map[Dot]T{}
	}
	s.live[d] = payload
}

// writing returns the delta of an event of r that bears payload and replaces
// the given live events.
func (s *dotStore[T]) writing(r ReplicaID, payload T, replaced iter.Seq[Dot]) dotStore[T] {
	delta := s.taking(replaced)
	d := s.seen.Next(r)
	delta.put(d, payload)
	delta.seen.Insert(d)
	return delta
}

// taking returns the delta that takes the given live events back.
func (s *dotStore[T]) taking(taken iter.Seq[Dot]) dotStore[T] {
	var delta dotStore[T]
	for d := range taken {
		delta.seen.Insert(d)
	}
	return delta
}

// isZero reports whether nothing has been seen; by S1 nothing is live then.
func (s *dotStore[T]) isZero() bool { return s.seen.IsZero() }

// equal reports whether two stores are the same state. By S2 payloads need not
// be compared.
func (s *dotStore[T]) equal(other *dotStore[T]) bool {
	if len(s.live) != len(other.live) || !s.seen.Equal(&other.seen) {
		return false
	}
	for d := range s.live {
		if !other.holds(d) {
			return false
		}
	}
	return true
}

// all iterates over the live events, ascending by dot.
func (s *dotStore[T]) all() iter.Seq2[Dot, T] {
	return func(yield func(Dot, T) bool) {
		for _, d := range slices.SortedFunc(maps.Keys(s.live), Dot.Compare) {
			if !yield(d, s.live[d]) {
				return
			}
		}
	}
}

// loadDotStore puts a store together again from what all and seen gave.
func loadDotStore[T any](seen *DotContext, live iter.Seq2[Dot, T]) (dotStore[T], error) {
	s := dotStore[T]{seen: *seen.Clone()}
	for d, payload := range live {
		if s.holds(d) {
			return dotStore[T]{}, fmt.Errorf("%w state: the dot %s is there twice", ErrInvalid, d)
		}
		s.put(d, payload)
	}
	if err := s.validate(); err != nil {
		return dotStore[T]{}, err
	}
	return s, nil
}

// validate reports which invariant s violates, or nil.
func (s *dotStore[T]) validate() error {
	if err := s.seen.Validate(); err != nil {
		return err
	}
	for d := range s.live {
		if !s.seen.Covers(d) {
			return fmt.Errorf("%w state: S1: the dot %s is live, but was not seen", ErrInvalid, d)
		}
	}
	return nil
}
