package delta

import (
	"maps"
	"slices"
)

// Memory keeps entries in a map. It is the simplest Reader: tests and the
// simulator use it where a real store is not the point.
//
// The zero Memory is empty and ready to use.
type Memory struct {
	entries map[Key]Entry
	// sorted are the keys, ascending, or nil if they are to be sorted anew. It
	// is replaced, never changed, so clones share it.
	sorted []Key
}

// Get implements Reader.
func (m *Memory) Get(k Key) (Entry, error) { return m.entries[k], nil }

// Scan implements Reader. O(log n + visited), and O(n log n) once after keys
// have come or gone.
func (m *Memory) Scan(s Span, visit func(Entry) error) error {
	if m.sorted == nil {
		m.sorted = slices.Sorted(maps.Keys(m.entries))
	}
	first, _ := slices.BinarySearch(m.sorted, s.From)
	for _, k := range m.sorted[first:] {
		if k >= s.To {
			break
		}
		if err := visit(m.entries[k]); err != nil {
			return err
		}
	}
	return nil
}

// Write makes the entries of a commit part of m.
func (m *Memory) Write(e *Effects) {
	if m.entries == nil {
		m.entries = map[Key]Entry{}
	}
	for i := range e.Entries {
		x := &e.Entries[i]
		if !x.was || !x.is {
			m.sorted = nil
		}
		if x.is {
			m.entries[x.Key] = x.After()
		} else {
			delete(m.entries, x.Key)
		}
	}
}

// Clone returns an independent copy.
func (m *Memory) Clone() *Memory { return &Memory{entries: maps.Clone(m.entries), sorted: m.sorted} }
