package sim

import (
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// promise says what a replica owes the oracle about a claim.
type promise uint8

const (
	// exactly: it shows the value of the events that its context covers.
	exactly promise = iota
	// butForgotten: the same, but what a forgotten replica had contributed and
	// others released may be back. That is the stated price of forgetting, where
	// contributions turn up after somebody has dropped the record (docs/data-model.md, 7).
	butForgotten
	// undefined: a dot that stands for two events concerns the claim, and which
	// of them counts is decided by who has met whom.
	undefined
)

// freshDirectory is one that has seen nothing.
func (k *cluster) freshDirectory() *directory {
	d := newDirectory(k.newReplicaID())
	d.since = len(k.oracle.forgotten)
	return d
}

// promisedByAll returns what replicas owe about a claim when all agree. Forgotten
// replicas do no harm where every directory had seen all that they ever
// contributed to it when they were forgotten.
func (o *oracle) promisedByAll(k delta.Key) promise {
	switch {
	case o.disputed[k]:
		return undefined
	case o.late[k]:
		return butForgotten
	}
	return exactly
}

// promised returns what one replica owes about a claim at any time. If its
// directory was begun after somebody was forgotten, it gets to know of that, of
// what was contributed and of its release in any order.
func (o *oracle) promised(k delta.Key, d *directory) promise {
	p := o.promisedByAll(k)
	if p == exactly && d.since > 0 && slices.ContainsFunc(o.claims[k], func(h happening) bool { return o.isForgottenBefore(h.origin, d.since) }) {
		return butForgotten
	}
	return p
}

// isForgotten reports whether a replica was ever forgotten.
func (o *oracle) isForgotten(r crdt.ReplicaID) bool { return o.forgotten[r] > 0 }

// isForgottenBefore reports whether a replica is among the first so many that
// were forgotten.
func (o *oracle) isForgottenBefore(number, count int) bool {
	order := o.forgotten[o.ids[number]]
	return order > 0 && order <= count
}

// dispute notes that a dot was used again: for a claim that either event is about
// there is no set of events any more that all agree on.
func (o *oracle) dispute(dot crdt.Dot, other delta.Event) {
	o.again[dot] = append(o.again[dot], other)
	o.disputed[o.events[dot].Key()] = true
	o.disputed[other.Key()] = true
}

// isIssued reports whether an event was issued under a dot.
func (o *oracle) isIssued(dot crdt.Dot, e delta.Event) bool {
	return sameEvent(o.events[dot], e) || slices.ContainsFunc(o.again[dot], func(x delta.Event) bool { return sameEvent(x, e) })
}

// alternativesMax bounds how many ways are tried in which contributions may be
// back.
const alternativesMax = 10_000

// mayShow reports whether one who has seen just the given events may show a
// value of a claim if of each forgotten replica the released contributions may
// be back: all, or those since some earlier release, which a record without the
// last watermark still counts. It is undecided if there are too many ways.
func (o *oracle) mayShow(k delta.Key, seen sequences, hearsay bool, value int64) (may, decided bool) {
	events := o.claims[k]
	released := o.released(events, seen, hearsay)
	ways := 1
	var origins []int
	back := map[int][]uint64{}
	for n, last := range released {
		if last > 0 && o.isForgotten(o.ids[n]) {
			origins = append(origins, n)
			back[n] = marksOf(events, seen, n)
			ways *= len(back[n])
		}
		if ways > alternativesMax {
			return false, false
		}
	}
	return showsWith(events, seen, released, origins, back, value), true
}

// marksOf are the watermarks of an origin that the events that are seen tell of,
// and none at all.
func marksOf(events []happening, seen sequences, origin int) []uint64 {
	marks := []uint64{0}
	for _, h := range events {
		if h.sequence > seen.get(h.origin) {
			continue
		}
		for _, x := range h.observed {
			if x.origin == origin {
				marks = append(marks, x.sequence)
			}
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

// showsWith reports whether the events show a value with some choice of a
// watermark for each of the origins.
func showsWith(events []happening, seen, released sequences, origins []int, back map[int][]uint64, value int64) bool {
	if len(origins) == 0 {
		return shown(events, seen, released) == value
	}
	n := origins[0]
	known := released[n]
	defer func() { released[n] = known }()
	for _, mark := range back[n] {
		if released[n] = mark; showsWith(events, seen, released, origins[1:], back, value) {
			return true
		}
	}
	return false
}

// hold holds what a replica shows of a claim against the oracle, of the events
// that are seen, and counts it.
func (m *member) hold(rule string, p promise, k delta.Key, seen sequences, hearsay bool, t *Tally) {
	e, _ := m.dir.memory.Get(k)
	got := e.Counter.Value()
	want := m.oracle.value(k, seen, hearsay)
	switch {
	case p == undefined:
		t.Disputed++
	case p == exactly:
		t.Exact++
		if got != want {
			m.fail("%s: %s shows %d for %s, the oracle %d of %s; it holds %+v", rule, m.name, got, nameOf(k), want, m.text(m.dir.replica.Context), e.Counter)
		}
	case got == want:
		t.Forgotten++
	default:
		may, decided := m.oracle.mayShow(k, seen, hearsay, got)
		if !decided {
			t.Many++
			return
		}
		t.Back++
		if !may {
			m.fail("%s: %s shows %d for %s, the oracle %d of %s, whatever a forgotten replica brings back; it holds %+v", rule, m.name, got, nameOf(k), want, m.text(m.dir.replica.Context), e.Counter)
		}
	}
}
