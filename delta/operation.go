package delta

import (
	"fmt"

	"github.com/scalesmall/ssnode/ranges"
)

// Verb says what an operation does.
type Verb uint8

// The verbs. Set is the Increase or Decrease that gets to a priority; its step
// may be larger than AmountMax, which bounds what a user names.
const (
	VerbRegister Verb = 1 + iota
	VerbRelease
	VerbIncrease
	VerbDecrease
	VerbSet
	VerbTighten
)

// Operation is what a user asks for. What it does depends on what is visible
// where it is carried out (docs/data-model.md, 1); the events that it turns into do
// not.
type Operation struct {
	Verb  Verb
	Claim ranges.Claim
	// Amount is the priority of a Register or Set, and by how much an Increase
	// or Decrease changes it: 1 to AmountMax. Unused by the others.
	Amount int64
	// IfVisible makes an Increase of an invisible claim fail with ErrNotFound.
	IfVisible bool
	// To is the smaller range of a Tighten, and AllowGap permits that it
	// leaves keys served by nobody.
	To       ranges.Range
	AllowGap bool
}

// Result is what an operation did to the claim it leaves behind.
type Result struct {
	// Changed reports whether what is shown has changed.
	Changed bool
	// Priority is what is shown afterwards, 0 if the claim is not visible.
	Priority int64
}

// Validate reports why the operation cannot be carried out anywhere, or nil.
func (o Operation) Validate() error {
	if err := o.Claim.Validate(); err != nil {
		return err
	}
	switch o.Verb {
	case VerbRegister, VerbIncrease, VerbDecrease, VerbSet:
		if o.Amount < 1 || o.Amount > AmountMax {
			return fmt.Errorf("%w amount %d: it must be between 1 and %d", ErrInvalid, o.Amount, AmountMax)
		}
	case VerbRelease:
	case VerbTighten:
		return o.validateTighten()
	default:
		return fmt.Errorf("%w operation %d", ErrInvalid, o.Verb)
	}
	return nil
}

func (o Operation) validateTighten() error {
	switch err := o.To.Validate(); {
	case err != nil:
		return err
	case o.To == o.Claim.Range:
		return fmt.Errorf("%w tighten: the new range equals the old one", ErrInvalid)
	case !o.Claim.Range.Covers(o.To):
		return fmt.Errorf("%w tighten: the new range is not inside the old one", ErrInvalid)
	}
	return nil
}

// BatchError says which operation of a batch failed, and why.
type BatchError struct {
	// Index counts from 0.
	Index int
	Err   error
}

func (e *BatchError) Error() string { return fmt.Sprintf("operation %d: %v", e.Index+1, e.Err) }

// Unwrap returns the cause.
func (e *BatchError) Unwrap() error { return e.Err }
