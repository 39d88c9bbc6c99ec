package delta

import (
	"maps"
	"slices"
)

// Memory keeps entries in a map. It is the simplest Reader: tests and the
// simulator use it where a real store is not the point.
//
// The zero Memory is empty and ready to use.
type Memory struct{ entries map[Key]Entry }

// Get implements Reader.
func (m *Memory) Get(k Key) (Entry, error) { return m.entries[k], nil }

// Scan implements Reader. O(n log n).
func (m *Memory) Scan(s Span, visit func(Entry) error) error {
	for _, k := range slices.Sorted(maps.Keys(m.entries)) {
		if s.Contains(k) {
			if err := visit(m.entries[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write makes the entries of a commit part of m.
func (m *Memory) Write(e *Effects) {
	if m.entries == nil {
		m.entries = map[Key]Entry{}
	}
	for _, x := range e.Entries {
		if x.After.IsZero() {
			delete(m.entries, x.Key)
		} else {
			m.entries[x.Key] = x.After
		}
	}
}

// Clone returns an independent copy.
func (m *Memory) Clone() *Memory { return &Memory{entries: maps.Clone(m.entries)} }
