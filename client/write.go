package client

import (
	"context"
	"errors"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// WriteOptions say how long a write waits and for whom. The zero value answers
// as soon as the node that is asked has the write on disk.
type WriteOptions struct {
	// Wait is how many members, counting the one that answers, shall have the
	// write on disk before it answers.
	Wait wire.MemberCount
	// Timeout bounds that wait. The write itself stands when it is over, and
	// the answer names who is missing. Default: that of the node, 10s.
	Timeout time.Duration
}

// Write carries out operations, all or none, in one transaction.
//
// Small batches that wait for no other member share one stream with all others
// of this client; see Options.NoStream. They are carried out in no particular
// order, as separate requests are.
func (c *Client) Write(ctx context.Context, ops []wire.Operation, o WriteOptions) (wire.Results, error) {
	results, err := c.streams.write(ctx, wire.Batch{Ops: ops}, o, 0)
	if !errors.Is(err, errElsewhere) {
		return results, err
	}
	results = wire.Results{}
	body := wire.OpsRequest{Ops: ops, Wait: o.Wait, Timeout: formatTimeout(o.Timeout)}
	err = c.postPatiently(ctx, pathOps, body, o.Timeout, &results)
	return results, err
}

// WriteBatches carries out several batches, each all or none by itself. An
// error of one is in its result; the error returned is of the call as a whole.
func (c *Client) WriteBatches(ctx context.Context, batches []wire.Batch, o WriteOptions) (wire.BatchResults, error) {
	var results wire.BatchResults
	body := wire.OpsRequest{Batches: batches, Wait: o.Wait, Timeout: formatTimeout(o.Timeout)}
	err := c.postPatiently(ctx, pathOps, body, o.Timeout, &results)
	return results, err
}

// Wait answers when members have on disk what token names, or when the timeout
// is over: then the answer names who is missing.
func (c *Client) Wait(ctx context.Context, token wire.Token, o WriteOptions) (wire.Waited, error) {
	var waited wire.Waited
	body := wire.WaitRequest{Token: token, Members: o.Wait, Timeout: formatTimeout(o.Timeout)}
	err := c.postPatiently(ctx, "/v1/wait", body, o.Timeout, &waited)
	return waited, err
}

// Compact trims history by the node's retention and rewrites its file if that
// is worth it; a dry run says what it would do.
func (c *Client) Compact(ctx context.Context, dryRun bool) (wire.Compact, error) {
	var done wire.Compact
	err := c.postPatiently(ctx, "/v1/compact", wire.CompactRequest{DryRun: dryRun}, unbounded, &done)
	return done, err
}

func formatTimeout(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
