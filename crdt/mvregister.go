package crdt

import (
	"fmt"
	"iter"
	"maps"
)

// MVRegister is a multi-value register: a Write replaces the values that its
// replica had observed, so concurrent Writes are all kept until some replica
// that has seen them writes again. No clock picks a winner.
//
// Write and Clear change the register and return the delta that does the same
// to any other replica, by Join, in any order and any number of times. The
// invariants are S1 and S2 of the store of dots within. Values are never
// copied, and must not be changed once written.
//
// The zero MVRegister has no value and is ready for use; a nil one may only be
// joined to. It must not be copied after first use (see Clone), nor be used
// concurrently with a method that writes to it.
type MVRegister[V any] struct {
	store dotStore[V]
}

// LoadMVRegister puts a register together again from what Seen and All gave,
// as a decoder does. Its errors wrap ErrInvalid.
func LoadMVRegister[V any](seen *DotContext, live iter.Seq2[Dot, V]) (*MVRegister[V], error) {
	store, err := loadDotStore(seen, live)
	if err != nil {
		return nil, err
	}
	return &MVRegister[V]{store}, nil
}

// Write replaces every value observed here by v, as the next event of r. It
// panics if r is zero.
func (g *MVRegister[V]) Write(r ReplicaID, v V) *MVRegister[V] {
	delta := &MVRegister[V]{g.store.writing(r, v, maps.Keys(g.store.live))}
	g.Join(delta)
	return delta
}

// Clear takes every value observed here. The delta is zero if there is none.
func (g *MVRegister[V]) Clear() *MVRegister[V] {
	delta := g.Releasing()
	g.Join(delta)
	return delta
}

// Releasing returns the delta of Clear and leaves g alone.
func (g *MVRegister[V]) Releasing() *MVRegister[V] {
	return &MVRegister[V]{g.store.taking(maps.Keys(g.store.live))}
}

// Join makes g the least upper bound of g and other and returns it; other is
// left alone and may be nil. If g is nil, a new register is returned.
func (g *MVRegister[V]) Join(other *MVRegister[V]) *MVRegister[V] {
	if g == nil {
		g = &MVRegister[V]{}
	}
	if other != nil {
		ignore := func(Dot, V) {}
		g.store.join(&other.store, ignore, ignore)
	}
	return g
}

// Values returns the values that no Write has replaced, ascending by the dots
// of their Writes: equal states read the same everywhere. Concurrent Writes of
// one value yield it more than once.
func (g *MVRegister[V]) Values() []V {
	values := make([]V, 0, len(g.store.live))
	for _, v := range g.store.all() {
		values = append(values, v)
	}
	return values
}

// IsVisible reports whether the register has a value.
func (g *MVRegister[V]) IsVisible() bool { return len(g.store.live) > 0 }

// IsZero reports whether g is the least of all states, as a delta that changes
// nothing. A register that has lost its values is empty, but not zero.
func (g *MVRegister[V]) IsZero() bool { return g.store.isZero() }

// Equal reports whether g and other are the same state: the same Writes seen
// and live. A dot names one Write, so values are not compared.
func (g *MVRegister[V]) Equal(other *MVRegister[V]) bool { return g.store.equal(&other.store) }

// Clone returns an independent copy of g.
func (g *MVRegister[V]) Clone() *MVRegister[V] { return new(MVRegister[V]).Join(g) }

// Seen returns a copy of the context of all events that g has seen.
func (g *MVRegister[V]) Seen() *DotContext { return g.store.seen.Clone() }

// All iterates over the live Writes, ascending by dot.
func (g *MVRegister[V]) All() iter.Seq2[Dot, V] { return g.store.all() }

// Validate reports which invariant g violates, or nil.
func (g *MVRegister[V]) Validate() error {
	if err := g.store.validate(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}
