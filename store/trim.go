package store

import (
	"slices"

	"github.com/scalesmall/ssnode/compaction"
)

// trimChunk is how many records one transaction of Trim deletes: writers get
// their turn between two.
const trimChunk = 4096

// Mark is a record that was trimmed.
type Mark struct {
	Index     uint64
	AppliedAt int64
}

func (m Mark) later(other Mark) Mark {
	return Mark{Index: max(m.Index, other.Index), AppliedAt: max(m.AppliedAt, other.AppliedAt)}
}

// Trim deletes the records that a plan drops, and remembers what histories
// lack from then on. Records that are no longer there are passed over, so a
// plan that was cut short may be carried out again. Neither state nor context
// changes.
func (s *Store) Trim(p compaction.Plan) error {
	for drops := range slices.Chunk(p.Drop, trimChunk) {
		if err := s.trim(drops); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) trim(drops []compaction.Drop) error {
	return s.transact(transaction{fill: func(t *tables) (state, error) {
		next, holes := s.tip.state, holeSet{}
		for _, d := range drops {
			if err := t.dropRecord(&next, &holes, d); err != nil {
				return state{}, err
			}
		}
		if next.logRecords == s.tip.state.logRecords {
			return state{}, errNothing
		}
		if err := holes.write(&t.holes); err != nil {
			return state{}, err
		}
		return next, t.putState(next)
	}})
}

// dropRecord deletes one record and its place in the index by dot. One of the
// tail is first put where it belongs.
func (t *tables) dropRecord(s *state, holes *holeSet, d compaction.Drop) error {
	key := indexKey(d.Index)
	payload, err := t.getRecord(s, d.Index)
	if err != nil || payload == nil {
		return err
	}
	r, err := decodeRecord(key, payload)
	if err != nil {
		return err
	}
	if r.Index >= s.indexed {
		if err := t.moveTail(s); err != nil {
			return err
		}
	}
	holes.addTouches(r.Delta.Delta)
	if err := t.log.delete(key); err != nil {
		return err
	}
	if err := t.dots.delete(dotKey(r.Delta.Dot(0))); err != nil {
		return err
	}
	s.logRecords--
	s.logBytes -= r.Bytes
	s.trimmed[d.Class] = s.trimmed[d.Class].later(Mark{Index: r.Index, AppliedAt: r.AppliedAt})
	return nil
}
