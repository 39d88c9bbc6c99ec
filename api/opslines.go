package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// errLineTooLong ends a stream: what the line is about cannot be told.
var errLineTooLong = wire.Errorf(wire.CodeTooLarge, "a line has more than %d bytes: send it to /v1/ops", wire.OpsLineBytesMax)

// opsLines reads the lines of a stream of writes, bounded in length and in
// time: a line has to arrive within Options.ReadTimeout of its first byte, and
// the first byte within four times that.
type opsLines struct {
	stream *opsStream
	buffer *bufio.Reader
	// long is a line that the buffer does not hold.
	long []byte
	// due is when the line that has begun must be there, zero before it begins.
	due time.Time
}

func newOpsLines(x *opsStream) *opsLines {
	l := &opsLines{stream: x}
	l.buffer = bufio.NewReaderSize(l, 16<<10)
	return l
}

// Read reads the body within its time. interrupt may come between, so whether
// the stream has ended is looked at when the deadline is set.
func (l *opsLines) Read(p []byte) (int, error) {
	deadline := l.due
	switch isWithin := l.buffer.Buffered() > 0 || len(l.long) > 0; {
	case !isWithin:
		deadline = time.Now().Add(l.idleMax())
	case deadline.IsZero():
		l.due = time.Now().Add(l.stream.server.options.ReadTimeout)
		deadline = l.due
	}
	_ = l.stream.exchange.control.SetReadDeadline(deadline)
	if err := context.Cause(l.stream.ctx); err != nil {
		return 0, err
	}
	return l.stream.exchange.r.Body.Read(p)
}

func (l *opsLines) idleMax() time.Duration { return 4 * l.stream.server.options.ReadTimeout }

// interrupt ends a reading that waits.
func (l *opsLines) interrupt() { _ = l.stream.exchange.control.SetReadDeadline(time.Unix(1, 0)) }

// isReady reports whether a whole line is there.
func (l *opsLines) isReady() bool {
	there, _ := l.buffer.Peek(l.buffer.Buffered())
	return bytes.IndexByte(there, '\n') >= 0
}

// next returns the next line, without its end, and io.EOF after the last, which
// need not have one. The slice is good until the next call.
func (l *opsLines) next() ([]byte, error) {
	l.long, l.due = l.long[:0], time.Time{}
	line, err := l.buffer.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long, line...)
		if len(l.long) > wire.OpsLineBytesMax {
			return nil, errLineTooLong
		}
		line, err = l.buffer.ReadSlice('\n')
	}
	if len(l.long) > 0 {
		l.long = append(l.long, line...)
		line = l.long
	}
	switch {
	case len(line) > wire.OpsLineBytesMax:
		return nil, errLineTooLong
	case errors.Is(err, io.EOF) && len(line) > 0:
		err = nil
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

// explain says what ended the reading to the client, if there is one and it did
// not end it itself.
func (l *opsLines) explain(err error) error {
	if l.stream.server.stopping.Err() != nil {
		return errStopping
	}
	if cause := context.Cause(l.stream.ctx); cause != nil {
		err = cause
	}
	var ours *wire.Error
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &ours):
		return ours
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return gone{err}
	case l.due.IsZero():
		return wire.Errorf(wire.CodeUnavailable, "nothing was written for %s: open another stream", l.idleMax())
	}
	return wire.Errorf(wire.CodeInvalid, "a line has not arrived whole within %s: what of it was read was not carried out", l.stream.server.options.ReadTimeout)
}
