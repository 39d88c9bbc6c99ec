package compaction

import (
	"cmp"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Waiting counts the records of the state that are released and wait for
// their origin to close them: only it knows that no contribution to them is
// still on its way. Those of an origin that never comes back stay until it is
// forgotten. The zero Waiting is empty and ready to use:
//
//	var w compaction.Waiting
//	err := view.Scan(delta.ClaimSpan, w.Visit)
//	list := w.List()
type Waiting struct{ records map[crdt.ReplicaID]uint64 }

// Wait is a replica and the number of records that wait for it.
type Wait struct {
	Replica crdt.ReplicaID
	Records uint64
}

// Visit counts the records of an entry. It never fails.
func (w *Waiting) Visit(e delta.Entry) error {
	for _, x := range e.Counter {
		if !x.IsLive() {
			w.add(x.Origin)
		}
	}
	return nil
}

func (w *Waiting) add(origin crdt.ReplicaID) {
	if w.records == nil {
		w.records = map[crdt.ReplicaID]uint64{}
	}
	w.records[origin]++
}

// List returns for whom how much waits, the most first.
func (w *Waiting) List() []Wait {
	out := make([]Wait, 0, len(w.records))
	for replica, records := range w.records {
		out = append(out, Wait{Replica: replica, Records: records})
	}
	slices.SortFunc(out, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), a.Replica.Compare(b.Replica))
	})
	return out
}
