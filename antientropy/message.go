package antientropy

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// The bodies of frames, as arrays in deterministic CBOR. docs/protocol.md has
// the tables.

// pushBody brings deltas that its sender has on disk.
type pushBody struct {
	_ struct{} `cbor:",toarray"`
	// All says that the sender pushes them to every live peer that it knows,
	// so that nobody else need pass them on.
	All    bool
	Deltas [][]byte
}

// seenArray names the events of a replica up to a sequence.
type seenArray struct {
	_        struct{} `cbor:",toarray"`
	Replica  crdt.ReplicaID
	Sequence uint64
}

// announceBody says up to where its sender has events.
type announceBody struct {
	_ struct{} `cbor:",toarray"`
	// Urgent says that no push of them is on its way.
	Urgent bool
	Have   []seenArray
}

// pullBody asks for events. It is about the listed replicas, of which the
// asking side has seen so much, and about others according to its scope.
type pullBody struct {
	_     struct{} `cbor:",toarray"`
	ID    uint64
	Scope scope
	// Bound is, for scopeBase, the hash of a context; for scopePage the last
	// replica of the page before and of this one, each empty at the ends.
	Bound [][]byte
	Seen  []seenArray
}

// scope says of which replicas a pull is beside those that it lists.
type scope uint8

const (
	// scopeListed: of no others.
	scopeListed scope = iota
	// scopePage: of all others in an interval of ids, nothing of which was
	// seen.
	scopePage
	// scopeBase: of all others, seen as far as a context reaches that both
	// sides were at, named by its hash.
	scopeBase
)

// trimArray says of a replica that the answering side has seen its events up
// to Have, but can send none from From on.
type trimArray struct {
	_          struct{} `cbor:",toarray"`
	Replica    crdt.ReplicaID
	From, Have uint64
}

// checkArray is a check within a frame, whose head says already what its first
// nine bytes do.
type checkArray struct {
	_       struct{} `cbor:",toarray"`
	Flags   uint8
	Context [16]byte
	Count   uint64
	Sum     [16]byte
	Events  uint64
}

// extent says how much an answer has of what was asked for.
type extent uint8

const (
	// extentAll: all there is, but what is listed as trimmed.
	extentAll extent = iota
	// extentMore: what there was room for.
	extentMore
	// extentUnknown: nothing, as the base of the question is not known.
	extentUnknown
)

// pullAnswer answers a pullBody.
type pullAnswer struct {
	_ struct{} `cbor:",toarray"`
	// Check is that of the answering side. Everything that it covers and the
	// question is about is in the answer, unless Extent says otherwise.
	Check   checkArray
	Extent  extent
	Trimmed []trimArray
	Deltas  [][]byte
}

// packedSpan asks about a span. Its start is coded like the end of a child,
// against the end of the span before it in the question; its end against its
// start. packed.go has the bytes.
type packedSpan struct {
	FromShared uint64
	From       []byte
	ToShared   uint64
	To         []byte
	Stance     stance
	// Count and Sum are the own digest for stanceCompare, else 0.
	Count, Sum uint64
}

// stance is what the asking side knows of a span.
type stance uint8

const (
	// stanceCompare: nothing; its digest is to be compared.
	stanceCompare stance = iota
	// stanceNothing: it has no entries there.
	stanceNothing
	// stanceDiffers: the digests were compared, and differ.
	stanceDiffers
	// stanceKnown: the same, and it knows the digest of the answering side in
	// the state that State names.
	stanceKnown
)

// rangeBody asks about spans.
type rangeBody struct {
	_  struct{} `cbor:",toarray"`
	ID uint64
	// Known is the hash of a context that the asking side holds: if the
	// answering side was at it, the answer need only say what has changed.
	Known [16]byte
	// State is the sum, cut to 64 bits, of the whole state in which digests of
	// the answering side are known, 0 if none are.
	State uint64
	// FanOut is into how many children to split, Leaf up to how many records to
	// send without.
	FanOut, Leaf uint64
	// Spans are packed (packSpans).
	Spans []byte
}

// packedChild is a child of a split span. Its end is the first Shared bytes of
// the end before it (of the start of the span for the first) and Suffix; that
// of the last is the end of the span, and left out. The whole last child is
// left out where its digest follows from that of the span.
type packedChild struct {
	Shared uint64
	Suffix []byte
	Sum    uint64
}

// entryArray is an entry; its key is coded like the end of a child.
type entryArray struct {
	_      struct{} `cbor:",toarray"`
	Shared uint64
	Suffix []byte
	Value  []byte
}

// packedAnswer is what there is to say about one span. Cut is empty if it is
// the end of the span. packed.go has the bytes.
type packedAnswer struct {
	Verdict  Verdict
	Children []packedChild
	Cut      []byte
	Entries  []entryArray
}

// senderArray is what the answering side knows beside its entries, at the
// instant of the answer. It is null where its context is still the one that the
// question named, and its entries do not go beyond that.
type senderArray struct {
	_ struct{} `cbor:",toarray"`
	// Hash is that of its context. Context has all its entries, or if Since
	// those that have changed since it had the hash that the asking side knows.
	Hash    [16]byte
	Since   bool
	Context []byte
	// Ahead is by what its entries may go beyond its context, null if by
	// nothing.
	Ahead []byte
}

// rangeAnswer answers a rangeBody; it has a verdict for each of its spans.
type rangeAnswer struct {
	_      struct{} `cbor:",toarray"`
	Sender *senderArray
	// State is the sum of the whole state, cut to 64 bits; null if it is still
	// the one that the question named.
	State *uint64
	// Spans are packed (packAnswers).
	Spans []byte
}

