package client

import (
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
	// ended gets a token when answer or err is set, once.
	ended  chan struct{}
	answer wire.OpsAnswer
	err    error
	// late goes off when its time is over. To stop it costs less than a context
	// for each line.
	late *time.Timer
}

var freeLines = sync.Pool{New: func() any {
	x := &line{ended: make(chan struct{}, 1), late: time.NewTimer(time.Hour)}
	x.late.Stop()
	return x
}}

// newLine returns a line with a batch. It is the caller's to free.
func newLine(ref int64, batch wire.Batch) (*line, error) {
	x := freeLines.Get().(*line)
	x.ref = ref
	text, err := wire.OpsLine{Ref: ref, Batch: batch}.AppendRequest(x.text[:0])
	if err != nil {
		x.free()
		return nil, err
	}
	x.text = append(text, '\n')
	return x, nil
}

// end hands over what became of a line.
func (x *line) end(answer wire.OpsAnswer, err error) {
	x.answer, x.err = answer, err
	x.ended <- struct{}{}
}

// await returns when the line has ended, nil, or why nobody waits any more.
// Timeout bounds the wait unless it is 0.
func (x *line) await(ctx context.Context, timeout time.Duration) error {
	if timeout != 0 {
		x.late.Reset(timeout)
		defer x.late.Stop()
	}
	select {
	case <-x.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-x.late.C:
		return context.DeadlineExceeded
	}
}

// free keeps the memory for another line; no stream may have this one.
func (x *line) free() {
	if cap(x.text) > lineKeptMax {
		x.text = nil
	}
	x.answer, x.err = wire.OpsAnswer{}, nil
	freeLines.Put(x)
}
