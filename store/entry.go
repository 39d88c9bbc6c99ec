package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// entryReader reads the entries of a transaction: a delta.Reader.
type entryReader struct{ entries *table }

// Get implements delta.Reader.
func (r entryReader) Get(k delta.Key) (delta.Entry, error) {
	key := []byte(k)
	payload, err := r.entries.get(key)
	if err != nil || payload == nil {
		return delta.Entry{}, err
	}
	e, err := delta.DecodeEntry(k, payload)
	return e, corrupt("entries", err)
}

// Scan implements delta.Reader.
func (r entryReader) Scan(s delta.Span, visit func(delta.Entry) error) error {
	return r.entries.each([]byte(s.From), []byte(s.To), func(key, payload []byte) error {
		e, err := delta.DecodeEntry(delta.Key(key), payload)
		if err != nil {
			return corrupt("entries", err)
		}
		return visit(e)
	})
}

// writeEntries makes the entries after a commit part of the table.
func writeEntries(t *table, changes []delta.EntryChange) error {
	for _, x := range changes {
		var err error
		if x.After.IsZero() {
			err = t.delete([]byte(x.Key))
		} else {
			err = t.put([]byte(x.Key), delta.EncodeEntry(x.After))
		}
		if err != nil {
			return fmt.Errorf("write entry: %w", err)
		}
	}
	return nil
}
