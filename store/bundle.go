package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Records that come to the log together are bundled: a value for each, and a place
// in the index by dot, cost a commit of many writes more than all that is in them.
//
//	S17 A value of the log has the records from the index on that is its key, one
//	    after the other; null is one that was trimmed. The index by dot has the place
//	    of each run of a bundle, and no other: of records next to each other with
//	    consecutive events of one origin, as many as there are.
//
// A record by itself is stored as it is, without a list around it, as all are in
// files of former formats. The place of a run is that of its first record, up to the
// last event of the last.

const (
	// bundleBytes is how large a bundle becomes, unless one record is larger: several
	// fit in a page, and little is lost with one.
	bundleBytes = 900
	// bundleRecordsMax bounds the records in one: each but the last takes a byte.
	bundleRecordsMax = bundleBytes + 1
)

// pending are records on their way into the log, next to each other.
type pending struct {
	places []place
	// body is how they are stored in a list. Its last bytes are how the last one is
	// stored by itself.
	body []byte
	last int
}

// bundle has a record come to the log with those next to it. It does not keep the
// payload. Where the one before is lost, which is damage, those behind it keep their
// indexes (S17).
func (t *tables) bundle(p place, payload []byte) error {
	b := &t.pending
	if n := len(b.places); n > 0 && b.places[n-1].index+1 != p.index {
		if err := t.endBundle(); err != nil {
			return err
		}
	}
	b.places = append(b.places, p)
	b.last = len(payload)
	b.body = delta.AppendBytes(b.body, payload)
	if len(b.body) < bundleBytes {
		return nil
	}
	return t.endBundle()
}

// endBundle puts what is bundled into the log.
func (t *tables) endBundle() error {
	b := &t.pending
	if len(b.places) == 0 {
		return nil
	}
	if err := t.log.seal(indexKey(b.places[0].index), b.encode(t.scratch)); err != nil {
		return err
	}
	for _, run := range runsOf(b.places) {
		if err := t.dots.seal(dotKey(run.dot), encodePlace(run)); err != nil {
			return err
		}
	}
	b.places, b.body = b.places[:0], b.body[:0]
	return nil
}

// encode returns how the records are stored, of which there is one at least.
func (b *pending) encode(x *scratch) unsealed {
	if len(b.places) == 1 {
		return append(x.room(b.last), b.body[len(b.body)-b.last:]...)
	}
	return append(delta.AppendArray(x.room(len(b.body)+3), uint64(len(b.places))), b.body...)
}

// runsOf returns the places of the runs that records with these places make.
func runsOf(places []place) []place {
	var runs []place
	for i, p := range places {
		if i > 0 && places[i-1].isBefore(p) {
			runs[len(runs)-1].last = p.last
		} else {
			runs = append(runs, p)
		}
	}
	return runs
}

// isBefore reports whether a record with the place q continues the run of one with p.
func (p place) isBefore(q place) bool {
	return p.index+1 == q.index && p.dot.Replica == q.dot.Replica && p.last+1 == q.dot.Sequence
}

// bundled is a bundle as it is stored. Its memory is that of the transaction.
type bundled struct {
	first   uint64
	records [][]byte // nil for one that was trimmed
}

// decodeBundle decodes a value of the log.
func decodeBundle(key, payload []byte) (bundled, error) { return decodeBundleInto(nil, key, payload) }

// decodeBundleInto is decodeBundle for who has room for the records.
func decodeBundleInto(room [][]byte, key, payload []byte) (bundled, error) {
	first, err := parseIndexKey(key)
	if err != nil {
		return bundled{}, err
	}
	if delta.IsStamped(payload) {
		return bundled{first, append(room[:0], payload)}, nil
	}
	records, err := delta.DecodeListInto(room, payload, bundleRecordsMax)
	switch {
	case err != nil:
		return bundled{}, corrupt(fmt.Sprintf("the log from record %d on", first), err)
	case len(records) < 2 || records[len(records)-1] == nil:
		return bundled{}, fmt.Errorf("%w: the log from record %d on has a list of %d that is not as it is written", ErrCorrupt, first, len(records))
	case first >= chunkBit:
		return bundled{}, fmt.Errorf("%w: the log has record %d, which is more than there can be", ErrCorrupt, first)
	}
	return bundled{first, records}, nil
}