// sketchBody asks for symbols of the sketch of the whole state, from one on.
// Count and Sum are the own digest: there are no symbols where it is that of
// the answering side.
type sketchBody struct {
	_          struct{} `cbor:",toarray"`
	ID         uint64
	Known      [16]byte
	From, To   uint64
	Count, Sum uint64
}

// sketchAnswer answers a sketchBody. Symbols has symbolBytes for each.
type sketchAnswer struct {
	_       struct{} `cbor:",toarray"`
	Sender  *senderArray
	Count   uint64
	Sum     [16]byte
	Symbols []byte
}

// fetchBody asks for the entries that elements stand for, 8 bytes each,
// strictly ascending.
type fetchBody struct {
	_        struct{} `cbor:",toarray"`
	ID       uint64
	Known    [16]byte
	Elements []byte
}

// fetchAnswer answers a fetchBody: the entries of the first Done elements, as
// far as there are any, ascending by key.
type fetchAnswer struct {
	_       struct{} `cbor:",toarray"`
	Sender  *senderArray
	Done    uint64
	Entries []entryArray
}

// partBody is a part of an answer.
type partBody struct {
	_            struct{} `cbor:",toarray"`
	ID           uint64
	Index, Total uint64
	Bytes        []byte
}

// askBody asks whether everything it names is on disk.
type askBody struct {
	_    struct{} `cbor:",toarray"`
	ID   uint64
	Seen []seenArray
}

// confirmBody says that it is.
type confirmBody struct {
	_  struct{} `cbor:",toarray"`
	ID uint64
}

// askNamedBody asks whether everything that a context covers, named by its
// hash, and everything that is listed is on disk.
type askNamedBody struct {
	_    struct{} `cbor:",toarray"`
	ID   uint64
	Hash [16]byte
	Seen []seenArray // sequences may be 0
}

// unknownBody says that such a context is not known, and what has been seen
// instead.
type unknownBody struct {
	_     struct{} `cbor:",toarray"`
	ID    uint64
	Check checkArray
}

// historyBody asks for the events about a range in the log of the asked peer,
// behind a place in it.
type historyBody struct {
	_        struct{} `cbor:",toarray"`
	ID       uint64
	After    uint64
	Keyspace string
	From     []byte
	To       []byte // null: unbounded
}

// historyAnswer answers a historyBody: deltas that have events about the range,
// in the order of the log, and whether there are others behind Next. Holes says
// that the log lacks some.
type historyAnswer struct {
	_      struct{} `cbor:",toarray"`
	Next   uint64
	More   bool
	Holes  bool
	Deltas [][]byte
}

// seenMax bounds the replicas of one frame: 16 + 1 + 9 + 1 bytes each.
const seenMax = (FrameBytesMax - 256) / 27

// packSeen returns the entries of a context, ascending by replica.
func packSeen(c crdt.Context) []seenArray {
	out := make([]seenArray, 0, len(c))
	for r, sequence := range c.All() {
		out = append(out, seenArray{Replica: r, Sequence: sequence})
	}
	return out
}

// sequenceMax is the largest sequence that package delta accepts.
const sequenceMax = 1 << 62

// unpackSeen validates and returns what packSeen wrote; sequences may be 0 if
// zero is.
func unpackSeen(seen []seenArray, zero bool) (crdt.Context, error) {
	if err := validateSeen(seen, zero); err != nil {
		return nil, err
	}
	c := make(crdt.Context, len(seen))
	for _, e := range seen {
		c[e.Replica] = e.Sequence
	}
	return c, nil
}

func validateSeen(seen []seenArray, zero bool) error {
	for i, e := range seen {
		switch {
		case e.Replica.IsZero() || e.Sequence > sequenceMax || e.Sequence == 0 && !zero:
			return fmt.Errorf("%w dot %s:%d", delta.ErrCorrupt, e.Replica, e.Sequence)
		case i > 0 && seen[i-1].Replica.Compare(e.Replica) >= 0:
			return fmt.Errorf("%w: replicas are not strictly ascending", delta.ErrCorrupt)
		}
	}
	return nil
}

// head is what a delta says of itself in its first bytes.
type head struct {
	Origin      crdt.ReplicaID
	First, Last uint64
}

// peek reads the head of an encoded delta without decoding the rest: most of
// what arrives in a large cluster has been seen already. It says nothing about
// whether the rest is valid.
func peek(b []byte) (head, bool) {
	const arrayOf4, bytesOf16 = 0x84, 0x50
	if len(b) < 20 || b[0] != arrayOf4 || b[1] != bytesOf16 {
		return head{}, false
	}
	h := head{Origin: crdt.ReplicaID(b[2:18])}
	first, rest, ok := peekHead(b[18:], 0)
	if !ok {
		return head{}, false
	}
	if len(rest) > 0 && rest[0]>>5 == 1 { // a time before 1970
		_, rest, ok = peekHead(rest, 1)
	} else {
		_, rest, ok = peekHead(rest, 0)
	}
	events, _, ok2 := peekHead(rest, 4)
	if !ok || !ok2 || first == 0 || first > sequenceMax || events == 0 || events > delta.DeltaBytesMax {
		return head{}, false
	}
	h.First, h.Last = first, first+events-1
	return h, true
}

// peekHead reads the head of one CBOR item of a major type.
func peekHead(b []byte, major byte) (value uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0]>>5 != major {
		return 0, nil, false
	}
	info := b[0] & 0x1f
	if info < 24 {
		return uint64(info), b[1:], true
	}
	if info > 27 {
		return 0, nil, false
	}
	n := 1 << (info - 24)
	if len(b) < 1+n {
		return 0, nil, false
	}
	for _, x := range b[1 : 1+n] {
		value = value<<8 | uint64(x)
	}
	return value, b[1+n:], true
}
