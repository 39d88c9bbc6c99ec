package store

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Stop says why a run of events ends where it does.
type Stop uint8

// The reasons.
const (
	// StopEnd: this replica has seen nothing further.
	StopEnd Stop = 1 + iota
	// StopFull: the limit on bytes is reached; ask again from Next.
	StopFull
	// StopTrimmed: the event Next is seen here, but the log no longer has it,
	// or never had. It must be got as state.
	StopTrimmed
)

// String returns the name of the reason.
func (s Stop) String() string {
	switch s {
	case StopEnd:
		return "end"
	case StopFull:
		return "full"
	case StopTrimmed:
		return "trimmed"
	}
	return fmt.Sprintf("stop(%d)", uint8(s))
}

// Events are consecutive events of one origin.
type Events struct {
	// Deltas ascend and leave out nothing. The first may begin before the
	// event asked for; receivers skip what they have seen.
	Deltas []delta.Packed
	// Next is the sequence of the first event that is not in Deltas, and Stop
	// says why.
	Next uint64
	Stop Stop
}

// Log returns the consecutive events of origin from a sequence on, as many as
// fit in bytesMax, but at least one delta. What is left after a hole is never
// returned as if it were all. O(log n) beyond what is returned.
func (v *View) Log(origin crdt.ReplicaID, from uint64, bytesMax int) (Events, error) {
	events := Events{Next: max(from, 1)}
	b, size := bundled{}, 0
	for {
		r, err := v.recordOf(&b, crdt.Dot{Replica: origin, Sequence: events.Next})
		if err != nil {
			return Events{}, err
		}
		if r.Index == 0 {
			break
		}
		size += len(r.Delta.Bytes)
		if len(events.Deltas) > 0 && size > bytesMax {
			events.Stop = StopFull
			return events, nil
		}
		events.Deltas = append(events.Deltas, r.Delta)
		events.Next = r.Delta.Last() + 1
	}
	events.Stop = StopTrimmed
	if events.Next > v.summary.Context.Get(origin) {
		events.Stop = StopEnd
	}
	return events, nil
}

// recordOf returns the record of an event, the zero record if the log has none. b is as
// in record.
func (v *View) recordOf(b *bundled, d crdt.Dot) (Record, error) {
	if r, ok := v.journaled.find(d, v.state.logNext); ok {
		return r, nil
	}
	p, err := v.tables.placeOf(v.state.tail, d)
	if err != nil || p.index == 0 {
		return Record{}, err
	}
	return v.record(b, p, d)
}

// placeOf returns the place of the delta that has an event, or the zero place. It
// looks at the newest first, which is what peers ask for.
func (t *tables) placeOf(newest tail, d crdt.Dot) (place, error) {
	if p := newest.find(d); p.index != 0 {
		return p, nil
	}
	return t.indexedPlaceOf(d)
}

// indexedPlaceOf is placeOf as far as the index by dot goes.
func (t *tables) indexedPlaceOf(d crdt.Dot) (place, error) {
	key, stored, err := t.dots.lastUpTo(dotKey(d))
	if err != nil {
		return place{}, err
	}
	if len(key) != dotBytes || crdt.ReplicaID(key[:crdt.ReplicaIDBytes]) != d.Replica {
		return place{}, nil
	}
	payload, err := unseal(bucketDots, key, stored)
	if err != nil {
		return place{}, err
	}
	p, err := decodePlace(key, payload)
	if err != nil || p.last < d.Sequence {
		return place{}, err
	}
	return p, nil
}

// record returns the record of an event that is at a place. b is the bundle that was
// looked at last, and becomes the one that has the record.
func (v *View) record(b *bundled, p place, d crdt.Dot) (Record, error) {
	if p.index >= v.state.indexed {
		payload, err := v.tables.tail.get(indexKey(p.index))
		if err != nil {
			return Record{}, err
		}
		*b = bundled{p.index, [][]byte{payload}}
	} else if !b.has(p.index) {
		var err error
		if *b, err = v.tables.bundleOf(p.index); err != nil {
			return Record{}, err
		}
	}
	// Most deltas have one event: then the record is as far from the first of the run
	// as the event is.
	if r, err := b.record(p.index + d.Sequence - p.dot.Sequence); err == nil && r.has(d) {
		return r, nil
	}
	for index := p.index; ; index++ {
		r, err := b.record(index)
		switch {
		case err != nil:
			return Record{}, err
		case r.has(d):
			return r, nil
		case r.Delta.Origin != d.Replica || r.Delta.First > d.Sequence:
			return Record{}, fmt.Errorf("%w: the log record %d is %s, behind it should be dot %s", ErrCorrupt, index, r.Delta.Delta, d)
		}
	}
}

// EachRecord calls visit for every record of the log whose index is from or
// later, ascending, until visit returns an error, which it passes on.
func (v *View) EachRecord(from uint64, visit func(Record) error) error {
	err := v.tables.eachRecord(&v.state, from, func(index uint64, payload []byte) error {
		r, err := decodeRecord(index, payload)
		if err != nil {
			return err
		}
		return visit(r)
	})
	if err != nil {
		return err
	}
	return v.journaled.each(max(from, v.state.logNext), visit)
}

// EachOutline is EachRecord for those who need no more than outlines. That of a record is
// valid until visit returns.
func (v *View) EachOutline(from uint64, visit func(*Outlined) error) error {
	var o Outlined
	err := v.tables.eachRecord(&v.state, from, func(index uint64, payload []byte) error {
		if err := o.decode(index, payload); err != nil {
			return err
		}
		return visit(&o)
	})
	if err != nil {
		return err
	}
	return v.journaled.each(max(from, v.state.logNext), func(r Record) error {
		o.setTo(r)
		return visit(&o)
	})
}

// EachDelta is EachRecord for those who need no more than the deltas.
func (v *View) EachDelta(from uint64, visit func(index uint64, p delta.Packed) error) error {
	return v.EachRecord(from, func(r Record) error { return visit(r.Index, r.Delta) })
}

// LogStats are about the whole log.
type LogStats struct {
	// Records and Bytes are what the log holds.
	Records, Bytes uint64
	// First is the lowest index in the log, or Next if the log is empty.
	First uint64
	// Next is the index that the next delta will get.
	Next uint64
	// Trimmed are the newest records trimmed so far, by compaction.Class; zero
	// where none was.
	Trimmed [trimClasses]Mark
}

// LogStats returns what is known of the log without reading it.
func (v *View) LogStats() LogStats {
	known := v.journaled.over(v.state)
	stats := LogStats{
		Records: known.logRecords, Bytes: known.logBytes, Trimmed: v.state.trimmed,
		First: v.state.logNext, Next: v.journaled.logNext,
	}
	if len(v.state.tail) > 0 {
		stats.First = v.state.tail[0].index
	}
	err := v.tables.eachLogged(0, func(index uint64, _ []byte) error {
		stats.First = index
		return errFound
	})
	if err != nil && err != errFound {
		stats.First = 0 // what is damaged is told by who reads it
	}
	return stats
}

// errFound ends a search.
var errFound = errors.New("found")
