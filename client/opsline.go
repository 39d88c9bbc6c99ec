package client

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// lineKeptMax bounds the memory that a line keeps for the next one, in bytes.
const lineKeptMax = 16 << 10

// line is one batch on a stream, until it has its answer. Then its memory serves
// the next one. A line whose writer gave up is left to the stream, which may
// still end it.
type line struct {
	ref int64
	// text is what is written, its end included; begin is where that begins in
	// the body.
	text  []byte
	begin int64
	// due is when its time is over, zero if it has as long as it likes.
	due time.Time
	// ended gets a token when it is known what became of the line, once: asked
	// has read it, or else answer or err says it.
	ended  chan struct{}
	asked  wire.Asked
	isRead bool
	answer wire.OpsAnswer
	err    error
}

var freeLines = sync.Pool{New: func() any { return &line{ended: make(chan struct{}, 1)} }}

// newLine returns a line with a batch for a node. It is the caller's to free.
func newLine(ref int64, batch wire.Batch, node string) (*line, error) {
	x := freeLines.Get().(*line)
	x.ref = ref
	text, err := x.asked.AppendRequest(x.text[:0], wire.OpsLine{Ref: ref, Batch: batch}, node)
	if err != nil {
		x.free()
		return nil, err
	}
	x.text = append(text, '\n')
	return x, nil
}

// read reports whether the rest of an answer, behind its number, says what was
// expected. Then the line has ended.
func (x *line) read(rest []byte) bool {
	if !x.asked.Read(rest) {
		return false
	}
	x.isRead = true
	x.ended <- struct{}{}
	return true
}

// end hands over what became of a line.
func (x *line) end(answer wire.OpsAnswer, err error) {
	x.answer, x.err = answer, err
	x.ended <- struct{}{}
}

// await returns when the line has ended, nil, or why nobody waits any more.
func (x *line) await(ctx context.Context) error {
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

// results returns what became of the batch of a line that has ended.
func (x *line) results(batch wire.Batch, node string) (wire.Results, error) {
	if x.isRead {
		return x.asked.Results(batch, node), nil
	}
	if err := cmp.Or(x.err, x.answer.Err()); err != nil {
		return wire.Results{}, err
	}
	return wire.Results{
		Results: x.answer.Results, Token: x.answer.Token,
		OnDisk: wire.List[string]{node}, Missing: wire.List[string]{},
	}, nil
}

// abandoned returns what takes the place of a line that has ended before it was
// answered: nobody waits for it.
func (x *line) abandoned() *line {
	return &line{ref: x.ref, begin: x.begin, ended: make(chan struct{}, 1)}
}

// free keeps the memory for another line; no stream may have this one.
func (x *line) free() {
	if cap(x.text) > lineKeptMax {
		x.text = nil
	}
	x.asked.Clear()
	x.isRead, x.answer, x.err, x.due = false, wire.OpsAnswer{}, nil, time.Time{}
	freeLines.Put(x)
}
