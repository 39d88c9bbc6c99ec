package delta

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

type deltaArray struct {
	_      struct{} `cbor:",toarray"`
	Origin crdt.ReplicaID
	First  uint64
	Time   int64
	Events []eventArray
}

type eventArray struct {
	_    struct{} `cbor:",toarray"`
	Kind Kind
	Body cbor.RawMessage
}

type claimArray struct {
	_        struct{} `cbor:",toarray"`
	Keyspace string
	Node     string
	From     []byte
	To       []byte // null: unbounded
}

func packClaim(c ranges.Claim) claimArray {
	return claimArray{Keyspace: c.Keyspace, Node: c.Node, From: []byte(c.Range.From), To: packEnd(c.Range.To)}
}

func (a claimArray) unpack() (ranges.Claim, error) {
	if a.From == nil {
		return ranges.Claim{}, fmt.Errorf("%w: the start of a range is null", ErrCorrupt)
	}
	c := ranges.Claim{Keyspace: a.Keyspace, Node: a.Node, Range: ranges.Range{From: string(a.From), To: unpackEnd(a.To)}}
	if err := c.Validate(); err != nil {
		return ranges.Claim{}, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return c, nil
}

// addArray is an Add: the record of the event's origin, without what the dot
// says already. Distances are those of recordArray.
type addArray struct {
	_         struct{} `cbor:",toarray"`
	Claim     claimArray
	By        int64
	Era       uint64
	Total     int64
	Added     uint64
	Register  uint64
	Amount    int64
	Watermark uint64
	Released  int64
}

// markArray is one watermark of a Release.
type markArray struct {
	_      struct{} `cbor:",toarray"`
	Origin crdt.ReplicaID
	Last   uint64
	Era    uint64 // Last − Era
	Total  int64
}

type releaseArray struct {
	_     struct{} `cbor:",toarray"`
	Claim claimArray
	Marks []markArray
}

type closeArray struct {
	_     struct{} `cbor:",toarray"`
	Claim claimArray
	Era   uint64
}

type advertiseArray struct {
	_    struct{} `cbor:",toarray"`
	Name string
	Node nodeArray
}

type forgetArray struct {
	_       struct{} `cbor:",toarray"`
	Replica crdt.ReplicaID
}

// EncodeDelta returns the encoded form of d, or an error wrapping ErrTooLarge.
func EncodeDelta(d Delta) ([]byte, error) {
	b, err := appendDelta(make([]byte, 0, d.roughBytes()), d)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// appendDelta appends the encoded form of d to b, which is empty; also to what it
// returns beside an error.
func appendDelta(b []byte, d Delta) ([]byte, error) {
	b = AppendArray(b, deltaFields)
	b = AppendBytes(b, d.Origin[:])
	b = AppendUint(b, d.First)
	b = AppendInt(b, d.Time)
	b = AppendArray(b, uint64(len(d.Events)))
	for i := range d.Events {
		b = appendEvent(b, &d.Events[i])
	}
	if len(b) > DeltaBytesMax {
		return b, fmt.Errorf("%w batch: its delta has %d bytes, at most %d are allowed; split the batch, down to one operation where a release takes back very many records", ErrTooLarge, len(b), DeltaBytesMax)
	}
	return b, nil
}

// roughBytes is about how many bytes a delta of Adds has, seldom fewer.
func (d Delta) roughBytes() int {
	bytes := headBytesMax
	for i := range d.Events {
		c := &d.Events[i].Claim
		bytes += len(c.Keyspace) + len(c.Node) + len(c.Range.From) + len(c.Range.To.Key) + addBytesRough
	}
	return bytes
}

// addBytesRough is what most Adds have beside names and bounds.
const addBytesRough = 32

// How many elements the arrays have that are written without reflection.
const (
	deltaFields = 4
	eventFields = 2
	claimFields = 4
	addFields   = 9
)

// appendEvent appends an event; an Add, as nearly all are, without reflection.
func appendEvent(b []byte, e *Event) []byte {
	b = AppendArray(b, eventFields)
	b = AppendUint(b, uint64(e.Kind))
	if e.Kind != Add {
		return append(b, Marshal(packBody(e))...)
	}
	x := packContribution(e.Contribution())
	b = AppendArray(b, addFields)
	b = appendClaim(b, e.Claim)
	b = AppendInt(b, e.By)
	return x.appendFromEra(b)
}

func appendClaim(b []byte, c ranges.Claim) []byte {
	b = AppendArray(b, claimFields)
	b = appendText(b, c.Keyspace)
	b = appendText(b, c.Node)
	b = AppendBytes(b, c.Range.From)
	if c.Range.To.Unbounded {
		return append(b, null)
	}
	return AppendBytes(b, c.Range.To.Key)
}

func packBody(e *Event) any {
	switch e.Kind {
	case Release:
		marks := make([]markArray, len(e.Released()))
		for i, x := range e.Released() {
			marks[i] = markArray{Origin: x.Origin, Last: x.Last, Era: x.Last - x.Era, Total: x.Total}
		}
		return releaseArray{Claim: packClaim(e.Claim), Marks: marks}
	case Close:
		return closeArray{Claim: packClaim(e.Claim), Era: e.Era}
	case Advertise:
		return advertiseArray{Name: e.Node.Name, Node: packNode(*e.Node)}
	case Forget:
		return forgetArray{Replica: e.Replica}
	}
	panic(fmt.Sprintf("encode event of kind %d", e.Kind))
}

// DecodeDelta returns the delta that EncodeDelta wrote. Every invariant that
// does not depend on a state is checked.
func DecodeDelta(b []byte) (Packed, error) {
	if d, ok := decodeAdds(b); ok {
		return Packed{Delta: d, Bytes: b}, nil
	}
	return decodeAnyDelta(b)
}

// decodeAdds decodes a delta of Adds, as nearly all are, without reflection. What is
// anything else, or wrong, it leaves to decodeAnyDelta, which says why.
func decodeAdds(b []byte) (d Delta, ok bool) {
	r := reader{data: b}
	d, n, ok := readHead(&r)
	if !ok {
		return Delta{}, false
	}
	d.Events = make([]Event, n)
	if d.validateHead() != nil {
		return Delta{}, false
	}
	records := make(crdt.PNCounter, n)
	for i := range d.Events {
		if d.Events[i], ok = readAdd(&r, d.Dot(i), records[i:i+1:i+1]); !ok {
			return Delta{}, false
		}
	}
	return d, r.end() == nil
}

// addBytesMin is how many bytes an Add takes at least, with its kind.
const addBytesMin = 1 + 1 + 1 + (1 + claimFields) + addFields - 1

// readHead reads what precedes the events of a delta, and how many these are; false, if
// something else is there, or fewer bytes than so many Adds have.
func readHead(r *reader) (d Delta, events int, ok bool) {
	if len(r.data) > DeltaBytesMax || r.array() != deltaFields {
		return Delta{}, 0, false
	}
	copy(d.Origin[:], r.bytes(len(d.Origin)))
	d.First, d.Time = r.uint(), r.int()
	n := r.array()
	return d, int(n), r.err == nil && n <= uint64(r.left()/addBytesMin)
}

// readAddHead reads what precedes the fields of an Add; false, if something else is there.
func readAddHead(r *reader) bool {
	return r.array() == eventFields && Kind(r.uint()) == Add && r.array() == addFields
}

// readAdd reads an Add, and its record into room for one; false, if something else is
// there.
func readAdd(r *reader, dot crdt.Dot, room crdt.PNCounter) (Event, bool) {
	if !readAddHead(r) {
		return Event{}, false
	}
	claim, ok := readClaim(r)
	if !ok {
		return Event{}, false
	}
	by, x := r.int(), recordArray{Origin: dot.Replica, Last: dot.Sequence}
	x.readFromEra(r)
	if r.err != nil {
		return Event{}, false
	}
	e, err := addOf(claim, by, x, room)
	return e, err == nil
}

// readClaim reads a claim; false, if something else is there.
func readClaim(r *reader) (c ranges.Claim, ok bool) {
	if r.array() != claimFields {
		return ranges.Claim{}, false
	}
	c.Keyspace, c.Node, c.Range = r.text(), r.text(), readBounds(r).Range()
	return c, r.err == nil && c.Validate() == nil
}

// readBounds reads the bounds of a claim. They share the memory of r.
func readBounds(r *reader) (bounds ranges.RangeBytes) {
	bounds.From = r.string(majorBytes)
	if bounds.Unbounded = r.isNull(); !bounds.Unbounded {
		bounds.To = r.string(majorBytes)
	}
	return bounds
}

// decodeAnyDelta is DecodeDelta for any of them.
func decodeAnyDelta(b []byte) (Packed, error) {
	var a deltaArray
	if err := Unmarshal(b, &a, DeltaBytesMax); err != nil {
		return Packed{}, fmt.Errorf("decode delta: %w", err)
	}
	d := Delta{Origin: a.Origin, First: a.First, Time: a.Time, Events: make([]Event, len(a.Events))}
	if err := d.validateHead(); err != nil {
		return Packed{}, fmt.Errorf("decode delta: %w", err)
	}
	for i, x := range a.Events {
		e, err := decodeEvent(d.Dot(i), x)
		if err != nil {
			return Packed{}, fmt.Errorf("decode event %s: %w", d.Dot(i), err)
		}
		d.Events[i] = e
	}
	return Packed{Delta: d, Bytes: b}, nil
}

// sequenceMax keeps arithmetic on sequences from wrapping around.
const sequenceMax = 1 << 62

func (d Delta) validateHead() error {
	switch {
	case d.Origin.IsZero():
		return fmt.Errorf("%w: the origin is zero", ErrCorrupt)
	case len(d.Events) == 0:
		return fmt.Errorf("%w: no events", ErrCorrupt)
	case d.First == 0 || d.First > sequenceMax:
		return fmt.Errorf("%w: the first sequence %d is out of bounds", ErrCorrupt, d.First)
	}
	return nil
}

func decodeEvent(dot crdt.Dot, x eventArray) (Event, error) {
	switch x.Kind {
	case Add:
		return decodeAdd(dot, x.Body)
	case Release:
		return decodeRelease(dot, x.Body)
	case Close:
		return decodeClose(dot, x.Body)
	case Advertise:
		return decodeAdvertise(dot, x.Body)
	case Forget:
		return decodeForget(dot, x.Body)
	}
	return Event{}, fmt.Errorf("%w: unknown kind %d", ErrCorrupt, x.Kind)
}

func decodeAdd(dot crdt.Dot, body []byte) (Event, error) {
	var a addArray
	if err := Unmarshal(body, &a, DeltaBytesMax); err != nil {
		return Event{}, err
	}
	claim, err := a.Claim.unpack()
	if err != nil {
		return Event{}, err
	}
	return addOf(claim, a.By, recordArray{
		Origin: dot.Replica, Last: dot.Sequence, Era: a.Era, Total: a.Total, Added: a.Added,
		Register: a.Register, Amount: a.Amount, Watermark: a.Watermark, Released: a.Released,
	}, make(crdt.PNCounter, 1))
}

// addOf returns the Add of an amount after which its origin has a record, which goes into
// room for one.
func addOf(claim ranges.Claim, by int64, a recordArray, room crdt.PNCounter) (Event, error) {
	x, err := a.unpack()
	switch {
	case err != nil:
		return Event{}, err
	case !x.IsLive():
		return Event{}, fmt.Errorf("%w: an add of nothing", ErrCorrupt)
	case by == 0 && x.Register != x.Last, by > 0 && (x.Added != x.Last || x.Register == x.Last), by < 0 && x.Added == x.Last:
		return Event{}, fmt.Errorf("%w: the amount and the record of an add do not fit", ErrCorrupt)
	}
	room[0] = x
	return Event{Kind: Add, Claim: claim, Records: room, By: by}, nil
}

func decodeRelease(dot crdt.Dot, body []byte) (Event, error) {
	var a releaseArray
	if err := Unmarshal(body, &a, DeltaBytesMax); err != nil {
		return Event{}, err
	}
	claim, err := a.Claim.unpack()
	if err != nil {
		return Event{}, err
	}
	if len(a.Marks) == 0 {
		return Event{}, fmt.Errorf("%w: a release of nothing", ErrCorrupt)
	}
	records := make([]recordArray, len(a.Marks))
	for i, m := range a.Marks {
		if m.Origin == dot.Replica && m.Last >= dot.Sequence {
			return Event{}, fmt.Errorf("%w: a release of its own future", ErrCorrupt)
		}
		records[i] = recordArray{Origin: m.Origin, Last: m.Last, Era: m.Era, Total: m.Total, Watermark: 1, Released: m.Total}
	}
	released, err := unpackCounter(records)
	return Event{Kind: Release, Claim: claim, Records: released}, err
}

func decodeClose(dot crdt.Dot, body []byte) (Event, error) {
	var a closeArray
	if err := Unmarshal(body, &a, DeltaBytesMax); err != nil {
		return Event{}, err
	}
	claim, err := a.Claim.unpack()
	if err == nil && (a.Era == 0 || a.Era >= dot.Sequence) {
		err = fmt.Errorf("%w: a close of era %d", ErrCorrupt, a.Era)
	}
	return Event{Kind: Close, Claim: claim, Era: a.Era}, err
}

func decodeAdvertise(dot crdt.Dot, body []byte) (Event, error) {
	var a advertiseArray
	if err := Unmarshal(body, &a, DeltaBytesMax); err != nil {
		return Event{}, err
	}
	n, err := a.Node.unpack(a.Name)
	if err == nil && n.Dot != dot {
		err = fmt.Errorf("%w: a node record with the dot of another event", ErrCorrupt)
	}
	return Event{Kind: Advertise, Node: &n}, err
}

func decodeForget(dot crdt.Dot, body []byte) (Event, error) {
	var a forgetArray
	if err := Unmarshal(body, &a, DeltaBytesMax); err != nil {
		return Event{}, err
	}
	if a.Replica.IsZero() || a.Replica == dot.Replica {
		return Event{}, fmt.Errorf("%w: a replica forgets nobody, or itself", ErrCorrupt)
	}
	return Event{Kind: Forget, Replica: a.Replica}, nil
}
