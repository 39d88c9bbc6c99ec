package delta

import (
	"errors"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Limits of one write. Everything is refused before anything is written.
const (
	// AmountMax bounds the amount of one Register, Increase or Decrease.
	AmountMax = 1<<31 - 1
	// PriorityMax bounds a priority: what every JSON reader can represent.
	PriorityMax = crdt.TotalMax
	// BatchOperationsMax bounds the operations of one batch.
	BatchOperationsMax = 10_000
	// DeltaBytesMax bounds an encoded delta, in bytes.
	DeltaBytesMax = 1 << 20
	// NodeRecordBytesMax bounds the encoded record of a node without its name,
	// in bytes.
	NodeRecordBytesMax = 4096
)

// Errors of operations.
var (
	// ErrInvalid is wrapped by every refusal of an operation as such. It is
	// that of package ranges, which refuses claims and names.
	ErrInvalid = ranges.ErrInvalid
	// ErrTooLarge is wrapped when a batch exceeds a limit as a whole.
	ErrTooLarge = errors.New("too large")
	// ErrNotFound is wrapped when an operation needs a visible claim and finds
	// none.
	ErrNotFound = errors.New("not found")
	// ErrGap is wrapped when a Tighten would leave keys served by nobody.
	ErrGap = errors.New("would leave a gap")
)

// Errors of identity: what arrived proves that this replica must go on under
// a new id before it applies it. Nothing was changed; the caller renames the
// commit's replica and offers the same again.
var (
	// ErrAmnesia says that others know events of this replica that it does
	// not know itself: its directory was rolled back.
	ErrAmnesia = errors.New("others know events of this replica that it has lost")
	// ErrForgotten says that this replica was retired by `forget`.
	ErrForgotten = errors.New("this replica was forgotten by the cluster")
)

// Errors of decoding.
var (
	// ErrCorrupt is wrapped by every refusal of encoded bytes.
	ErrCorrupt = errors.New("corrupt")
)
