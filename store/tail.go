package store

import (
	"bytes"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

const (
	// tailBytesMax bounds what the bucket tail holds to one page: more would dirty
	// more than one in a commit, less would be moved more often.
	tailBytesMax = pageBytes
	// tailMax bounds its records; every search looks at each.
	tailMax = 64
	// tailShare is how many commits should find room in it: what larger ones write
	// would be put twice for nothing.
	tailShare = 2
	// chunkBit is set in the keys of chunks, which so come behind the records.
	chunkBit = 1 << 63
	// chunkOverheadBytes is about what a chunk takes beside its payload: a key, a
	// checksum and its place in a page.
	chunkOverheadBytes = indexBytes + checksumBytes + 16
)

// tail are the places of the newest records, ascending by index, that are not in
// the log and the index by dot yet, but in the bucket tail, which is one page and
// has what small commits have written last: records, and chunks of images. To put
// everything where it belongs at once would dirty six pages more in every commit,
// or eight where these trees are deep. It is moved there together when the next
// does not fit, or when one of the records is trimmed:
//
//	S6  Of the records below state.indexed the log has the deltas and the index
//	    by dot has the places, and of no others; the bucket tail has those from
//	    there on, and state.tail their places.
//	S15 The bucket fresh has the chunks below state.moved, the bucket tail those
//	    from there on.
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

// makeRoom has what is written for frames, so many records and their images, put into the
// tail, or, where it is much for that, at once where it belongs.
func (t *tables) makeRoom(s *state, frames []*frame, records int) error {
	size := uint64(0)
	for _, f := range frames {
		size += f.bytes
		for i := range f.images {
			size += uint64(f.images[i].bytes()) + chunkOverheadBytes
		}
	}
	t.direct = !t.isRoom(records, size*tailShare)
	if !t.direct && t.isRoom(len(s.tail)+records, s.tailBytes+size) || size == 0 {
		return nil
	}
	return t.moveTail(s)
}

func (t *tables) isRoom(records int, bytes uint64) bool {
	return records <= t.tailMax && bytes <= tailBytesMax
}

// putRecord puts a record at the end of the tail, or of the log. It does not keep the
// payload.
func (t *tables) putRecord(s *state, p place, payload []byte) error {
	if t.direct {
		s.indexed = p.index + 1
		return t.bundle(p, payload)
	}
	s.tail, s.tailBytes = append(s.tail, p), s.tailBytes+recordBytes(len(payload))
	return t.tail.put(indexKey(p.index), payload)
}

// putChunk puts the next chunk at the end of the tail, or of the bucket fresh.
func (t *tables) putChunk(s *state, payload unsealed) error {
	number := s.fresh.next
	s.fresh.next++
	if t.direct {
		s.moved = s.fresh.next
		return t.fresh.seal(indexKey(number), payload)
	}
	s.tailBytes += chunkTakes(payload.payload())
	return t.tail.seal(chunkKey(number), payload)
}

// deleteChunk deletes the first chunk, wherever it is.
func (t *tables) deleteChunk(s *state, number uint64) error {
	if number < s.moved {
		return t.fresh.delete(indexKey(number))
	}
	key := chunkKey(number)
	payload, err := t.tail.get(key)
	if err != nil {
		return err
	}
	s.tailBytes, s.moved = s.tailBytes-chunkTakes(payload), number+1
	return t.tail.delete(key)
}

// chunkTakes returns what a chunk in the tail counts for.
func chunkTakes(payload []byte) uint64 { return uint64(len(payload)) + chunkOverheadBytes }

// chunkKey returns the key of a chunk in the bucket tail.
func chunkKey(number uint64) []byte { return indexKey(number | chunkBit) }

// isChunkKey reports whether that is what a key of the bucket tail is.
func isChunkKey(key []byte) bool { return len(key) == indexBytes && key[0]&(chunkBit>>56) != 0 }

// freshKey returns the key that a chunk of the bucket tail will have in fresh.
func freshKey(chunkKey []byte) []byte {
	key := bytes.Clone(chunkKey)
	key[0] &^= chunkBit >> 56
	return key
}

// moveTail puts everything in the tail where it belongs.
func (t *tables) moveTail(s *state) error {
	if err := t.moveRecords(s); err != nil {
		return err
	}
	if err := t.moveChunks(s); err != nil {
		return err
	}
	s.tailBytes = 0
	return nil
}

func (t *tables) moveChunks(s *state) error {
	for ; s.moved < s.fresh.next; s.moved++ {
		key := chunkKey(s.moved)
		payload, err := t.tail.get(key)
		if err == nil && payload == nil {
			err = fmt.Errorf("%w: the tail has no chunk %d of the newest entries", ErrCorrupt, s.moved)
		}
		if err == nil {
			err = t.fresh.put(freshKey(key), payload)
		}
		if err == nil {
			err = t.tail.delete(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) moveRecords(s *state) error {
	for _, p := range s.tail {
		key := indexKey(p.index)
		payload, err := t.tail.get(key)
		if err == nil && payload == nil {
			err = fmt.Errorf("%w: the tail of the log has no record %d", ErrCorrupt, p.index)
		}
		if err == nil {
			err = t.bundle(p, payload)
		}
		if err == nil {
			err = t.tail.delete(key)
		}
		if err != nil {
			return err
		}
	}
	s.tail, s.indexed = nil, s.logNext
	return t.endBundle()
}

// readTail completes a state by the records that the bucket tail has. A file of
// format 1 has none, and nothing behind the log.
func (t *tables) readTail(s *state) error {
	if s.indexed == s.logNext {
		return nil
	}
	return t.tail.each(nil, chunkKey(0), func(key, payload []byte) error {
		r, err := decodeKeyed(key, payload)
		if err == nil {
			s.tail, s.tailBytes = append(s.tail, r.place()), s.tailBytes+r.Bytes
		}
		return err
	})
}

// eachRecord calls visit for what is stored of every record from an index on,
// ascending.
func (t *tables) eachRecord(s *state, from uint64, visit func(index uint64, payload []byte) error) error {
	if from < s.indexed {
		if err := t.eachLogged(from, visit); err != nil {
			return err
		}
	}
	if len(s.tail) == 0 {
		return nil
	}
	return t.tail.each(indexKey(from), chunkKey(0), func(key, payload []byte) error {
		index, err := parseIndexKey(key)
		if err != nil {
			return err
		}
		return visit(index, payload)
	})
}

// eachLogged is eachRecord as far as the log goes.
func (t *tables) eachLogged(from uint64, visit func(index uint64, payload []byte) error) error {
	begin, _, err := t.log.lastUpTo(indexKey(from))
	if err != nil {
		return err
	}
	var room [][]byte // for the records of one bundle after the other
	return t.log.each(begin, nil, func(key, payload []byte) error {
		b, err := decodeBundleInto(room, key, payload)
		if err != nil {
			return err
		}
		room = b.records
		return b.each(from, visit)
	})
}

// getRecord returns what is stored of a record, nil if there is none.
func (t *tables) getRecord(s *state, index uint64) ([]byte, error) {
	if index < s.indexed {
		b, err := t.bundleOf(index)
		return b.payload(index), err
	}
	if len(s.tail) == 0 {
		return nil, nil
	}
	return t.tail.get(indexKey(index))
}
