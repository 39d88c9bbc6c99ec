package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Backfill adds events to the log that the context covers and the log lacks,
// for histories and for peers that ask. What is not covered, or in the log
// already, is passed over. It returns how many events were added. The state
// does not change, and holes that were noted stay noted: that everything was
// brought is not known here.
func (s *Store) Backfill(now int64, deltas []delta.Packed) (added int, err error) {
	err = s.changeAlone(func(t *tables, next state, replica *delta.Replica) (state, error) {
		added = 0
		if err := t.moveTail(&next); err != nil {
			return state{}, err
		}
		t.direct = true // they may be many
		for _, p := range deltas {
			missing, err := t.missing(t.pending.places, p.Delta, replica.Context)
			if err != nil {
				return state{}, err
			}
			for _, d := range missing {
				packed, err := delta.Pack(d)
				if err != nil {
					return state{}, err
				}
				if err := t.appendRecord(&next, now, packed); err != nil {
					return state{}, err
				}
				added += len(d.Events)
			}
		}
		if added == 0 {
			return state{}, errNothing
		}
		return next, nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// missing returns the runs of events of a delta that a context covers and the
// log lacks.
func (t *tables) missing(newest tail, d delta.Delta, seen crdt.Context) ([]delta.Delta, error) {
	var runs []delta.Delta
	begin := -1
	end := func(i int) {
		if begin >= 0 {
			runs = append(runs, d.Slice(begin, i))
		}
		begin = -1
	}
	for i := range d.Events {
		p, err := t.placeOf(newest, d.Dot(i))
		switch {
		case err != nil:
			return nil, err
		case p.index != 0 || !seen.Covers(d.Dot(i)):
			end(i)
		case begin < 0:
			begin = i
		}
	}
	end(len(d.Events))
	return runs, nil
}
