package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A node that accepts a connection may still never answer: it was suspended,
// or something else listens there. Without a bound whoever asks hangs for
// ever, since nothing closes such a connection.

// unbounded is the patience of a request whose answer may take any time.
const unbounded = time.Duration(-1)

// silence ends a request whose node has said nothing for a while. Every byte
// that arrives begins the while anew, so that a long answer is no silent one.
type silence struct {
	while time.Duration
	timer *time.Timer
}

// bounded returns ctx with an end after a silence of while. The caller calls
// the returned function when the answer is read.
func bounded(ctx context.Context, while time.Duration) (context.Context, *silence, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &silence{while: while}
	if while > 0 {
		s.timer = time.AfterFunc(while, func() { cancel(silentFor(while)) })
	}
	return ctx, s, func() { s.end(); cancel(nil) }
}

// silentFor says that a node has said nothing for a while.
func silentFor(while time.Duration) error {
	return fmt.Errorf("it accepted the request and said nothing for %s", while)
}

func (s *silence) broken() {
	if s.timer != nil && s.timer.Stop() {
		s.timer.Reset(s.while)
	}
}

// end lets the node be silent from now on.
func (s *silence) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// patientBody is the body of an answer, read within the bounds of a silence.
type patientBody struct {
	io.ReadCloser
	// ctx is that of the request; its cause tells why reading ended.
	ctx     context.Context
	silence *silence
	done    context.CancelFunc
}

func (b *patientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.silence.broken()
	if cause := context.Cause(b.ctx); err != nil && cause != nil {
		err = cause
	}
	return n, err
}

func (b *patientBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// do carries out one request. Streams may be silent once they have begun.
func (c *Client) do(ctx context.Context, q request) (*http.Response, error) {
	while := c.options.SilenceMax + q.patience
	if q.patience == unbounded {
		while = 0
	}
	inner, silence, done := bounded(ctx, while)
	hr, err := c.newRequest(inner, q)
	if err != nil {
		done()
		return nil, err
	}
	via := c.http
	if q.stream != nil {
		via = c.streaming
	}
	r, err := via.Do(hr)
	if err != nil {
		cause := context.Cause(inner)
		done()
		if ctx.Err() == nil && cause != nil {
			err = cause
		}
		return nil, c.unreachable(ctx, err)
	}
	silence.broken()
	if q.accept == typeNDJSON {
		silence.end()
	}
	r.Body = &patientBody{ReadCloser: r.Body, ctx: inner, silence: silence, done: done}
	return r, nil
}
