package crdt

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// AWORMap is an add-wins observed-remove map of lattice values that can be
// reset. A key is present as long as its value is visible. Remove resets the
// value as it was observed: an Update concurrent with it survives with exactly
// its own part, whether the part is an element of a set or an amount in a
// counter (Baquero, Almeida, Lerche 2016 describe what goes wrong otherwise).
//
// Update, Remove and Clear change the map and return the delta that does the
// same to any other replica, by Join, in any order and any number of times.
// The order of the map is that of its values, key by key, so each law of the
// values is one of the map.
//
// What a reset value leaves behind stays under its key, since an Update that
// was not observed may yet arrive and must find out what it is too late for.
// It does not grow with the number of operations: a PNCounter keeps one record
// for each origin that has touched it, a set or a register its context, one
// run for each replica and gap. To drop that too, one must know that nothing
// is on its way any more. Package delta does: it applies the events of each
// origin in order, so the origin itself can close its record. Its claim map is
// an AWORMap of PNCounters whose records are kept on disk.
//
// The invariants (see Validate):
//
//	M1  no value is zero, and every value is valid
//	M2  no key is NaN, which would equal nothing, not even itself
//
// The zero AWORMap is empty and ready for use; a nil one may only be joined
// to. It must not be copied after first use (see Clone), nor be used
// concurrently with a method that writes to it.
type AWORMap[K cmp.Ordered, V Resettable[V]] struct {
	values map[K]V
}

// LoadAWORMap puts a map together again from what All gave, as a decoder does.
// Its errors wrap ErrInvalid.
func LoadAWORMap[K cmp.Ordered, V Resettable[V]](values iter.Seq2[K, V]) (*AWORMap[K, V], error) {
	m := &AWORMap[K, V]{}
	for key, v := range values {
		if _, ok := m.values[key]; ok {
			return nil, fmt.Errorf("%w map: the key %v is there twice", ErrInvalid, key)
		}
		var zero V
		m.put(key, zero.Join(v))
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// Update changes the value of key. The given function gets the value, or one
// that nobody has touched, and returns the delta of the change; it may change
// what it got, if the methods of V do, but only by that delta. Update panics
// if key is NaN.
func (m *AWORMap[K, V]) Update(key K, change func(V) V) *AWORMap[K, V] {
	if isNaN(key) {
		panic("crdt: NaN cannot be a key of a map")
	}
	v, ok := m.values[key]
	if !ok {
		var zero V
		v = zero.Join(zero)
	}
	return m.apply(key, v, change(v))
}

// Remove resets the value of key as it is observed here, also where it is not
// visible. The delta is zero if there is nothing to take back.
func (m *AWORMap[K, V]) Remove(key K) *AWORMap[K, V] {
	v, ok := m.values[key]
	if !ok {
		return &AWORMap[K, V]{}
	}
	return m.apply(key, v, v.Releasing())
}

// apply makes v, joined with its delta, the value of key.
func (m *AWORMap[K, V]) apply(key K, v, delta V) *AWORMap[K, V] {
	var zero V
	part, out := zero.Join(delta), &AWORMap[K, V]{}
	if !part.IsZero() {
		out.put(key, part)
		m.put(key, v.Join(part))
	}
	return out
}

func (m *AWORMap[K, V]) put(key K, v V) {
	if m.values == nil {
		m.values = map[K]V{}
	}
	m.values[key] = v
}

// Clear resets every value as it is observed here.
func (m *AWORMap[K, V]) Clear() *AWORMap[K, V] {
	delta := m.Releasing()
	m.Join(delta)
	return delta
}

// Releasing returns the delta of Clear and leaves m alone.
func (m *AWORMap[K, V]) Releasing() *AWORMap[K, V] {
	delta := &AWORMap[K, V]{}
	for key, v := range m.values {
		if reset := v.Releasing(); !reset.IsZero() {
			delta.put(key, reset)
		}
	}
	return delta
}

// Join makes m the least upper bound of m and other and returns it; other is
// left alone and may be nil. If m is nil, a new map is returned. It costs as
// much as joining the values of other.
func (m *AWORMap[K, V]) Join(other *AWORMap[K, V]) *AWORMap[K, V] {
	if m == nil {
		m = &AWORMap[K, V]{}
	}
	if other != nil {
		for key, v := range other.values {
			m.put(key, m.values[key].Join(v))
		}
	}
	return m
}

// Get returns the value of key if it is present. A value that can be written
// to must only be changed by Update.
func (m *AWORMap[K, V]) Get(key K) (V, bool) {
	if v, ok := m.values[key]; ok && v.IsVisible() {
		return v, true
	}
	var zero V
	return zero, false
}

// Contains reports whether key is present.
func (m *AWORMap[K, V]) Contains(key K) bool {
	_, ok := m.Get(key)
	return ok
}

// Keys returns the keys that are present, ascending.
func (m *AWORMap[K, V]) Keys() []K {
	var keys []K
	for key, v := range m.All() {
		if v.IsVisible() {
			keys = append(keys, key)
		}
	}
	return keys
}

// All iterates over all keys and values, ascending by key, including those
// that are not present any more and only keep what was taken back.
func (m *AWORMap[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.values)) {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// IsVisible reports whether a key is present.
func (m *AWORMap[K, V]) IsVisible() bool {
	for _, v := range m.values {
		if v.IsVisible() {
			return true
		}
	}
	return false
}

// IsZero reports whether m is the least of all states, as a delta that changes
// nothing. A map that has lost its keys is empty, but not zero.
func (m *AWORMap[K, V]) IsZero() bool { return len(m.values) == 0 }

// Equal reports whether m and other are the same state, which is more than
// having the same keys and values.
func (m *AWORMap[K, V]) Equal(other *AWORMap[K, V]) bool {
	return maps.EqualFunc(m.values, other.values, V.Equal)
}

// Clone returns an independent copy of m.
func (m *AWORMap[K, V]) Clone() *AWORMap[K, V] { return new(AWORMap[K, V]).Join(m) }

// Validate reports which invariant m violates, or nil.
func (m *AWORMap[K, V]) Validate() error {
	for key, v := range m.values {
		switch {
		case isNaN(key):
			return fmt.Errorf("%w map: M2: NaN is a key", ErrInvalid)
		case v.IsZero():
			return fmt.Errorf("%w map: M1: the value of key %v is zero", ErrInvalid, key)
		}
		if err := v.Validate(); err != nil {
			return fmt.Errorf("map: M1: the value of key %v: %w", key, err)
		}
	}
	return nil
}
