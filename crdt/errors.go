package crdt

import "errors"

// Errors of this package, wrapped with the offending value.
var (
	// ErrSyntax is wrapped by every refusal to parse a text.
	ErrSyntax = errors.New("malformed")
	// ErrInvalid is wrapped by every error of a Validate method, and of the
	// functions that load a state: no sequence of operations and joins leads
	// to what was refused.
	ErrInvalid = errors.New("invalid")
)
