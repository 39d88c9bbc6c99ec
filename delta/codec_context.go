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

// EncodeContext returns the entries of c, ascending by replica.
func EncodeContext(c crdt.Context) []byte {
	entries := make([]contextArray, 0, len(c))
	for r, sequence := range c.All() {
		entries = append(entries, contextArray{Replica: r, Sequence: sequence})
	}
	return Marshal(entries)
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
