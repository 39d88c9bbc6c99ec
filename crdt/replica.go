package crdt

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// ReplicaIDBytes is the size of a ReplicaID.
const ReplicaIDBytes = 16

// ReplicaID names one life of a data directory: 128 random bits, never the
// name of a node. A directory that is lost, restored or rolled back goes on
// under a new id, so that no (id, sequence) pair can ever be issued twice.
//
// The zero ReplicaID names nobody.
type ReplicaID [ReplicaIDBytes]byte

// String returns the id as 32 lower-case hexadecimal digits.
func (r ReplicaID) String() string { return hex.EncodeToString(r[:]) }

// IsZero reports whether r names nobody.
func (r ReplicaID) IsZero() bool { return r == ReplicaID{} }

// Compare orders ids bytewise.
func (r ReplicaID) Compare(other ReplicaID) int { return bytes.Compare(r[:], other[:]) }

// ParseReplicaID reads what String writes, and nothing else: an id has one
// text. Its errors wrap ErrSyntax.
func ParseReplicaID(s string) (ReplicaID, error) {
	if len(s) != hex.EncodedLen(ReplicaIDBytes) {
		return ReplicaID{}, fmt.Errorf("%w replica id: it has %d characters, want %d hexadecimal digits",
			ErrSyntax, len(s), hex.EncodedLen(ReplicaIDBytes))
	}
	var r ReplicaID
	if _, err := hex.Decode(r[:], []byte(s)); err != nil || r.String() != s {
		return ReplicaID{}, fmt.Errorf("%w replica id %q: want lower-case hexadecimal digits", ErrSyntax, s)
	}
	return r, nil
}
