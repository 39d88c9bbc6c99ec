package delta

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// recordArray is a contribution: sequences are written as distances back from
// Last, which is what makes most of them one byte; distances of what may be
// absent are one higher, 0 standing for absent.
type recordArray struct {
	_         struct{} `cbor:",toarray"`
	Origin    crdt.ReplicaID
	Last      uint64
	Era       uint64 // Last − Era
	Total     int64
	Added     uint64 // Last − Added + 1
	Register  uint64 // Last − Register + 1
	Amount    int64
	Watermark uint64 // Last − Watermark + 1
	Released  int64
}

// back returns how far sequence lies back from last, one higher; 0 for none.
func back(last, sequence uint64) uint64 {
	if sequence == 0 {
		return 0
	}
	return last - sequence + 1
}

// forth undoes back. A distance beyond the first sequence gives one that no
// invariant admits.
func forth(last, distance uint64) uint64 {
	switch {
	case distance == 0:
		return 0
	case distance > last:
		return last + 1
	}
	return last - distance + 1
}

func packContribution(x crdt.Contribution) recordArray {
	return recordArray{
		Origin: x.Origin, Last: x.Last, Era: x.Last - x.Era, Total: x.Total,
		Added: back(x.Last, x.Added), Register: back(x.Last, x.Register), Amount: x.Amount,
		Watermark: back(x.Last, x.Watermark), Released: x.Released,
	}
}

// contribution undoes packContribution. It may be none that is valid.
func (a *recordArray) contribution() crdt.Contribution {
	return crdt.Contribution{
		Origin: a.Origin, Last: a.Last, Era: a.Last - a.Era, Total: a.Total,
		Added: forth(a.Last, a.Added), Register: forth(a.Last, a.Register), Amount: a.Amount,
		Watermark: forth(a.Last, a.Watermark), Released: a.Released,
	}
}

