package gossip

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// udpBytesMax is the size of the largest UDP packet there is.
const udpBytesMax = 1 << 16

// receiveBytes is how much the kernel is asked to buffer. Bursts of pushes
// arrive faster than they are taken.
const receiveBytes = 2 << 20

// readPackets hands packets to memberlist. It ends with the socket.
func (s *socket) readPackets() {
	_ = s.udp.SetReadBuffer(receiveBytes) // less is slower under load, no more
	buf := make([]byte, udpBytesMax)
	for s.ctx.Err() == nil {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			s.logFailure("read packet", err)
			s.pause()
			continue
		}
		s.stats.packetsReceived.Add(1)
		s.stats.packetBytesReceived.Add(uint64(n))
		if s.admitPacket(buf[:n], from) {
			s.handPacket(bytes.Clone(buf[:n]), from, time.Now())
		}
	}
}

func (s *socket) handPacket(b []byte, from netip.AddrPort, at time.Time) {
	p := &memberlist.Packet{Buf: b, From: net.UDPAddrFromAddrPort(unmapped(from)), Timestamp: at}
	select {
	case s.packets <- p:
	case <-s.ctx.Done():
	}
}

// PacketCh implements memberlist.Transport.
func (s *socket) PacketCh() <-chan *memberlist.Packet { return s.packets }

// WriteTo implements memberlist.Transport.
func (s *socket) WriteTo(b []byte, address string) (time.Time, error) {
	return s.WriteToAddress(b, memberlist.Address{Addr: address})
}

// WriteToAddress implements memberlist.NodeAwareTransport.
func (s *socket) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	if s.ctx.Err() != nil {
		return time.Time{}, ErrClosed
	}
	address, err := netip.ParseAddrPort(to.Addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("send packet: %w", err)
	}
	v := s.verdict(to.Addr)
	switch {
	case v.Drop:
		s.stats.faultsInjected.Add(1)
	case v.Delay > 0:
		b := bytes.Clone(b)
		time.AfterFunc(v.Delay, func() { _ = s.writePacket(b, address) }) // lost, as packets may be
	default:
		err = s.writePacket(b, address)
	}
	return time.Now(), err
}

func (s *socket) writePacket(b []byte, to netip.AddrPort) error {
	s.stats.packetsSent.Add(1)
	s.stats.packetBytesSent.Add(uint64(len(b)))
	_, err := s.udp.WriteToUDPAddrPort(b, to)
	return err
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
