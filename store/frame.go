package store

import (
	"fmt"
	"sync"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// frame are the effects of one update on their way into the tables: what the journal
// has of it, or, of one that goes there at once, would have.
type frame struct {
	// at is where it is in the ring and cost what it takes of that, both 0 if it is
	// not there.
	at   journalMark
	cost int64
	// encoded fills its pages, of which there are so many. It is nil from when it was
	// written: see sealed.
	encoded []byte
	pages   uint64
	// tables is the last transaction of the tables that was acknowledged when it was put
	// together (S20), 0 if that does not matter any more.
	tables uint64

	now     int64
	effects *delta.Effects
	// images are those of effects.Entries, number is that of the first of them (overlay).
	images []image
	number int
	// first is the index of the first of its records, bytes is what these count for.
	first, bytes uint64
}

// newFrame returns that of an update.
func newFrame(now int64, e *delta.Effects) *frame {
	f := &frame{now: now, effects: e, images: newImages(e.Entries)}
	for _, p := range e.Deltas {
		f.bytes += f.recordBytes(p)
	}
	return f
}

// behind returns where the next frame goes.
func (f *frame) behind() journalMark {
	return journalMark{f.at.sequence + 1, f.at.page + f.pages}
}

// end returns a frame that changes nothing, behind this one in a ring of so many pages.
func (f *frame) end(pages uint64) *frame {
	e := &delta.Effects{ID: f.effects.ID, Fingerprint: f.effects.Fingerprint, ContextHash: f.effects.ContextHash}
	end := &frame{now: f.now, effects: e, tables: f.tables}
	end.encode(f.at.sequence + 1)
	if end.at.page = f.behind().page; end.at.page >= pages {
		end.at.page = 0
	}
	return end
}

// isEnd reports whether end has made it: others have deltas (isSmall).
func (f *frame) isEnd() bool { return len(f.effects.Deltas) == 0 }

// isSmall reports whether all that the frame does can be told in a few pages, by what
// encode writes: deltas, and the entries that they have changed. What says more of a
// replica is rare. A batch has neighbours and goes where it belongs at once.
func (f *frame) isSmall() bool {
	e := f.effects
	return len(e.Deltas) > 0 && !e.Renamed && len(e.Ahead) == 0 && len(e.Forgotten) == 0 &&
		!isBatch(len(f.images), len(e.Deltas)) && f.size() <= framePagesMax*pageBytes
}

// leavesHoles reports whether the update has changed something of a replica, which is as
// it was before, without events for that. Where the log lacks events only the tables say,
// and a frame that is read does not have what entries were. What is damaged is told by
// holeSet.addEffects when it goes there.
func (f *frame) leavesHoles(r *delta.Replica) bool {
	holes := holeSet{}
	err := holes.addEffects(f.effects, r)
	return err != nil || holes.everything || holes.nodes || len(holes.keyspaces) > 0
}

// size returns how many bytes encode writes at most, but for the last page.
func (f *frame) size() int {
	size := frameHeadBytes + headArrayBytesMax + 2*valueHeadBytes + (crdt.ReplicaIDBytes+sequenceBytesMax+2)*len(f.effects.Context)
	for i := range f.images {
		size += f.images[i].bytes() + 2*valueHeadBytes
	}
	for _, p := range f.effects.Deltas {
		size += len(p.Bytes) + valueHeadBytes
	}
	return size
}

// isBatch reports whether entries that so many deltas have changed are neighbours.
func isBatch(images, deltas int) bool { return images >= batchMin*max(1, deltas) }

// headArray is the first value of a frame, which is a list as delta.DecodeList reads it.
// So many changes of the context follow, replica and sequence; then so many images, key
// and payload, null for none; and then the deltas.
type headArray struct {
	_           struct{} `cbor:",toarray"`
	Now         int64
	Count       uint64
	Fingerprint [16]byte
	ContextHash [16]byte
	Context     uint64
	Images      uint64
}

const (
	headArrayBytesMax = 1 + 9 + 9 + 17 + 17 + 9 + 9
	// frameValuesMax bounds the values of a frame: each takes a byte at least.
	frameValuesMax = framePagesMax * pageBytes
	// valueHeadBytes is what precedes most values.
	valueHeadBytes = 3
)

// encode has the frame be written under the next sequence.
func (f *frame) encode(sequence uint64) {
	f.at.sequence = sequence
	f.hold(f.appendSealed(roomFor(f.size() + pageBytes)))
}

// hold has the frame be written as it is encoded.
func (f *frame) hold(encoded []byte) { f.encoded, f.pages = encoded, pagesOf(len(encoded)) }

// sealed returns the frame as it is written.
func (f *frame) sealed() []byte {
	if f.encoded != nil {
		return f.encoded
	}
	return f.appendSealed(make([]byte, 0, f.size()+pageBytes))
}

// appendSealed encodes it in empty room.
func (f *frame) appendSealed(b []byte) []byte {
	e := f.effects
	b = append(b, make([]byte, frameHeadBytes)...)
	b = delta.AppendArray(b, uint64(1+2*len(e.Context)+2*len(f.images)+len(e.Deltas)))
	b = delta.AppendBytes(b, f.appendHead(make([]byte, 0, headArrayBytesMax)))
	for id, n := range e.Context.All() {
		b = delta.AppendBytes(delta.AppendBytes(b, id[:]), encodeSequence(n))
	}
	for i := range f.images {
		b = appendImage(b, &f.images[i])
	}
	for _, p := range e.Deltas {
		b = delta.AppendBytes(b, p.Bytes)
	}
	return sealFrame(b, f.at.sequence, f.tables)
}

// frameRooms are where frames were encoded that have been written since. One after the
// other, each is as large as the one before, and still near the processor.
var frameRooms sync.Pool

func roomFor(bytes int) []byte {
	if room, ok := frameRooms.Get().(*[]byte); ok && cap(*room) >= bytes {
		return (*room)[:0]
	}
	return make([]byte, 0, bytes)
}

// letGo gives its room back when it was written.
func (f *frame) letGo() {
	room := f.encoded
	f.encoded = nil
	frameRooms.Put(&room)
}

// appendHead is delta.Marshal of a headArray, without reflection.
func (f *frame) appendHead(b []byte) []byte {
	e := f.effects
	fingerprint, context := e.Fingerprint.Sum.Bytes(), e.ContextHash.Bytes()
	b = delta.AppendInt(delta.AppendArray(b, 6), f.now)
	b = delta.AppendUint(b, e.Fingerprint.Count)
	b = delta.AppendBytes(delta.AppendBytes(b, fingerprint[:]), context[:])
	return delta.AppendUint(delta.AppendUint(b, uint64(len(e.Context))), uint64(len(f.images)))
}

// decodeFrame returns what a frame says, for the replica of that id.
func decodeFrame(s sealedFrame, id crdt.ReplicaID) (*frame, error) {
	f := &frame{at: s.at, tables: s.tables, effects: &delta.Effects{ID: id, Context: crdt.NewContext()}}
	f.hold(s.seal(s.tables))
	if err := f.decode(s.payload); err != nil {
		return nil, corrupt(fmt.Sprintf("frame %d of the journal", s.at.sequence), err)
	}
	return f, nil
}

func (f *frame) decode(payload []byte) error {
	values, err := delta.DecodeList(payload, frameValuesMax)
	if err != nil {
		return err
	}
	var head headArray
	if len(values) == 0 {
		return fmt.Errorf("it is empty")
	}
	if err := delta.Unmarshal(values[0], &head, headArrayBytesMax); err != nil {
		return err
	}
	values = values[1:]
	if n := uint64(len(values)); head.Context > n || head.Images > n || 2*head.Context+2*head.Images > n {
		return fmt.Errorf("it has %d values, too few for %d replicas and %d entries", n, head.Context, head.Images)
	}
	f.now = head.Now
	f.effects.Fingerprint = delta.Fingerprint{Count: head.Count, Sum: delta.SumOf(head.Fingerprint)}
	f.effects.ContextHash = delta.SumOf(head.ContextHash)
	for ; head.Context > 0; head.Context, values = head.Context-1, values[2:] {
		if err := f.decodeSequence(values[0], values[1]); err != nil {
			return err
		}
	}
	for ; head.Images > 0; head.Images, values = head.Images-1, values[2:] {
		if err := f.decodeImage(values[0], values[1]); err != nil {
			return err
		}
	}
	return f.decodeDeltas(values)
}

func (f *frame) decodeSequence(id, payload []byte) error {
	if len(id) != crdt.ReplicaIDBytes {
		return fmt.Errorf("the id of a replica has %d bytes", len(id))
	}
	n, err := decodeSequence(payload)
	f.effects.Context[crdt.ReplicaID(id)] = n
	return err
}

func (f *frame) decodeImage(key, payload []byte) error {
	x := image{key: delta.Key(key)}
	if payload != nil {
		if _, err := delta.DecodeEntry(x.key, payload); err != nil {
			return err
		}
		x.sealed = unsealedOf(payload).seal(bucketEntries, key)
	}
	f.images = append(f.images, x)
	return nil
}

func (f *frame) decodeDeltas(values [][]byte) error {
	for _, b := range values {
		p, err := delta.DecodeDelta(b)
		if err != nil {
			return err
		}
		f.effects.Deltas = append(f.effects.Deltas, p)
		f.bytes += f.recordBytes(p)
	}
	return nil
}

// missing says that tables whose last transaction is that one lack one that was
// acknowledged before the frame (S20), or nothing.
func (f *frame) missing(last int) (problem string) {
	if f.tables <= uint64(last) {
		return ""
	}
	return fmt.Sprintf("frame %d of the journal was written after transaction %d, which is gone or damaged: the last whole one is %d", f.at.sequence, f.tables, last)
}

// record returns the record that one of the deltas becomes.
func (f *frame) record(i int) Record {
	p := f.effects.Deltas[i]
	return Record{Index: f.first + uint64(i), AppliedAt: f.now, Bytes: f.recordBytes(p), Delta: p}
}

// recordBytes returns what that record takes.
func (f *frame) recordBytes(p delta.Packed) uint64 {
	return recordBytes(delta.StampedBytes(f.now, len(p.Bytes)))
}
