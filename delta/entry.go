package delta

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Entry is all that the state holds under one key: the counter of a claim, the
// record of a node, or, for a forgotten replica, nothing but the key.
type Entry struct {
	Key Key
	// Counter has one record per origin. Only for claims, and never empty
	// there: a claim without records has no entry.
	Counter crdt.PNCounter
	// Node is the winning record. Only for nodes, else nil: nearly all entries are
	// of claims, and a record is larger than all that those have.
	Node *NodeRecord
}

// IsZero reports whether there is no entry.
func (e Entry) IsZero() bool { return e.Key == "" }

// Records returns how many records the entry counts for in a fingerprint: one
// per origin for a claim, one otherwise.
func (e Entry) Records() int {
	switch {
	case len(e.Counter) > 0: // of a claim; else the key is to be looked at
		return len(e.Counter)
	case e.IsZero(), e.Key.IsClaim():
		return 0
	}
	return 1
}

// node returns the record of a node, the zero one if there is none.
func (e Entry) node() NodeRecord {
	if e.Node == nil {
		return NodeRecord{}
	}
	return *e.Node
}

// Equal reports whether two entries are the same state.
func (e Entry) Equal(other Entry) bool {
	return e.Key == other.Key && e.Counter.Equal(other.Counter) && e.Node.Equal(other.Node)
}

// Label is one name and value that a node says of itself, such as its zone.
type Label struct{ Name, Value string }

// NodeRecord is what a node advertises about itself. One writer is the rule;
// where there are several, the highest generation wins, then the highest dot.
type NodeRecord struct {
	// Name is the name of the node.
	Name string
	// Generation is one more than the highest that the writer had observed.
	Generation uint64
	// Dot is the event that wrote the record.
	Dot crdt.Dot
	// Service is the address at which the node serves its users, API that of
	// its HTTP interface, Gossip that at which other members reach it.
	Service, API, Gossip string
	// Labels are ascending by name, without repetition.
	Labels []Label
	// Retired says that the node was forgotten and is to be shown no more.
	Retired bool
}

// String returns the fields, for messages. Nil is none.
func (n *NodeRecord) String() string {
	if n == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *n)
}

// Compare orders the records of one node: the greater wins. Different records
// have equal dots only if a sequence was used twice; what they say then decides
// for one of them, the same everywhere.
func (n NodeRecord) Compare(other NodeRecord) int {
	return cmp.Or(
		cmp.Compare(n.Generation, other.Generation),
		n.Dot.Compare(other.Dot),
		bytes.Compare(encodeNode(n), encodeNode(other)),
	)
}

// Join returns the record that wins.
func (n NodeRecord) Join(other NodeRecord) NodeRecord {
	if n.Compare(other) < 0 {
		return other
	}
	return n
}

// Equal reports whether two records are the same. Nil is none.
func (n *NodeRecord) Equal(other *NodeRecord) bool {
	if n == nil || other == nil {
		return n == other
	}
	return n.Name == other.Name && n.Generation == other.Generation && n.Dot == other.Dot &&
		n.SaysTheSame(*other) && n.Retired == other.Retired
}

// SaysTheSame reports whether two records advertise the same, whoever wrote
// them and when.
func (n NodeRecord) SaysTheSame(other NodeRecord) bool {
	return n.Service == other.Service && n.API == other.API && n.Gossip == other.Gossip &&
		slices.Equal(n.Labels, other.Labels)
}

// Validate reports why the record cannot be advertised, or nil. What it admits
// every replica can decode.
func (n NodeRecord) Validate() error {
	if err := ranges.ValidateName("node", n.Name); err != nil {
		return err
	}
	for _, address := range []string{n.Service, n.API, n.Gossip} {
		if !utf8.ValidString(address) {
			return fmt.Errorf("%w node record: the address %q is not UTF-8", ErrInvalid, address)
		}
	}
	for i, l := range n.Labels {
		if err := l.validate(); err != nil {
			return err
		}
		if i > 0 && n.Labels[i-1].Name >= l.Name {
			return fmt.Errorf("%w node record: labels are not strictly ascending at %q", ErrInvalid, l.Name)
		}
	}
	if size := n.encodedBytesMax(); size > NodeRecordBytesMax {
		return fmt.Errorf("%w node record: %d bytes, at most %d are allowed; use shorter addresses or fewer labels", ErrTooLarge, size, NodeRecordBytesMax)
	}
	return nil
}

func (l Label) validate() error {
	if err := ranges.ValidateName("label", l.Name); err != nil {
		return err
	}
	if !utf8.ValidString(l.Value) {
		return fmt.Errorf("%w label %s: the value %q is not UTF-8", ErrInvalid, l.Name, l.Value)
	}
	return nil
}

// generationMax keeps the next generation from wrapping around.
const generationMax = 1 << 62

// encodedBytesMax returns the size of the encoded record with the largest
// generation and dot: what may be advertised does not depend on the past.
func (n NodeRecord) encodedBytesMax() int {
	n.Generation, n.Dot.Sequence = math.MaxUint64, math.MaxUint64
	return len(encodeNode(n))
}
