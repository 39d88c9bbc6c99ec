package client

import (
	"context"
	"net/url"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// Lookup returns who serves a key, in order of preference. A key that nobody
// serves is no error: its servers are none. With atLeast the node answers only
// when it has seen what that token names.
func (c *Client) Lookup(ctx context.Context, keyspace, key string, atLeast wire.Token) (wire.Lookup, error) {
	var found wire.Lookup
	err := c.post(ctx, "/v1/lookup", wire.LookupRequest{Keyspace: keyspace, Key: &key, AtLeast: atLeast}, &found)
	return found, err
}

// LookupAll is Lookup for several keys, answered in their order.
func (c *Client) LookupAll(ctx context.Context, keyspace string, keys []string, atLeast wire.Token) (wire.Lookups, error) {
	return c.LookupBy(ctx, wire.LookupRequest{Keyspace: keyspace, Keys: keys, AtLeast: atLeast})
}

// LookupBy is LookupAll for all that a request can say. It is about the Keys of
// the request, and asks for none by Key.
func (c *Client) LookupBy(ctx context.Context, q wire.LookupRequest) (wire.Lookups, error) {
	var found wire.Lookups
	wait, _ := time.ParseDuration(q.Timeout) // what is none, the node refuses
	err := c.postPatiently(ctx, "/v1/lookup", q, max(0, wait), &found)
	return found, err
}

// Ranges returns the subranges of one keyspace, gaps included, in key order.
func (c *Client) Ranges(ctx context.Context, q Query) (wire.Ranges, error) {
	var listed wire.Ranges
	err := c.get(ctx, "/v1/ranges", q.values(), &listed)
	return listed, err
}

// EachSubrange streams the subranges of one keyspace in key order. An error of
// visit ends it and is returned.
func (c *Client) EachSubrange(ctx context.Context, q Query, visit func(wire.KeyspaceRow) error) (wire.Token, error) {
	return each(ctx, c, "/v1/ranges", q, visit)
}

// Claims returns the visible claims by keyspace, range and node.
func (c *Client) Claims(ctx context.Context, q Query) (wire.Claims, error) {
	var listed wire.Claims
	err := c.get(ctx, "/v1/claims", q.values(), &listed)
	return listed, err
}

// EachClaim streams the visible claims by keyspace, range and node.
func (c *Client) EachClaim(ctx context.Context, q Query, visit func(wire.Claim) error) (wire.Token, error) {
	return each(ctx, c, "/v1/claims", q, visit)
}

// Keyspaces returns the keyspaces that have visible claims, by name.
func (c *Client) Keyspaces(ctx context.Context) (wire.Keyspaces, error) {
	var listed wire.Keyspaces
	err := c.get(ctx, "/v1/keyspaces", nil, &listed)
	return listed, err
}

// Nodes returns what every node says of itself, by name.
func (c *Client) Nodes(ctx context.Context, q Query) (wire.Nodes, error) {
	var listed wire.Nodes
	err := c.get(ctx, "/v1/nodes", q.values(), &listed)
	return listed, err
}

// Members returns the members of the cluster as the node sees them.
func (c *Client) Members(ctx context.Context) (wire.Members, error) {
	var listed wire.Members
	err := c.get(ctx, "/v1/members", nil, &listed)
	return listed, err
}

// Status returns what the node says of itself.
func (c *Client) Status(ctx context.Context) (wire.Status, error) {
	var status wire.Status
	err := c.get(ctx, "/v1/status", nil, &status)
	return status, err
}

// History returns the newest events that are still kept and that q chooses,
// oldest first.
func (c *Client) History(ctx context.Context, q Query) (wire.History, error) {
	var history wire.History
	err := c.get(ctx, "/v1/history", q.values(), &history)
	return history, err
}

// Ready reports whether the node is ready; the error says why not.
func (c *Client) Ready(ctx context.Context) error {
	var ready struct{}
	return c.get(ctx, "/readyz", url.Values{}, &ready)
}
