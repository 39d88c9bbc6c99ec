package api

import (
	"context"
	"errors"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// causes is the one table from the errors of a node to the codes of answers.
// The first that matches counts.
var causes = []struct {
	err  error
	code wire.Code
}{
	{delta.ErrTooLarge, wire.CodeTooLarge},
	{delta.ErrNotFound, wire.CodeNotFound},
	{delta.ErrGap, wire.CodeConflict},
	{delta.ErrInvalid, wire.CodeInvalid},
	{ranges.ErrInvalid, wire.CodeInvalid},
	{node.ErrAlive, wire.CodeConflict},
	{node.ErrSelf, wire.CodeConflict},
	{node.ErrNameTaken, wire.CodeConflict},
	{node.ErrForeign, wire.CodeConflict},
	{node.ErrNotReached, wire.CodeUnavailable},
	{node.ErrBusy, wire.CodeUnavailable},
	{node.ErrLeaving, wire.CodeUnavailable},
	{node.ErrClosed, wire.CodeUnavailable},
	{node.ErrUnavailable, wire.CodeUnavailable},
	{node.ErrBehind, wire.CodeUnavailable},
	{node.ErrUnknownToken, wire.CodeTrimmed},
	{context.DeadlineExceeded, wire.CodeUnavailable},
	{context.Canceled, wire.CodeUnavailable},
}

// errorOf returns the answer that says err.
func errorOf(err error) *wire.Error {
	var answer *wire.Error
	if errors.As(err, &answer) {
		return answer
	}
	var m *methodError
	if errors.As(err, &m) {
		return &wire.Error{Message: err.Error(), Code: wire.CodeInvalid}
	}
	for _, cause := range causes {
		if errors.Is(err, cause.err) {
			return &wire.Error{Message: err.Error(), Code: cause.code}
		}
	}
	return &wire.Error{Message: "a fault of the node, see its log: " + err.Error(), Code: wire.CodeInternal}
}
