package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// entryReader reads the entries of an instant: a delta.Reader.
type entryReader struct {
	entries *table
	fresh   chunked
	// journaled has the images of fresh, and what frames have beyond the tables, which
	// have what is below a sequence.
	journaled journaled
	folded    uint64
}

// newEntryReader returns one of what the tables have and what is journaled.
func newEntryReader(entries *table, s *state, p *journaled) entryReader {
	return entryReader{entries, s.fresh, *p, s.journal.sequence}
}

func (t *tables) reader(s *state, p *journaled) entryReader { return newEntryReader(&t.entries, s, p) }

// Get implements delta.Reader.
func (r entryReader) Get(k delta.Key) (delta.Entry, error) {
	payload, err := r.payload(k)
	if err != nil || payload == nil {
		return delta.Entry{}, err
	}
	e, err := delta.DecodeValue(k, payload)
	return e, corrupt("entries", err)
}

// payload returns what is stored of an entry, nil if there is none (S7).
func (r entryReader) payload(k delta.Key) ([]byte, error) {
	if x := r.journaled.images.get(k); x != nil {
		return x.payload(), nil
	}
	return r.entries.get(r.entries.keyOf(k))
}

// Scan implements delta.Reader.
func (r entryReader) Scan(s delta.Span, visit func(delta.Entry) error) error {
	if s.IsEmpty() {
		return nil
	}
	return r.each(s, func(x storedEntry) error {
		payload, err := x.payload()
		if err != nil {
			return err
		}
		e, err := delta.DecodeEntry(delta.Key(x.key), payload)
		if err != nil {
			return corrupt("entries", err)
		}
		return visit(e)
	})
}

// storedEntry is what is stored of an entry: an image, or the sealed value in the
// bucket entries. It is valid until the transaction ends.
type storedEntry struct {
	key, sealed []byte
	image       *image
}

func (x storedEntry) payload() ([]byte, error) {
	if x.image != nil {
		return x.image.payload(), nil
	}
	return unseal(bucketEntries, x.key, x.sealed)
}

// each visits what is stored of the entries in a span, ascending (S7). What is
// behind delta.Whole it visits with that: it is damage, which is to be seen.
func (r entryReader) each(s delta.Span, visit func(storedEntry) error) error {
	m, err := r.merge(s.From)
	if err != nil {
		return err
	}
	for x, ok := m.next(); ok; x, ok = m.next() {
		if string(x.key) >= string(s.To) && s.To != delta.Whole.To {
			return nil
		}
		if x.image == nil && x.sealed == nil {
			return fmt.Errorf("%w: the bucket %s holds the bucket %x", ErrCorrupt, bucketEntries, x.key)
		}
		if x.image != nil && x.image.isGone() {
			continue // it is gone
		}
		if err := visit(x); err != nil {
			return err
		}
	}
	return nil
}

// ascend returns an ascent through the images that count, from a key on.
func (r *entryReader) ascend(from delta.Key) *ascent {
	a := newAscent(false)
	r.fresh.ascend(a, from)
	r.journaled.ascend(a, r.folded, from)
	a.begin()
	return a
}

// merge goes through the bucket entries and the images at the same time.
type merge struct {
	cursor      *bbolt.Cursor
	key, sealed []byte
	images      *ascent
	image       *image // the next of these, nil behind the last
}

func (r entryReader) merge(from delta.Key) (*merge, error) {
	cursor, err := r.entries.cursor()
	if err != nil {
		return nil, err
	}
	m := &merge{cursor: cursor, images: r.ascend(from)}
	m.key, m.sealed = cursor.Seek([]byte(from))
	m.image = m.images.next()
	return m, nil
}

// next returns what counts for the next key, false behind the last.
func (m *merge) next() (storedEntry, bool) {
	if m.key == nil && m.image == nil {
		return storedEntry{}, false
	}
	if m.key == nil || m.image != nil && string(m.image.key) <= string(m.key) {
		x := storedEntry{key: []byte(m.image.key), image: m.image}
		if string(m.key) == string(x.key) {
			m.key, m.sealed = m.cursor.Next()
		}
		m.image = m.images.next()
		return x, true
	}
	x := storedEntry{key: m.key, sealed: m.sealed}
	m.key, m.sealed = m.cursor.Next()
	return x, true
}
