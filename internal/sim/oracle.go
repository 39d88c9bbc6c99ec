package sim

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// oracle knows every event that was ever durable anywhere, and nothing of
// records, eras, totals, watermarks, contexts or joins. What a claim shows
// follows from the definition alone: what lives is what no Release had
// observed.
type oracle struct {
	// numbers index the replicas, in the order in which they were first seen.
	numbers map[crdt.ReplicaID]int
	ids     []crdt.ReplicaID
	// issued is up to where each replica has issued events.
	issued sequences
	// events are those first issued under a dot, again any others.
	events map[crdt.Dot]delta.Event
	again  map[crdt.Dot][]delta.Event
	claims map[delta.Key][]happening
	// forgotten are the replicas that were forgotten, numbered from 1 on.
	forgotten map[crdt.ReplicaID]int
	// late are the claims to which a forgotten replica had contributed what
	// some replica had not seen when it was forgotten, or did so afterwards. Of
	// these the released base may come back.
	late map[delta.Key]bool
	// disputed are the keys that events are about of which others bear the dot.
	disputed map[delta.Key]bool
	// lost says of a replica that its last events may be lost, but none up to
	// the sequence. unsafe are replicas whose directory was rolled back.
	lost   map[int]uint64
	unsafe map[crdt.ReplicaID]bool
}

// sequences are a context, by the numbers of the oracle.
type sequences []uint64

func (s sequences) get(number int) uint64 {
	if number < len(s) {
		return s[number]
	}
	return 0
}

// happening is one event on a claim as the oracle sees it.
type happening struct {
	origin   int
	sequence uint64
	// adds: it is a Register of amount, or an Increase by by, negative for a
	// Decrease.
	adds       bool
	by, amount int64
	// observed are the events that it says are released, each standing for all
	// of that origin before it. hearsay: others released them, and this event
	// only passes it on, to those who have yet to see the Release.
	observed []position
	hearsay  bool
}

type position struct {
	origin   int
	sequence uint64
}

func newOracle() *oracle {
	return &oracle{
		numbers: map[crdt.ReplicaID]int{}, events: map[crdt.Dot]delta.Event{}, claims: map[delta.Key][]happening{},
		again: map[crdt.Dot][]delta.Event{}, disputed: map[delta.Key]bool{},
		forgotten: map[crdt.ReplicaID]int{}, late: map[delta.Key]bool{}, lost: map[int]uint64{}, unsafe: map[crdt.ReplicaID]bool{},
	}
}

func (o *oracle) number(r crdt.ReplicaID) int {
	n, ok := o.numbers[r]
	if !ok {
		n = len(o.ids)
		o.numbers[r] = n
		o.ids = append(o.ids, r)
		o.issued = append(o.issued, 0)
	}
	return n
}

func (o *oracle) sequences(c crdt.Context) sequences {
	s := make(sequences, len(o.ids))
	for r, sequence := range c {
		if n, ok := o.numbers[r]; ok {
			s[n] = sequence
		}
	}
	return s
}

// record notes an event that its origin has committed.
func (o *oracle) record(dot crdt.Dot, e delta.Event) {
	if _, used := o.events[dot]; used {
		o.dispute(dot, e)
	} else {
		o.events[dot] = e
	}
	n := o.number(dot.Replica)
	o.issued[n] = max(o.issued[n], dot.Sequence)
	h := happening{origin: n, sequence: dot.Sequence}
	switch e.Kind {
	case delta.Add:
		h.adds, h.by = true, e.By
		if e.By == 0 {
			h.amount = e.Contribution().Amount
		}
		if w := e.Contribution().Watermark; w > 0 {
			h.hearsay, h.observed = true, []position{{n, w}}
		}
	case delta.Release:
		for _, x := range e.Released() {
			h.observed = append(h.observed, position{o.number(x.Origin), x.Last})
		}
	case delta.Close:
		h.hearsay, h.observed = true, []position{{n, dot.Sequence}}
	default:
		return
	}
	k := e.Key()
	o.claims[k] = append(o.claims[k], h)
	if o.isForgotten(dot.Replica) {
		o.late[k] = true
	}
}

// forget notes that a replica is retired while contexts are those of all
// directories that there are.
func (o *oracle) forget(r crdt.ReplicaID, contexts []crdt.Context) {
	if o.isForgotten(r) {
		return
	}
	o.forgotten[r] = len(o.forgotten) + 1
	n := o.number(r)
	for k, events := range o.claims {
		for _, h := range events {
			if h.origin == n && slices.ContainsFunc(contexts, func(c crdt.Context) bool { return c.Get(r) < h.sequence }) {
				o.late[k] = true
			}
		}
	}
}

// value returns what one who has seen just the given events must show of a
// claim. With all of them, hearsay says nothing new, and is not believed.
func (o *oracle) value(k delta.Key, seen sequences, hearsay bool) int64 {
	events := o.claims[k]
	return shown(events, seen, o.released(events, seen, hearsay))
}

// shown is the value of events of which those up to released are released.
func shown(events []happening, seen, released sequences) int64 {
	var registered, sum int64
	visible := false
	for i := range events {
		h := &events[i]
		if !h.adds || h.sequence > seen.get(h.origin) || h.sequence <= released.get(h.origin) {
			continue
		}
		registered = max(registered, h.amount)
		sum += h.by
		visible = visible || h.by >= 0
	}
	if !visible {
		return 0
	}
	return max(1, registered+sum)
}

// released returns up to where the events of every origin are released by what
// is seen.
func (o *oracle) released(events []happening, seen sequences, hearsay bool) sequences {
	out := make(sequences, len(o.ids))
	for i := range events {
		h := &events[i]
		if h.sequence > seen.get(h.origin) || h.hearsay && !hearsay {
			continue
		}
		for _, x := range h.observed {
			out[x.origin] = max(out[x.origin], x.sequence)
		}
	}
	return out
}

// live returns of every origin the last contribution to a claim that one who
// has seen just the given events finds unreleased, 0 for none: what a Release
// of it must observe.
func (o *oracle) live(k delta.Key, seen sequences) sequences {
	events := o.claims[k]
	released := o.released(events, seen, true)
	out := make(sequences, len(o.ids))
	for i := range events {
		h := &events[i]
		if h.adds && h.sequence <= seen.get(h.origin) && h.sequence > released.get(h.origin) {
			out[h.origin] = max(out[h.origin], h.sequence)
		}
	}
	return out
}

// isLost reports whether an event that touches a claim is not covered by what
// is left: what it had brought about may have survived as a part of the state,
// or not.
func (o *oracle) isLost(k delta.Key, seen sequences) bool {
	return slices.ContainsFunc(o.claims[k], func(h happening) bool { return h.sequence > seen.get(h.origin) })
}

// sameEvent reports whether two events say the same.
func sameEvent(a, b delta.Event) bool {
	return a.Kind == b.Kind && a.Claim == b.Claim && a.By == b.By &&
		a.Records.Equal(b.Records) && a.Era == b.Era && a.Node.Equal(b.Node) && a.Replica == b.Replica
}

func (o *oracle) keys() []delta.Key { return slices.Sorted(maps.Keys(o.claims)) }
