package node

import (
	"context"
	"errors"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// releaseChunk is how many claims are released in one batch: encoded, the
// largest ones still fit.
const releaseChunk = 100

// Written is what a batch did.
type Written struct {
	Results []delta.Result
	// Token names the events of the batch; empty if it made none.
	Token crdt.Context
}

// Write carries out a batch of operations, all or none, and returns when they
// are on this node's disk and lookups here see them. Others learn of them
// right after; see Await.
//
// Errors: a *delta.BatchError names the operation that cannot be carried out
// (wrapping delta.ErrInvalid, ErrNotFound or ErrGap), delta.ErrTooLarge a
// batch that is too large; then nothing has changed, and neither has it with
// ErrBusy and ErrClosed. ErrUnavailable says that the disk failed: nothing was
// acknowledged or shown, but the batch may be there when the disk works again.
// If ctx ends first, the batch may or may not be carried out.
//
// The first write after a restart may wait for a member; see
// Options.IdentityWait.
func (n *Node) Write(ctx context.Context, operations []delta.Operation) (Written, error) {
	var w Written
	err := n.writeLocal(ctx, func(c *delta.Commit) error {
		d, results, err := c.Write(operations)
		w = Written{Results: results, Token: d.Context()}
		return err
	})
	if err != nil {
		return Written{}, err
	}
	return w, nil
}

// advertise writes what the node says of itself, if that is not what stands.
func (n *Node) advertise(ctx context.Context) error {
	return n.writeLocal(ctx, func(c *delta.Commit) error {
		_, err := c.Advertise(n.record())
		return err
	})
}

// record returns what the node says of itself.
func (n *Node) record() delta.NodeRecord {
	record := n.options.record()
	record.Name, record.API, record.Gossip = n.name, n.API(), n.transport.Addr()
	return record
}

// tellMeta has the transport say who the node is.
func (n *Node) tellMeta() {
	if err := n.transport.SetMeta(n.meta()); err != nil && n.ctx.Err() == nil {
		n.log.Warn("the other members cannot be told who this node is", "cause", err)
	}
}

// SetAPI tells others at which URL the node's HTTP interface is reached. It
// does not wait for a member as a write does; what cannot be written yet is
// written later.
func (n *Node) SetAPI(ctx context.Context, url string) error {
	record, meta := n.record(), n.meta()
	record.API, meta.API = url, url
	if err := errors.Join(record.Validate(), meta.Validate()); err != nil {
		return err
	}
	n.api.Store(&url)
	n.tellMeta()
	if !n.identity.certain.Load() {
		n.keeper.poke()
		return nil
	}
	return n.advertise(ctx)
}

// isVisible reports whether a claim is visible on disk.
func (n *Node) isVisible(c ranges.Claim) (visible bool, err error) {
	err = n.store.View(func(v *store.View) error {
		e, err := v.Get(delta.ClaimKey(c))
		visible = e.Counter.IsVisible()
		return err
	})
	return visible, explain(err)
}

// releaseOwnClaims releases everything this node serves, a batch at a time,
// and then waits for others to have it on disk, until ctx ends.
func (n *Node) releaseOwnClaims(ctx context.Context) error {
	own, _, err := n.Claims(Filter{Node: n.name})
	if err != nil {
		return err
	}
	released := crdt.NewContext()
	for batch := range slices.Chunk(own, releaseChunk) {
		operations := make([]delta.Operation, len(batch))
		for i, c := range batch {
			operations[i] = delta.Operation{Verb: delta.VerbRelease, Claim: c.Claim}
		}
		w, err := n.Write(ctx, operations)
		if err != nil {
			return err
		}
		released.Join(w.Token)
	}
	_, err = n.Await(ctx, released, Members{All: true})
	return err
}
