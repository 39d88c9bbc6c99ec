package store

import (
	"bytes"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Record is one delta in the log.
type Record struct {
	// Index is its place in the order of application here. Indexes ascend,
	// are never used twice, and are of no meaning elsewhere.
	Index uint64
	// AppliedAt is when it was applied here, in milliseconds since the Unix
	// epoch, by this node's clock: what retention goes by. The delta has the
	// origin's time.
	AppliedAt int64
	// Bytes is what the record takes in the file.
	Bytes uint64
	// Delta is what was applied.
	Delta delta.Packed
}

// placeArray is the value of a dot in the index by dot.
type placeArray struct {
	_     struct{} `cbor:",toarray"`
	Index uint64
	Last  uint64
}

// placeBytesMax is what a place takes at most: a head and two numbers.
const placeBytesMax = 1 + 9 + 9

func decodeRecord(index uint64, payload []byte) (Record, error) {
	appliedAt, packed, err := delta.DecodeStamped(payload)
	var p delta.Packed
	if err == nil {
		p, err = delta.DecodeDelta(bytes.Clone(packed)) // the payload is the file's
	}
	if err != nil {
		return Record{}, corrupt(fmt.Sprintf("log record %d", index), err)
	}
	return Record{Index: index, AppliedAt: appliedAt, Bytes: recordBytes(len(payload)), Delta: p}, nil
}

// Outlined is a record without what its delta does.
type Outlined struct {
	// Index, AppliedAt and Bytes are as in Record.
	Index     uint64
	AppliedAt int64
	Bytes     uint64
	Delta     delta.Outline
}

// decode makes it that of what is stored of a record, in the memory that it has.
func (o *Outlined) decode(index uint64, payload []byte) error {
	appliedAt, packed, err := delta.DecodeStamped(payload)
	if err == nil {
		err = o.Delta.Decode(packed)
	}
	if err != nil {
		return corrupt(fmt.Sprintf("log record %d", index), err)
	}
	o.Index, o.AppliedAt, o.Bytes = index, appliedAt, recordBytes(len(payload))
	return nil
}

// setTo makes it that of a record, in the memory that it has.
func (o *Outlined) setTo(r Record) {
	o.Index, o.AppliedAt, o.Bytes = r.Index, r.AppliedAt, r.Bytes
	o.Delta.SetTo(r.Delta.Delta)
}

// place returns where the record is.
func (o *Outlined) place() place {
	return place{dot: o.Delta.Dot(), index: o.Index, last: o.Delta.Last()}
}

// decodeKeyed decodes a record that is stored by itself.
func decodeKeyed(key, payload []byte) (Record, error) {
	index, err := parseIndexKey(key)
	if err != nil {
		return Record{}, err
	}
	return decodeRecord(index, payload)
}

// recordOverheadBytes is what a record takes beside its value, if it is by itself: two
// keys, two checksums and its place in the index by dot. In a bundle it takes less.
const recordOverheadBytes = indexBytes + checksumBytes + dotBytes + checksumBytes + 8

// recordBytes returns what a record with such a payload takes.
func recordBytes(payloadBytes int) uint64 { return uint64(payloadBytes + recordOverheadBytes) }

// place is where the log has a run of events of one origin: in the record of that
// index and those behind it.
type place struct {
	dot         crdt.Dot
	index, last uint64
}

func encodePlace(p place) unsealed {
	b := delta.AppendArray(unsealedRoom(placeBytesMax), 2)
	return delta.AppendUint(delta.AppendUint(b, p.index), p.last)
}

func decodePlace(key, payload []byte) (place, error) {
	dot, err := parseDotKey(key)
	if err != nil {
		return place{}, err
	}
	var a placeArray
	if err := delta.Unmarshal(payload, &a, placeBytesMax); err != nil {
		return place{}, corrupt(fmt.Sprintf("index of dot %s", dot), err)
	}
	if a.Index == 0 || a.Last < dot.Sequence {
		return place{}, fmt.Errorf("%w: the index of dot %s ends at %d, record %d", ErrCorrupt, dot, a.Last, a.Index)
	}
	return place{dot: dot, index: a.Index, last: a.Last}, nil
}

// place returns where the record is.
func (r Record) place() place {
	return place{dot: r.Delta.Dot(0), index: r.Index, last: r.Delta.Last()}
}

// has reports whether an event is one of the record.
func (r Record) has(d crdt.Dot) bool {
	return r.Delta.Origin == d.Replica && r.Delta.First <= d.Sequence && d.Sequence <= r.Delta.Last()
}

// appendNew puts a delta at the end of the log, for which makeRoom was called,
// that was not seen before and so is not in the log (S4).
func (t *tables) appendNew(s *state, seen crdt.Context, appliedAt int64, p delta.Packed) error {
	if seen.Covers(p.Dot(0)) {
		return fmt.Errorf("%w: the delta %s was seen before", ErrCorrupt, p.Delta)
	}
	return t.appendRecord(s, appliedAt, p)
}

// appendRecord puts a delta at the end of the log, for which makeRoom was called.
// That it is not there already is the caller's to know.
func (t *tables) appendRecord(s *state, appliedAt int64, p delta.Packed) error {
	at := place{dot: p.Dot(0), index: s.logNext, last: p.Last()}
	s.logNext++
	s.logRecords++
	t.record = delta.AppendStamped(t.record[:0], appliedAt, p.Bytes)
	s.logBytes += recordBytes(len(t.record))
	return t.putRecord(s, at, t.record)
}