func (a *recordArray) unpack() (crdt.Contribution, error) {
	x := a.contribution()
	if err := x.Validate(); err != nil {
		return crdt.Contribution{}, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return x, nil
}

// recordFields is how many elements a record has, recordBytesMin how many bytes
// at least.
const (
	recordFields   = 9
	recordBytesMin = 1 + 1 + crdt.ReplicaIDBytes + recordFields - 1
)

// appendTo appends the encoded record, which is also what fingerprints hash.
func (a recordArray) appendTo(b []byte) []byte {
	b = AppendArray(b, recordFields)
	b = AppendBytes(b, a.Origin[:])
	b = AppendUint(b, a.Last)
	return a.appendFromEra(b)
}

// appendFromEra appends the fields that an Add has as well, from Era on.
func (a recordArray) appendFromEra(b []byte) []byte {
	b = AppendUint(b, a.Era)
	b = AppendInt(b, a.Total)
	b = AppendUint(b, a.Added)
	b = AppendUint(b, a.Register)
	b = AppendInt(b, a.Amount)
	b = AppendUint(b, a.Watermark)
	return AppendInt(b, a.Released)
}

func readRecord(r *reader) (a recordArray) {
	if n := r.array(); n != recordFields {
		r.fail("a record has %d elements, want %d", n, recordFields)
	}
	copy(a.Origin[:], r.bytes(len(a.Origin)))
	a.Last = r.uint()
	a.readFromEra(r)
	return a
}

// readFromEra reads the fields that an Add has as well, from Era on.
func (a *recordArray) readFromEra(r *reader) {
	a.Era, a.Total = r.uint(), r.int()
	a.Added, a.Register, a.Amount = r.uint(), r.uint(), r.int()
	a.Watermark, a.Released = r.uint(), r.int()
}

// appendCounter appends the records of a claim.
func appendCounter(b []byte, c crdt.PNCounter) []byte {
	b = AppendArray(slices.Grow(b, counterBytes(c)), uint64(len(c)))
	for _, x := range c {
		b = packContribution(x).appendTo(b)
	}
	return b
}

// counterBytes returns how many bytes appendCounter appends.
func counterBytes(c crdt.PNCounter) int {
	bytes := headBytes(uint64(len(c)))
	for i := range c {
		x := &c[i]
		bytes += 1 + 1 + len(x.Origin) + headBytes(x.Last) + headBytes(x.Last-x.Era) + intBytes(x.Total) +
			headBytes(back(x.Last, x.Added)) + headBytes(back(x.Last, x.Register)) + intBytes(x.Amount) +
			headBytes(back(x.Last, x.Watermark)) + intBytes(x.Released)
	}
	return bytes
}

// nodeArray is a node record without its name, which is in the key or event.
type nodeArray struct {
	_          struct{} `cbor:",toarray"`
	Generation uint64
	Replica    crdt.ReplicaID
	Sequence   uint64
	Service    string
	API        string
	Gossip     string
	Labels     [][2]string
	Retired    bool
}

func packNode(n NodeRecord) nodeArray {
	a := nodeArray{
		Generation: n.Generation, Replica: n.Dot.Replica, Sequence: n.Dot.Sequence,
		Service: n.Service, API: n.API, Gossip: n.Gossip, Retired: n.Retired,
		Labels: make([][2]string, len(n.Labels)),
	}
	for i, l := range n.Labels {
		a.Labels[i] = [2]string{l.Name, l.Value}
	}
	return a
}

func (a nodeArray) unpack(name string) (NodeRecord, error) {
	n := NodeRecord{
		Name: name, Generation: a.Generation,
		Dot:     crdt.Dot{Replica: a.Replica, Sequence: a.Sequence},
		Service: a.Service, API: a.API, Gossip: a.Gossip, Retired: a.Retired,
	}
	for _, l := range a.Labels {
		n.Labels = append(n.Labels, Label{Name: l[0], Value: l[1]})
	}
	err := n.Validate()
	if err == nil {
		err = n.Dot.Validate()
	}
	switch {
	case err != nil:
	case a.Labels == nil:
		err = fmt.Errorf("the labels are null")
	case n.Generation == 0 || n.Generation > generationMax:
		err = fmt.Errorf("generation %d is out of bounds", n.Generation)
	}
	if err != nil {
		return NodeRecord{}, fmt.Errorf("%w node record: %v", ErrCorrupt, err)
	}
	return n, nil
}

func encodeNode(n NodeRecord) []byte { return Marshal(packNode(n)) }

// EntryBytesMax bounds an encoded entry: a claim that a hundred thousand
// replicas have touched still fits.
const EntryBytesMax = 16 << 20

// EncodeEntry returns the value of an entry as it is stored and sent beside
// its key: an array of records for a claim, the record of a node, nothing for
// a forgotten replica.
func EncodeEntry(e Entry) []byte { return AppendEntry([]byte{}, e) }

// AppendEntry appends what EncodeEntry returns.
func AppendEntry(b []byte, e Entry) []byte {
	switch {
	case e.Key.IsClaim():
		return appendCounter(b, e.Counter)
	case e.Key.IsNode():
		return append(b, encodeNode(e.node())...)
	}
	return b
}

// EntryRoom returns how many bytes AppendEntry appends for a claim: with so much room it
// allocates nothing, and what is kept takes no more.
func EntryRoom(e Entry) int { return counterBytes(e.Counter) }

// DecodeEntry returns the entry whose key and encoded value are given.
func DecodeEntry(k Key, value []byte) (Entry, error) {
	if k.IsClaim() {
		if _, err := k.Claim(); err != nil {
			return Entry{}, fmt.Errorf("decode entry %q: %w", k, err)
		}
	}
	return DecodeValue(k, value)
}

// DecodeValue is DecodeEntry for who has made the key of a claim himself: it takes
// two thirds of the time to find out whether a key is one.
func DecodeValue(k Key, value []byte) (Entry, error) {
	e, err := decodeValue(k, value)
	if err != nil {
		return Entry{}, fmt.Errorf("decode entry %q: %w", k, err)
	}
	return e, nil
}

func decodeValue(k Key, value []byte) (Entry, error) {
	switch {
	case k.IsClaim():
		counter, err := decodeCounter(value)
		return Entry{Key: k, Counter: counter}, err
	case k.IsNode():
		name, err := k.Node()
		if err != nil {
			return Entry{}, err
		}
		var a nodeArray
		if err := Unmarshal(value, &a, 2*NodeRecordBytesMax); err != nil {
			return Entry{}, err
		}
		n, err := a.unpack(name)
		return Entry{Key: k, Node: &n}, err
	}
	if len(value) != 0 {
		return Entry{}, fmt.Errorf("%w: a forgotten replica has a value", ErrCorrupt)
	}
	_, err := k.Forgotten()
	return Entry{Key: k}, err
}

func decodeCounter(value []byte) (crdt.PNCounter, error) {
	if len(value) > EntryBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrCorrupt, len(value), EntryBytesMax)
	}
	r := &reader{data: value}
	n := r.array()
	switch {
	case r.err != nil:
		return nil, r.err
	case n == 0:
		return nil, fmt.Errorf("%w: a claim without records", ErrCorrupt)
	case n > arrayElementsMax || n > uint64(r.left()/recordBytesMin):
		return nil, fmt.Errorf("%w: %d records do not fit into %d bytes", ErrCorrupt, n, r.left())
	}
	return readCounter(r, int(n))
}

func readCounter(r *reader, n int) (crdt.PNCounter, error) {
	counter := make(crdt.PNCounter, n)
	for i := range counter {
		a := readRecord(r)
		if r.err != nil {
			return nil, r.err
		}
		counter[i] = a.contribution()
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return counter, validCounter(counter)
}

func validCounter(counter crdt.PNCounter) error {
	if err := counter.Validate(); err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return nil
}

func unpackCounter(records []recordArray) (crdt.PNCounter, error) {
	counter := make(crdt.PNCounter, len(records))
	for i := range records {
		counter[i] = records[i].contribution()
	}
	if err := validCounter(counter); err != nil {
		return nil, err
	}
	return counter, nil
}

// Validate reports which invariant the entry violates, or nil.
func (e Entry) Validate() error {
	_, err := DecodeEntry(e.Key, EncodeEntry(e))
	return err
}

// packEnd returns the end of a range: a key, or null for unbounded.
func packEnd(e ranges.End) []byte {
	if e.Unbounded {
		return nil
	}
	return slices.Concat([]byte{}, []byte(e.Key))
}

func unpackEnd(b []byte) ranges.End {
	if b == nil {
		return ranges.Unbounded()
	}
	return ranges.Before(string(b))
}
