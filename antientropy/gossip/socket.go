package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// streamsMax bounds the streams that are open at a time, in both directions.
const streamsMax = 1024

// bindAttempts is how often a free port is looked for that TCP and UDP have in
// common.
const bindAttempts = 10

// socket is the transport below memberlist: one UDP socket and one TCP
// listener at one port. It is this package's own, not memberlist's
// NetTransport, because peers are judged here, before memberlist reads what
// they send (see gate.go), because faults are injected here, and because a
// packet costs what it holds instead of 64 KiB.
type socket struct {
	gate
	faults    Faults
	timeout   time.Duration // of dialling, and again of a whole stream
	advertise netip.AddrPort
	self      string // advertise as text
	// heard is called when a member answers on a stream.
	heard func(name string)

	udp     *net.UDPConn
	tcp     *net.TCPListener
	packets chan *memberlist.Packet
	streams chan net.Conn

	ctx  context.Context // ends with Shutdown
	stop context.CancelFunc
	wg   sync.WaitGroup
	mu   struct {
		sync.Mutex
		open map[net.Conn]struct{}
	}
}

var _ memberlist.NodeAwareTransport = (*socket)(nil)

// listen binds the sockets. Nothing is read before start.
func listen(ctx context.Context, o Options, stats *counters, log *logger) (*socket, error) {
	s := &socket{
		gate:    gate{cluster: o.Cluster, allowed: o.CIDRsAllowed, log: log, stats: stats},
		faults:  o.Faults,
		timeout: o.StreamTimeout,
		packets: make(chan *memberlist.Packet),
		streams: make(chan net.Conn),
	}
	s.mu.open = make(map[net.Conn]struct{})
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := s.bind(ctx, o.Resolver, o.Bind); err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrListen, o.Bind, err)
	}
	if err := s.setAdvertise(ctx, o.Resolver, o.Advertise); err != nil {
		return nil, errors.Join(err, s.Shutdown())
	}
	s.self = s.advertise.String()
	s.faults.Bind(o.Name, s.self)
	return s, nil
}

func (s *socket) bind(ctx context.Context, r *net.Resolver, address string) error {
	at, err := resolveOne(ctx, r, address)
	if err != nil {
		return err
	}
	family := ""
	if at.Addr().Is4() && !strings.HasPrefix(address, ":") {
		// "tcp" takes 0.0.0.0 for every address of IPv6 as well: that is what
		// no host asks for, and who names one does not.
		family = "4"
	}
	for attempt := 1; ; attempt++ {
		err = s.bindBoth(family, at)
		if err == nil || at.Port() != 0 || attempt == bindAttempts {
			return err
		}
	}
}

func (s *socket) bindBoth(family string, at netip.AddrPort) error {
	tcp, err := net.ListenTCP("tcp"+family, net.TCPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	port := tcp.Addr().(*net.TCPAddr).AddrPort().Port()
	udp, err := net.ListenUDP("udp"+family, net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), port)))
	if err != nil {
		return errors.Join(err, tcp.Close())
	}
	s.tcp, s.udp = tcp, udp
	return nil
}

// start begins to read.
func (s *socket) start() {
	s.wg.Go(s.readPackets)
	s.wg.Go(s.acceptStreams)
}

// Shutdown implements memberlist.Transport: it closes the sockets and all
// streams, and returns when nothing of the socket runs any more. From then on
// everything fails with ErrClosed.
func (s *socket) Shutdown() error {
	s.stop()
	err := errors.Join(ignoreClosed(s.tcp.Close()), ignoreClosed(s.udp.Close()))
	s.mu.Lock()
	for conn := range s.mu.open {
		_ = conn.Close() // whoever reads or writes it gets the error
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// track remembers an open stream, so that Shutdown closes it, and reports
// whether there was room for it.
func (s *socket) track(conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	if len(s.mu.open) >= streamsMax {
		s.stats.refusedStreams.Add(1)
		return errStreams
	}
	s.mu.open[conn] = struct{}{}
	return nil
}

var errStreams = fmt.Errorf("too many open streams, at most %d are allowed", streamsMax)

func (s *socket) untrack(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.open, conn)
}

// verdict decides about bytes to a peer.
func (s *socket) verdict(to string) Verdict { return s.faults.Verdict(s.self, to) }

// cut reports whether a stream to a peer is broken: a stream needs both ways.
func (s *socket) cut(to string) bool {
	if s.verdict(to).Drop || s.faults.Verdict(to, s.self).Drop {
		s.stats.faultsInjected.Add(1)
		return true
	}
	return false
}

// pause waits before a failed socket is tried again.
func (s *socket) pause() {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-s.ctx.Done():
	}
}

func (s *socket) logFailure(what string, err error) {
	if s.ctx.Err() == nil {
		s.log.limited(slog.LevelWarn, chatterEvery, what, "gossip: "+what, "err", err)
	}
}
