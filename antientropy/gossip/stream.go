package gossip

import (
	"bufio"
	"errors"
	"net"
	"time"

	"github.com/hashicorp/memberlist"
)

// errCut is what a stream fails with that Options.Faults has broken.
var errCut = errors.New("the link is cut")

// acceptStreams takes connections until the socket is closed.
func (s *socket) acceptStreams() {
	for s.ctx.Err() == nil {
		conn, err := s.tcp.AcceptTCP()
		if err != nil {
			s.logFailure("accept stream", err)
			s.pause()
			continue
		}
		if err := s.track(conn); err != nil {
			s.logFailure("accept stream", err)
			_ = conn.Close()
			continue
		}
		s.wg.Go(func() { s.welcome(conn) })
	}
}

// welcome hands a stream to memberlist if the gate admits it, and closes it
// otherwise.
func (s *socket) welcome(conn *net.TCPConn) {
	accepted := &acceptedStream{Conn: conn, socket: s, buffered: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(s.timeout)) // fails on closed streams only
	if !s.admitStream(conn, accepted.buffered) {
		_ = accepted.Close()
		return
	}
	s.stats.streamsAccepted.Add(1)
	select {
	case s.streams <- accepted:
	case <-s.ctx.Done():
		_ = accepted.Close()
	}
}

// StreamCh implements memberlist.Transport.
func (s *socket) StreamCh() <-chan net.Conn { return s.streams }

// acceptedStream is a stream whose first bytes the gate has looked at.
type acceptedStream struct {
	net.Conn
	socket   *socket
	buffered *bufio.Reader
}

func (a *acceptedStream) Read(p []byte) (int, error) {
	n, err := a.buffered.Read(p)
	a.socket.stats.streamBytesRead.Add(uint64(n))
	return n, err
}

func (a *acceptedStream) Write(p []byte) (int, error) {
	n, err := a.Conn.Write(p)
	a.socket.stats.streamBytesSent.Add(uint64(n))
	return n, err
}

func (a *acceptedStream) Close() error {
	a.socket.untrack(a.Conn)
	return a.Conn.Close()
}

// DialTimeout implements memberlist.Transport.
func (s *socket) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	return s.DialAddressTimeout(memberlist.Address{Addr: address}, timeout)
}

// DialAddressTimeout implements memberlist.NodeAwareTransport. memberlist sets
// no deadline for what it writes to a stream, so that a peer which stopped
// reading would block it for ever: the stream has one from the start.
func (s *socket) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if s.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if s.cut(to.Addr) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errCut}
	}
	if err := s.hold(s.verdict(to.Addr).Delay); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(s.ctx, "tcp", to.Addr)
	if err != nil {
		return nil, err
	}
	if err := s.track(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Now().Add(s.timeout)) // fails on closed streams only
	s.stats.streamsDialed.Add(1)
	return &dialedStream{Conn: conn, socket: s, to: to}, nil
}

// hold waits for a delay that Options.Faults wants.
func (s *socket) hold(delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	select {
	case <-time.After(delay):
		return nil
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// dialedStream is a stream to a peer whose address is known. The end that
// dialled injects the faults, for both: the one that accepted cannot know by
// its port who is at the other end.
type dialedStream struct {
	net.Conn
	socket *socket
	to     memberlist.Address
	begun  bool // something was read
}

func (d *dialedStream) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if n > 0 && d.socket.cut(d.to.Addr) {
		return 0, errCut
	}
	d.socket.stats.streamBytesRead.Add(uint64(n))
	if n == 0 || d.begun {
		return n, err
	}
	d.begun = true
	if p[0] == refusalMark {
		return 0, readRefusal(p[:n], d.Conn, d.socket.cluster)
	}
	if d.to.Name != "" {
		d.socket.heard(d.to.Name)
	}
	return n, err
}

func (d *dialedStream) Write(p []byte) (int, error) {
	if d.socket.cut(d.to.Addr) {
		return 0, errCut
	}
	n, err := d.Conn.Write(p)
	d.socket.stats.streamBytesSent.Add(uint64(n))
	return n, err
}

func (d *dialedStream) Close() error {
	d.socket.untrack(d.Conn)
	return d.Conn.Close()
}
