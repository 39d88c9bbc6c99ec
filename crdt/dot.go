package crdt

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Dot names one event: the sequence-th event of a replica. Sequences start at
// one and have no holes.
//
// The zero Dot names no event.
type Dot struct {
	Replica  ReplicaID
	Sequence uint64
}

// String returns the dot as "replica:sequence".
func (d Dot) String() string {
	return d.Replica.String() + ":" + strconv.FormatUint(d.Sequence, 10)
}

// IsZero reports whether d names no event.
func (d Dot) IsZero() bool { return d == Dot{} }

// Compare orders dots by replica, then by sequence.
func (d Dot) Compare(other Dot) int {
	return cmp.Or(d.Replica.Compare(other.Replica), cmp.Compare(d.Sequence, other.Sequence))
}

// Validate reports why d cannot name an event, or nil.
func (d Dot) Validate() error {
	switch {
	case d.Replica.IsZero():
		return fmt.Errorf("%w dot %s: the replica id is zero", ErrInvalid, d)
	case d.Sequence == 0:
		return fmt.Errorf("%w dot %s: sequences start at 1", ErrInvalid, d)
	}
	return nil
}

// ParseDot reads what Dot.String writes, and nothing else: a dot has one text.
// Its errors wrap ErrSyntax, or ErrInvalid if the text is a dot that can name
// no event.
func ParseDot(s string) (Dot, error) {
	id, digits, ok := strings.Cut(s, ":")
	if !ok {
		return Dot{}, fmt.Errorf("%w dot: want replica:sequence", ErrSyntax)
	}
	replica, err := ParseReplicaID(id)
	if err != nil {
		return Dot{}, fmt.Errorf("parse dot: %w", err)
	}
	sequence, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strconv.FormatUint(sequence, 10) != digits {
		return Dot{}, fmt.Errorf("%w dot of replica %s: want a decimal sequence of at most 64 bits without leading zeros", ErrSyntax, replica)
	}
	d := Dot{Replica: replica, Sequence: sequence}
	if err := d.Validate(); err != nil {
		return Dot{}, err
	}
	return d, nil
}
