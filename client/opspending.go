package client

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// batchKeptMax bounds the memory that a batch keeps for the next one, in bytes.
const batchKeptMax = 16 << 10

// pending is one batch on a stream, until it is known what became of it. Then its
// memory serves the next one. One whose writer gave up is left to the stream, which
// may still end it.
type pending struct {
	// text is the batch as it goes into a line.
	text []byte
	// due is when its time is over, zero if it has as long as it likes.
	due time.Time
	// ended gets a token when it is known what became of the batch, once: asked and
	// token have what was read of it, or else answer or err says it.
	ended  chan struct{}
	asked  wire.Asked
	isRead bool
	token  wire.Token
	answer wire.BatchResult
	err    error
}

var freePending = sync.Pool{New: func() any { return &pending{ended: make(chan struct{}, 1)} }}

// newPending returns a batch for a node. It is the caller's to free.
func newPending(batch wire.Batch, node string) (*pending, error) {
	x := freePending.Get().(*pending)
	text, err := x.asked.AppendRequest(x.text[:0], batch, node)
	if err != nil {
		x.free()
		return nil, err
	}
	x.text = text
	return x, nil
}

// end hands over what became of a batch.
func (x *pending) end(answer wire.BatchResult, err error) {
	x.isRead, x.answer, x.err = false, answer, err
	x.ended <- struct{}{}
}

// await returns when the batch has ended, nil, or why nobody waits any more.
func (x *pending) await(ctx context.Context) error {
	done := ctx.Done()
	if done == nil {
		<-x.ended
		return nil
	}
	select {
	case <-x.ended:
		return nil
	case <-done:
		return context.Cause(ctx)
	}
}

// results returns what became of the batch when it has ended.
func (x *pending) results(batch wire.Batch, node string) (wire.Results, error) {
	if x.isRead {
		return x.asked.Results(batch, node, x.token), nil
	}
	if err := cmp.Or(x.err, x.answer.Err()); err != nil {
		return wire.Results{}, err
	}
	return wire.Results{
		Results: x.answer.Results, Token: cmp.Or(x.answer.Token, x.token),
		OnDisk: wire.List[string]{node}, Missing: wire.List[string]{},
	}, nil
}

// free keeps the memory for another batch; no stream may have this one.
func (x *pending) free() {
	if cap(x.text) > batchKeptMax {
		x.text = nil
	}
	x.asked.Clear()
	x.isRead, x.token, x.answer, x.err, x.due = false, "", wire.BatchResult{}, nil, time.Time{}
	freePending.Put(x)
}