// encode returns how the bundle is stored, nil if all of its records were trimmed.
func (b bundled) encode() unsealed {
	n := len(b.records)
	for n > 0 && b.records[n-1] == nil {
		n--
	}
	switch {
	case n == 0:
		return nil
	case n == 1:
		return unsealedOf(b.records[0])
	}
	u := unsealed(delta.AppendArray(unsealedRoom(bundleBytes), uint64(n)))
	for _, payload := range b.records[:n] {
		if payload == nil {
			u = delta.AppendNull(u)
		} else {
			u = delta.AppendBytes(u, payload)
		}
	}
	return u
}

// has reports whether the index is one of the bundle, trimmed or not.
func (b bundled) has(index uint64) bool {
	return index >= b.first && index-b.first < uint64(len(b.records))
}

// payload returns what is stored of a record, nil if the bundle has it not.
func (b bundled) payload(index uint64) []byte {
	if !b.has(index) {
		return nil
	}
	return b.records[index-b.first]
}

// record returns a record of the bundle.
func (b bundled) record(index uint64) (Record, error) {
	payload := b.payload(index)
	if payload == nil {
		return Record{}, fmt.Errorf("%w: the log has no record %d, where the index by dot says one is", ErrCorrupt, index)
	}
	return decodeRecord(index, payload)
}

// each calls visit for the records from an index on.
func (b bundled) each(from uint64, visit func(index uint64, payload []byte) error) error {
	for i, payload := range b.records {
		if index := b.first + uint64(i); payload != nil && index >= from {
			if err := visit(index, payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// outlines returns those of the records, ascending.
func (b bundled) outlines() ([]Outlined, error) {
	outlines := make([]Outlined, 0, len(b.records))
	err := b.each(0, func(index uint64, payload []byte) error {
		outlines = append(outlines, Outlined{})
		return outlines[len(outlines)-1].decode(index, payload)
	})
	return outlines, err
}

func placesOf(outlines []Outlined) []place {
	places := make([]place, len(outlines))
	for i := range outlines {
		places[i] = outlines[i].place()
	}
	return places
}

// bundleOf returns the bundle that has a record, or would have it. A transaction that
// deletes bundles must ask for ascending records: see table.lastUpTo.
func (t *tables) bundleOf(index uint64) (bundled, error) {
	key, stored, err := t.log.lastUpTo(indexKey(index))
	if err != nil || key == nil {
		return bundled{}, err
	}
	payload, err := unseal(bucketLog, key, stored)
	if err != nil {
		return bundled{}, err
	}
	return decodeBundle(key, payload)
}

// replaceBundle puts a bundle in the place of what it was, with records at these
// places.
func (t *tables) replaceBundle(b bundled, before []place) error {
	var left []place
	for _, p := range before {
		if b.payload(p.index) != nil {
			left = append(left, p)
		}
	}
	if err := t.replaceRuns(runsOf(before), runsOf(left)); err != nil {
		return err
	}
	if u := b.encode(); u != nil {
		return t.log.seal(indexKey(b.first), u)
	}
	return t.log.delete(indexKey(b.first))
}

func (t *tables) replaceRuns(before, after []place) error {
	stands := map[crdt.Dot]place{}
	for _, p := range before {
		stands[p.dot] = p
	}
	for _, p := range after {
		if stands[p.dot] != p {
			if err := t.dots.seal(dotKey(p.dot), encodePlace(p)); err != nil {
				return err
			}
		}
		delete(stands, p.dot)
	}
	for _, p := range before {
		if _, isOld := stands[p.dot]; isOld {
			if err := t.dots.delete(dotKey(p.dot)); err != nil {
				return err
			}
		}
	}
	return nil
}
