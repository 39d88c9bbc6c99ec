package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// net/http writes an answer in pieces of 4 KiB, sends the frame of each chunk by itself,
// and reads a body in pieces of 4 KiB: several system calls, and several wake-ups of who
// waits, for what one takes. So a stream tells its connection what belongs together:
//
//	what is written between hold and release goes out in one piece, and
//	from readAhead on as much is read at a time as is there.
//
// In a program that has a server of its own (Server.Handler) there is no such
// connection, and all is as net/http has it.

const (
	// heldMax bounds what is held back, in bytes: more goes out at once.
	heldMax = 256 << 10
	// heldKept is how much room for it is kept, once it has gone.
	heldKept = 64 << 10
	// aheadBytes is how much is read at a time.
	aheadBytes = 64 << 10
)

// conn is a connection of the server.
type conn struct {
	*net.TCPConn
	// in and out are the connection, or what counts the pieces that go by it.
	in  io.Reader
	out io.Writer
	// ahead reads ahead, nil until somebody wants it.
	ahead atomic.Pointer[bufio.Reader]

	mu struct {
		sync.Mutex
		// holds is how many holds there are without their release.
		holds int
		held  []byte
		// broken is why held could not be sent, of which net/http does not know: from
		// then on nothing can be, or what follows would come in its place.
		broken error
	}
}

func newConn(c *net.TCPConn) *conn { return &conn{TCPConn: c, in: c, out: c} }

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if ahead := c.ahead.Load(); ahead != nil {
		return ahead.Read(p)
	}
	return c.in.Read(p)
}

// readAhead has as much be read at a time as is there, from now on.
func (c *conn) readAhead() {
	c.ahead.CompareAndSwap(nil, bufio.NewReaderSize(c.in, aheadBytes))
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.broken != nil {
		return 0, c.mu.broken
	}
	if c.mu.holds == 0 {
		return c.out.Write(p)
	}
	c.mu.held = append(c.mu.held, p...)
	if len(c.mu.held) <= heldMax {
		return len(p), nil
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadFrom implements io.ReaderFrom by Write, which that of a TCPConn goes past.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{c}, r) }

// WriteTo implements io.WriterTo by Read, likewise.
func (c *conn) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{c}) }

// hold has what is written wait for release.
func (c *conn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.holds++
}

// release sends what was written, unless it is held by somebody else as well.
func (c *conn) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.holds--; c.mu.holds > 0 {
		return nil
	}
	return c.send()
}

// send sends what was held. The caller holds mu.
func (c *conn) send() error {
	if len(c.mu.held) == 0 {
		return c.mu.broken
	}
	_, c.mu.broken = c.out.Write(c.mu.held)
	if c.mu.held = c.mu.held[:0]; cap(c.mu.held) > heldKept {
		c.mu.held = nil
	}
	return c.mu.broken
}

// conns is a listener of such connections.
type conns struct{ net.Listener }

// Accept implements net.Listener.
func (l conns) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if plain, ok := c.(*net.TCPConn); ok {
		return newConn(plain), nil
	}
	return c, err
}

// connKey is where the context of a request has its connection.
type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection that a request came by, nil if it is another one's. Where
// a connection has many requests at a time nobody has it alone.
func connOf(r *http.Request) *conn {
	if r.ProtoMajor > 1 {
		return nil
	}
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// together has what fn writes go out in one piece.
func (c *conn) together(fn func() error) error {
	if c == nil {
		return fn()
	}
	c.hold()
	err := fn()
	if sent := c.release(); err == nil {
		err = sent
	}
	return err
}
