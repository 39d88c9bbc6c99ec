package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/scalesmall/ssnode/wire"
)

// Join has the node meet members at gossip addresses, HOST:PORT each. Whoever
// it meets it remembers and rejoins for ever. That nobody was met is an error.
func (c *Client) Join(ctx context.Context, addresses ...string) (wire.Joined, error) {
	var joined wire.Joined
	err := c.post(ctx, "/v1/join", wire.JoinRequest{Addresses: addresses}, &joined)
	return joined, err
}

// Leave has the node tell the others that it leaves, and stop. Its claims stay
// unless release says otherwise.
func (c *Client) Leave(ctx context.Context, release bool) (wire.Left, error) {
	var left wire.Left
	err := c.post(ctx, "/v1/leave", wire.LeaveRequest{Release: release}, &left)
	return left, err
}

// Forget retires a node, or one replica, that does not come back.
func (c *Client) Forget(ctx context.Context, q wire.ForgetRequest) (wire.Forgotten, error) {
	var forgotten wire.Forgotten
	err := c.post(ctx, "/v1/forget", q, &forgotten)
	return forgotten, err
}

// SetNode says what a node says of itself: the one that is asked, or one that
// is no living member.
func (c *Client) SetNode(ctx context.Context, name string, q wire.NodeRequest) (wire.NodeWritten, error) {
	var written wire.NodeWritten
	err := c.call(ctx, request{method: http.MethodPut, path: "/v1/nodes/" + url.PathEscape(name), body: q, accept: typeJSON}, &written)
	return written, err
}

// State returns fingerprints of parts of the node's state, or entries of it.
func (c *Client) State(ctx context.Context, q wire.StateRequest) (wire.State, error) {
	var state wire.State
	err := c.post(ctx, "/v1/fingerprints", q, &state)
	return state, err
}
