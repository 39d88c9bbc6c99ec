package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

// tailMax is how many records may wait for their places in the index by dot.
// More save little, and cost every search a look at each.
const tailMax = 256

// tail are the places of the newest records of the log, ascending by index,
// that are not in the index by dot yet. To put each there with its record would
// dirty two pages more in every commit; so they are put there together when
// they are tailMax, or when one of them is trimmed. Until then they are known
// in memory, and after a restart from the log:
//
//	S6  The index by dot has a place for every record of the log below
//	    state.indexed, and for no other; state.tail has those of all others.
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

// addToTail notes the place of a record that was put at the end of the log.
func (t *tables) addToTail(s *state, p place) error {
	s.tail = append(s.tail, p)
	if len(s.tail) < t.tailMax {
		return nil
	}
	return t.indexTail(s)
}

// indexTail puts the tail into the index by dot.
func (t *tables) indexTail(s *state) error {
	for _, p := range s.tail {
		if err := t.dots.put(dotKey(p.dot), encodePlace(p)); err != nil {
			return err
		}
	}
	s.tail, s.indexed = nil, s.logNext
	return nil
}

// readTail reads from the log what the index by dot does not have. O(tailMax).
func (t *tables) readTail(indexed uint64) (tail, error) {
	var out tail
	err := t.log.each(indexKey(indexed), nil, func(key, payload []byte) error {
		r, err := decodeRecord(key, payload)
		if err == nil {
			out = append(out, r.place())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is not in the index by dot: %w", err)
	}
	return out, nil
}
