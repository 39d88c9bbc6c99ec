package delta

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

// contextArray is one entry of a context.
type contextArray struct {
	_        struct{} `cbor:",toarray"`
	Replica  crdt.ReplicaID
	Sequence uint64
}

// How many elements an entry of a context has, and how many bytes it and the head
// before all entries have at most.
const (
	seenFields          = 2
	seenBytesMax        = 1 + 1 + crdt.ReplicaIDBytes + 9
	contextHeadBytesMax = 9
)

// EncodeContext returns the entries of c, ascending by replica. Every write is
// answered with one, so they are written without reflection.
func EncodeContext(c crdt.Context) []byte {
	b := make([]byte, 0, contextHeadBytesMax+seenBytesMax*len(c))
	b = AppendArray(b, uint64(len(c)))
	for r, sequence := range c.All() {
		b = appendSeen(b, r, sequence)
	}
	return b
}

func appendSeen(b []byte, r crdt.ReplicaID, sequence uint64) []byte {
	b = AppendArray(b, seenFields)
	b = AppendBytes(b, r[:])
	return AppendUint(b, sequence)
}

// DotContextBytesMax is how many bytes AppendDotContext appends at most.
const DotContextBytesMax = 1 + seenBytesMax

// AppendDotContext appends what EncodeContext returns of the context that has seen
// a replica's events up to one, and nothing else; of an empty one, if there is none.
func AppendDotContext(b []byte, last crdt.Dot) []byte {
	if last.Sequence == 0 {
		return AppendArray(b, 0)
	}
	return appendSeen(AppendArray(b, 1), last.Replica, last.Sequence)
}

// DecodeContext returns the context that EncodeContext wrote, refusing more
// than bytesMax bytes.
func DecodeContext(b []byte, bytesMax int) (crdt.Context, error) {
	var entries []contextArray
	if err := Unmarshal(b, &entries, bytesMax); err != nil {
		return nil, fmt.Errorf("decode context: %w", err)
	}
	if entries == nil {
		return nil, fmt.Errorf("decode context: %w: null", ErrCorrupt)
	}
	c := crdt.NewContext()
	for i, e := range entries {
		if i > 0 && entries[i-1].Replica.Compare(e.Replica) >= 0 {
			return nil, fmt.Errorf("decode context: %w: replicas are not strictly ascending", ErrCorrupt)
		}
		if err := (crdt.Dot{Replica: e.Replica, Sequence: e.Sequence}).Validate(); err != nil {
			return nil, fmt.Errorf("decode context: %w: %v", ErrCorrupt, err)
		}
		if e.Sequence > sequenceMax {
			return nil, fmt.Errorf("decode context: %w: sequence %d is out of bounds", ErrCorrupt, e.Sequence)
		}
		c[e.Replica] = e.Sequence
	}
	return c, nil
}
