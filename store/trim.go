package store

import (
	"slices"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
)

// TrimChunk is how many records one transaction of Trim deletes: writers get
// their turn between two.
const TrimChunk = 4096

// Mark is a record that was trimmed.
type Mark struct {
	Index     uint64
	AppliedAt int64
}

func (m Mark) later(other Mark) Mark {
	return Mark{Index: max(m.Index, other.Index), AppliedAt: max(m.AppliedAt, other.AppliedAt)}
}

// Trim deletes the records that a plan drops, which ascend, and remembers what histories
// lack from then on. Records that are no longer there are passed over, so a
// plan that was cut short may be carried out again; what is journaled is folded all the
// same, since a trimming may come in place of a fold. Neither state nor context changes.
func (s *Store) Trim(p compaction.Plan) error {
	for drops := range slices.Chunk(p.Drop, TrimChunk) {
		if err := s.trim(drops); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) trim(drops []compaction.Drop) error {
	return s.changeBeside(func(t *tables, before state, _ *delta.Replica) (state, error) {
		next, holes := before, holeSet{}
		for left := drops; len(left) > 0; {
			n, err := t.dropSome(&next, &holes, left)
			if err != nil {
				return state{}, err
			}
			left = left[n:]
		}
		if next.logRecords == before.logRecords && before.journal == s.state.journal {
			return state{}, errNothing
		}
		return next, holes.write(&t.holes)
	})
}

// dropSome deletes the first of some records, and with it those that are in the same
// bundle, and returns how many that are. One of the tail is first put where it belongs.
func (t *tables) dropSome(s *state, holes *holeSet, drops []compaction.Drop) (n int, err error) {
	if drops[0].Index >= s.indexed {
		if payload, err := t.getRecord(s, drops[0].Index); err != nil || payload == nil {
			return 1, err
		}
		if err := t.moveTail(s); err != nil {
			return 0, err
		}
	}
	b, err := t.bundleOf(drops[0].Index)
	if err != nil || b.payload(drops[0].Index) == nil {
		return 1, err
	}
	outlines, err := b.outlines()
	if err != nil {
		return 0, err
	}
	places := placesOf(outlines)
	for n < len(drops) && b.has(drops[n].Index) {
		for len(outlines) > 0 && outlines[0].Index < drops[n].Index {
			outlines = outlines[1:]
		}
		if len(outlines) > 0 && outlines[0].Index == drops[n].Index {
			s.drop(holes, b, &outlines[0], drops[n].Class)
			outlines = outlines[1:]
		}
		n++
	}
	return n, t.replaceBundle(b, places)
}

// drop takes a record out of its bundle.
func (s *state) drop(holes *holeSet, b bundled, o *Outlined, c compaction.Class) {
	b.records[o.Index-b.first] = nil
	holes.addTouches(o.Delta.Touches)
	s.logRecords--
	s.logBytes -= o.Bytes
	s.trimmed[c] = s.trimmed[c].later(Mark{Index: o.Index, AppliedAt: o.AppliedAt})
}
