package node

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// releaseChunk is how many claims are released in one batch: encoded, those
// with the largest bounds still fit.
const releaseChunk = 100

// Written is what a batch did.
type Written struct {
	Results []delta.Result
	// Last is the last event of the batch, zero if it made none. The others come
	// right before it.
	Last crdt.Dot
}

// Token returns what names the events of the batch; empty if it made none.
func (w Written) Token() crdt.Context {
	token := crdt.NewContext()
	token.Advance(w.Last.Replica, w.Last.Sequence)
	return token
}

// AppendToken appends the text of the token.
func (w Written) AppendToken(b []byte) []byte {
	var room [delta.DotContextBytesMax]byte
	return base64.RawURLEncoding.AppendEncode(b, delta.AppendDotContext(room[:0], w.Last))
}

// Write carries out a batch of operations, all or none, and returns when they
// are on this node's disk and lookups here see them. Others learn of them
// right after; see Await.
//
// Errors: a *delta.BatchError names the operation that cannot be carried out
// (wrapping delta.ErrInvalid, ErrNotFound or ErrGap), delta.ErrTooLarge a
// batch that is too large; then nothing has changed, and neither has it with
// ErrBusy, ErrLeaving and ErrClosed. ErrUnavailable says that the disk failed: nothing was
// acknowledged or shown, but the batch may be there when the disk works again.
// If ctx ends first, the batch may or may not be carried out.
//
// The first write after a restart may wait for a member; see
// Options.IdentityWait.
func (n *Node) Write(ctx context.Context, operations []delta.Operation) (Written, error) {
	if n.departure.begun.Load() {
		return Written{}, ErrLeaving
	}
	return n.write(ctx, operations)
}

func (n *Node) write(ctx context.Context, operations []delta.Operation) (Written, error) {
	s := &Submission{Operations: operations}
	if err := n.writeRequest(ctx, s.begin(), max(commitWeightMin, len(operations))); err != nil {
		return Written{}, err // it may be carried out yet, even now
	}
	return s.written, nil
}

// joining returns how many operations a batch has, 0 if one of them reads more than
// the claim that it names.
func joining(operations []delta.Operation) int {
	if slices.ContainsFunc(operations, func(o delta.Operation) bool { return o.Verb == delta.VerbTighten }) {
		return 0
	}
	return len(operations)
}

// advertise writes the record of a node, if that is not what stands, and
// returns what names the event.
func (n *Node) advertise(ctx context.Context, record delta.NodeRecord) (crdt.Context, error) {
	var token crdt.Context
	err := n.writeLocal(ctx, func(c *delta.Commit) error {
		d, err := c.Advertise(record)
		token = d.Context()
		return err
	})
	if err != nil {
		return nil, err // it may be carried out yet, even now
	}
	return token, nil
}

// record returns what the node says of itself. One that leaves can be reached
// no more, and so is no member.
func (n *Node) record() delta.NodeRecord {
	said := n.advertised.Load()
	record := delta.NodeRecord{Name: n.name, Service: said.service, Labels: said.labels}
	if !n.departure.begun.Load() {
		record.API, record.Gossip = n.API(), n.transport.Addr()
	}
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
	_, err := n.advertise(ctx, n.record())
	return err
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
