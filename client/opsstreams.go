package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

const (
	pathOps       = "/v1/ops"
	pathOpsStream = "/v1/ops/stream"
	// openMax bounds how long a stream may take to open. A proxy that holds
	// bodies back never lets one.
	openMax = 5 * time.Second
	// openPause is how long a client leaves it at single requests when a stream
	// could not be opened, unknownPause when the node does not know streams.
	openPause    = 10 * time.Second
	unknownPause = 10 * time.Minute
	// opsOnStreamMax bounds the operations of a batch that goes over a stream:
	// a large one gains nothing there, and others would wait behind it.
	opsOnStreamMax = 256
)

// opsStreams keeps the stream of a client. Nothing is written to a stream before
// the node has said its first line over it, which proves that nobody on the way
// holds lines back. Until then writes go as requests of their own, as they do
// where a node, or a proxy, knows no streams.
type opsStreams struct {
	client *Client
	// ctx ends what is being opened, and what is idle, when the client closes.
	ctx  context.Context
	stop context.CancelFunc
	// running is the one goroutine that opens a stream and follows it.
	running sync.WaitGroup
	// stream is nil while none is open. It is changed while mu is held.
	stream atomic.Pointer[opsStream]

	mu struct {
		sync.Mutex
		isWanted, isOpening, isOver bool
		// notBefore is when another may be opened.
		notBefore time.Time
	}
}

func newOpsStreams(c *Client) *opsStreams {
	m := &opsStreams{client: c}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// write carries out a batch over the stream, or returns errElsewhere. Timeout is
// as in opsStream.write.
func (m *opsStreams) write(ctx context.Context, batch wire.Batch, o WriteOptions, timeout time.Duration) (wire.Results, error) {
	waits := o.Wait.All || o.Wait.N > 1
	if waits || m.client.options.NoStream || len(batch.Ops) > opsOnStreamMax {
		return wire.Results{}, errElsewhere
	}
	s := m.current()
	if s == nil {
		return wire.Results{}, errElsewhere
	}
	return s.write(ctx, batch, timeout)
}

// current returns the stream that is open. If there is none, and this is not
// the first write, one is opened meanwhile: who writes once needs none.
func (m *opsStreams) current() *opsStream {
	if s := m.stream.Load(); s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.stream.Load() != nil:
		return m.stream.Load()
	case m.mu.isOpening || m.mu.isOver:
		return nil
	case !m.mu.isWanted:
		m.mu.isWanted = true
		return nil
	case time.Now().Before(m.mu.notBefore):
		return nil
	}
	m.mu.isOpening = true
	m.running.Go(m.run)
	return nil
}

// close ends the stream: at once if nobody waits for an answer, else when the
// last has come.
func (m *opsStreams) close() {
	m.mu.Lock()
	m.mu.isOver = true
	open := m.stream.Load()
	m.mu.Unlock()
	if open == nil || open.shut() {
		m.stop()
		m.running.Wait()
	}
}

// run opens a stream and follows it to its end.
func (m *opsStreams) run() {
	ctx, cancel := context.WithCancelCause(m.ctx)
	defer cancel(nil)
	s := newOpsStream(m.client)
	s.cancel = cancel
	// The transport waits for the body to end, also when the request was given up
	// or refused, and keeps the connection until then.
	defer func() { _ = s.Close() }()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	lines, body, err := m.open(ctx, s)
	if err != nil {
		m.failed(err)
		return
	}
	defer body.Close()
	m.opened(s)
	isRefusal, err := s.follow(lines)
	m.mu.Lock()
	m.stream.Store(nil)
	m.mu.Unlock()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	} else {
		err = fmt.Errorf("its answer was cut off: %w", err)
	}
	s.end(isRefusal, m.client.unreachable(context.Background(), err))
}

// open asks for a stream and reads its first line.
func (m *opsStreams) open(ctx context.Context, s *opsStream) (*lines, io.ReadCloser, error) {
	late := time.AfterFunc(openMax, func() { s.cancel(silentFor(openMax)) })
	defer late.Stop()
	r, err := m.client.open(ctx, request{method: http.MethodPost, path: pathOpsStream, stream: s, accept: typeNDJSON})
	if err != nil {
		return nil, nil, err
	}
	l := newLines(r.Body)
	text, err := l.next()
	var opening wire.OpsOpening
	if err == nil {
		err = decodeAnswer(pathOpsStream, text, &opening)
	}
	if err == nil && opening.LineBytesMax <= 0 {
		err = fmt.Errorf("the answer to %s begins with %q; check the address", pathOpsStream, text)
	}
	if err != nil {
		s.cancel(err)
		_ = r.Body.Close()
		return nil, nil, err
	}
	s.open(opening)
	return l, r.Body, nil
}

func (m *opsStreams) opened(s *opsStream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.isOpening = false
	m.stream.Store(s)
	if m.mu.isOver && s.shut() {
		m.stop()
	}
}

// failed has writes go as requests of their own for a while.
func (m *opsStreams) failed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pause := openPause
	var answer *wire.Error
	if errors.As(err, &answer) && answer.Code != wire.CodeUnavailable {
		pause = unknownPause
	}
	m.mu.isOpening, m.mu.notBefore = false, time.Now().Add(pause)
}
