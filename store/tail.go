package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// tailBytesMax bounds what the tail holds to one page: more would dirty more
	// than one in a commit, less would be moved to the log more often.
	tailBytesMax = pageBytes
	// tailMax bounds its records; every search looks at each.
	tailMax = 64
	// tailShare is how many commits should find room in it: larger ones would
	// have each record put twice for nothing.
	tailShare = 4
)

// tail are the places of the newest records, ascending by index, that are not in
// the log and the index by dot yet, but in a bucket of their own, which is one
// page. To put each record where it belongs at once would dirty four pages more
// in every commit, or six where these trees are deep. They are moved there
// together when the next ones do not fit, or when one of them is trimmed:
//
//	S6  Of the records below state.indexed the log has the deltas and the index
//	    by dot has the places, and of no others; the bucket tail has those from
//	    there on, and state.tail their places.
//
// A tail is appended to and replaced, never changed: who holds one keeps it.
type tail []place

// find returns the place of the delta that has an event, or the zero place.
func (t tail) find(d crdt.Dot) place {
	for i := len(t) - 1; i >= 0; i-- {
		p := &t[i]
		if p.dot.Sequence <= d.Sequence && d.Sequence <= p.last && p.dot.Replica == d.Replica {
			return *p
		}
	}
	return place{}
}

// makeRoom has the records of these deltas put into the tail, or, where they are
// much for that, at once where they belong.
func (t *tables) makeRoom(s *state, deltas []delta.Packed) error {
	bytes := uint64(0)
	for _, p := range deltas {
		bytes += recordBytes(len(p.Bytes) + recordHeadBytesMax)
	}
	t.direct = !t.isRoom(len(deltas), bytes*tailShare)
	if !t.direct && t.isRoom(len(s.tail)+len(deltas), s.tailBytes+bytes) || len(deltas) == 0 {
		return nil
	}
	return t.moveTail(s)
}

func (t *tables) isRoom(records int, bytes uint64) bool {
	return records <= t.tailMax && bytes <= tailBytesMax
}

// putRecord puts a record at the end of the tail, or of the log.
func (t *tables) putRecord(s *state, p place, record unsealed) error {
	if t.direct {
		s.indexed = p.index + 1
		return t.putInLog(p, record)
	}
	s.tail, s.tailBytes = append(s.tail, p), s.tailBytes+recordBytes(len(record.payload()))
	return t.tail.seal(indexKey(p.index), record)
}

func (t *tables) putInLog(p place, record unsealed) error {
	if err := t.log.seal(indexKey(p.index), record); err != nil {
		return err
	}
	return t.dots.seal(dotKey(p.dot), encodePlace(p))
}

// moveTail puts the records of the tail where they belong.
func (t *tables) moveTail(s *state) error {
	for _, p := range s.tail {
		key := indexKey(p.index)
		payload, err := t.tail.get(key)
		if err == nil && payload == nil {
			err = fmt.Errorf("%w: the tail of the log has no record %d", ErrCorrupt, p.index)
		}
		if err == nil {
			err = t.putInLog(p, unsealedOf(payload))
		}
		if err == nil {
			err = t.tail.delete(key)
		}
		if err != nil {
			return err
		}
	}
	s.tail, s.tailBytes, s.indexed = nil, 0, s.logNext
	return nil
}

// readTail completes a state by what the bucket tail has. A file of format 1 has
// none, and nothing behind the log.
func (t *tables) readTail(s *state) error {
	if s.indexed == s.logNext {
		return nil
	}
	return t.tail.each(nil, nil, func(key, payload []byte) error {
		r, err := decodeRecord(key, payload)
		if err == nil {
			s.tail, s.tailBytes = append(s.tail, r.place()), s.tailBytes+r.Bytes
		}
		return err
	})
}

// eachRecord calls visit for what is stored of every record from an index on,
// ascending.
func (t *tables) eachRecord(s *state, from uint64, visit func(key, payload []byte) error) error {
	if from < s.indexed {
		if err := t.log.each(indexKey(from), nil, visit); err != nil {
			return err
		}
	}
	if len(s.tail) == 0 {
		return nil
	}
	return t.tail.each(indexKey(from), nil, visit)
}

// getRecord returns what is stored of a record, nil if there is none.
func (t *tables) getRecord(s *state, index uint64) ([]byte, error) {
	if index < s.indexed {
		return t.log.get(indexKey(index))
	}
	if len(s.tail) == 0 {
		return nil, nil
	}
	return t.tail.get(indexKey(index))
}
