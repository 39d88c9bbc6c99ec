package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scalesmall/ssnode/wire"
)

// Errors of a client.
var (
	// ErrUnreachable is wrapped when no answer came: the connection was
	// refused, cut, or timed out.
	ErrUnreachable = errors.New("unreachable")
	// ErrTooLong is wrapped when an answer is longer than the client is
	// willing to hold.
	ErrTooLong = errors.New("the answer is too long")
	// ErrAddress is wrapped by the refusal of an address.
	ErrAddress = errors.New("invalid address")
)

// UnreachableError says which node did not answer, and why.
type UnreachableError struct {
	Address string
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the node at %s cannot be reached: %v", e.Address, e.Err)
}

// Unwrap returns ErrUnreachable and the cause.
func (e *UnreachableError) Unwrap() []error { return []error{ErrUnreachable, e.Err} }

// unreachable wraps what the transport said. The end of the caller's own
// context is not the node's fault and stays what it is.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("ask %s: %w", c.base, context.Cause(ctx))
	}
	return &UnreachableError{Address: c.base.String(), Err: rootOf(err)}
}

// rootOf strips the method and URL that net/http puts before the cause.
func rootOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// errorOf reads the error that a node answered. A body that is none, such as
// that of a proxy, is quoted.
func errorOf(r *http.Response) error {
	const quotedMax = 200
	body, err := io.ReadAll(io.LimitReader(r.Body, errorBytesMax))
	if err != nil {
		return wire.Errorf(wire.CodeOfStatus(r.StatusCode), "the node answered %s, and its explanation was cut off", r.Status)
	}
	var e wire.Error
	if json.Unmarshal(body, &e) == nil && e.Message != "" && e.Code != "" {
		return &e
	}
	text := strings.TrimSpace(string(body))
	if len(text) > quotedMax {
		text = text[:quotedMax] + "…"
	}
	return wire.Errorf(wire.CodeOfStatus(r.StatusCode), "answered with %s instead of what a node says: %q; check the address", r.Status, text)
}
