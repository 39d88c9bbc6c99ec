package delta_test

import (
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// history is the oracle: all events that were ever committed anywhere. It knows
// of each Release up to where it had observed every origin, and nothing of
// records, eras, totals, watermarks, contexts or joins. What a claim shows
// follows from the definition alone: what lives is what no Release had
// observed. A Close, or an Add to a record of which a part is released, only
// passes on what Releases did, to those who have yet to see them; of all events
// together it says nothing new, and there it is ignored.
type history struct {
	deltas []delta.Packed // in the order in which they were committed
	claims map[delta.Key][]happening
	nodes  []delta.NodeRecord
	issued sequences
	// late are the claims to which a forgotten replica had contributed
	// something that some replica had not seen when it was forgotten, or did so
	// afterwards. Of these the released base may come back.
	late map[delta.Key]bool
	// forgotten are the replicas that were retired.
	forgotten map[crdt.ReplicaID]bool
}

// happening is one event as the oracle sees it.
type happening struct {
	origin   crdt.ReplicaID
	sequence uint64
	// adds says that it is a Register of amount or an Increase by by, negative
	// for a Decrease.
	adds       bool
	by, amount int64
	// observed are the events that it says are released, each standing for all
	// of that origin before it; hearsay says that others released them.
	observed []crdt.Dot
	hearsay  bool
}

// sequences are a context as an array: the index is that of replicaID.
type sequences [idsMax]uint64

const idsMax = 64

func index(id crdt.ReplicaID) int { return int(id[1]) }

func sequencesOf(c crdt.Context) *sequences {
	var s sequences
	for id, sequence := range c {
		s[index(id)] = sequence
	}
	return &s
}

func newHistory() *history {
	return &history{claims: map[delta.Key][]happening{}, late: map[delta.Key]bool{}, forgotten: map[crdt.ReplicaID]bool{}}
}

// record notes a delta that was committed by its origin.
func (h *history) record(p delta.Packed) {
	h.deltas = append(h.deltas, p)
	h.issued[index(p.Origin)] = p.Last()
	for i, e := range p.Events {
		k := e.Key()
		x := happening{origin: p.Origin, sequence: p.Dot(i).Sequence}
		switch e.Kind {
		case delta.Add:
			x.adds, x.by = true, e.By
			if w := e.Contribution().Watermark; w > 0 {
				x.hearsay, x.observed = true, []crdt.Dot{{Replica: p.Origin, Sequence: w}}
			}
			if e.By == 0 {
				x.amount = e.Contribution().Amount
			}
		case delta.Release:
			for _, mark := range e.Released() {
				x.observed = append(x.observed, crdt.Dot{Replica: mark.Origin, Sequence: mark.Last})
			}
		case delta.Close:
			x.hearsay, x.observed = true, []crdt.Dot{p.Dot(i)}
		case delta.Advertise:
			h.nodes = append(h.nodes, *e.Node)
			continue
		default:
			continue
		}
		h.claims[k] = append(h.claims[k], x)
		if h.forgotten[p.Origin] {
			h.late[k] = true
		}
	}
}

// forget notes that replicas are retired while contexts are those of all that
// there are.
func (h *history) forget(ids []crdt.ReplicaID, contexts []crdt.Context) {
	for _, id := range ids {
		if h.forgotten[id] {
			continue
		}
		h.forgotten[id] = true
		for k, events := range h.claims {
			for _, x := range events {
				if x.origin == id && !coveredByAll(x, contexts) {
					h.late[k] = true
				}
			}
		}
	}
}

func coveredByAll(x happening, contexts []crdt.Context) bool {
	return !slices.ContainsFunc(contexts, func(c crdt.Context) bool { return c.Get(x.origin) < x.sequence })
}

// touchedByForgotten reports whether a forgotten replica has contributed to a
// claim: of these, replicas may differ until they are repaired.
func (h *history) touchedByForgotten(k delta.Key) bool {
	if len(h.forgotten) == 0 {
		return false
	}
	return slices.ContainsFunc(h.claims[k], func(x happening) bool { return h.forgotten[x.origin] })
}

// final returns what everybody must show once all events are seen.
func (h *history) final(k delta.Key) int64 {
	events := slices.Clone(h.claims[k])
	for i := range events {
		if events[i].hearsay {
			events[i].observed = nil
		}
	}
	return (&history{claims: map[delta.Key][]happening{k: events}}).value(k, &h.issued)
}

// value returns what one who has seen just the given events must show.
func (h *history) value(k delta.Key, seen *sequences) int64 {
	var registered, sum int64
	visible := false
	events := h.claims[k]
	for i := range events {
		x := &events[i]
		if !x.adds || x.sequence > seen[index(x.origin)] || isReleased(events, x, seen) {
			continue
		}
		registered = max(registered, x.amount)
		sum += x.by
		visible = visible || x.by >= 0
	}
	if !visible {
		return 0
	}
	return max(1, registered+sum)
}

// isReleased reports whether some seen event says that x is released.
func isReleased(events []happening, x *happening, seen *sequences) bool {
	for i := range events {
		r := &events[i]
		if r.sequence > seen[index(r.origin)] {
			continue
		}
		for _, o := range r.observed {
			if o.Replica == x.origin && o.Sequence >= x.sequence {
				return true
			}
		}
	}
	return false
}

// live returns of every origin the last contribution to a claim that one who
// has seen just the given events finds unreleased: what a Release by it must
// have observed. Ascending by origin.
func (h *history) live(k delta.Key, seen *sequences) []crdt.Dot {
	last := map[crdt.ReplicaID]uint64{}
	events := h.claims[k]
	for i := range events {
		x := &events[i]
		if x.adds && x.sequence <= seen[index(x.origin)] && !isReleased(events, x, seen) {
			last[x.origin] = max(last[x.origin], x.sequence)
		}
	}
	var dots []crdt.Dot
	for id, sequence := range last {
		dots = append(dots, crdt.Dot{Replica: id, Sequence: sequence})
	}
	slices.SortFunc(dots, crdt.Dot.Compare)
	return dots
}

// node returns the record that one who has seen just the given events must
// hold of a node.
func (h *history) node(name string, seen *sequences) delta.NodeRecord {
	var winner delta.NodeRecord
	for _, n := range h.nodes {
		if n.Name != name || n.Dot.Sequence > seen[index(n.Dot.Replica)] {
			continue
		}
		if n.Generation > winner.Generation || n.Generation == winner.Generation && n.Dot.Compare(winner.Dot) > 0 {
			winner = n
		}
	}
	return winner
}
