package gossip

import (
	"bufio"
	"log/slog"
	"net"
	"net/netip"
)

// labelMark begins a packet or stream with a label: mark, length, label. It
// is part of memberlist's protocol.
const labelMark = 244

// gate judges packets and streams before memberlist reads them. memberlist
// compares labels as well, but tells nobody, and checks networks only of
// messages about members.
type gate struct {
	cluster string
	allowed []netip.Prefix
	log     *logger
	stats   *counters
}

// admitPacket reports whether a packet may go on to memberlist.
func (g *gate) admitPacket(b []byte, from netip.AddrPort) bool {
	if !g.admitNetwork(from) {
		return false
	}
	label, ok := peekPacketLabel(b)
	if !ok {
		return false
	}
	return string(label) == g.cluster || g.admitLabel(string(label), from) // no string is made of ours
}

// peekPacketLabel returns the label at the beginning of a packet, and whether
// the packet is one that memberlist could read.
func peekPacketLabel(b []byte) (label []byte, ok bool) {
	switch {
	case len(b) == 0:
		return nil, false
	case b[0] != labelMark:
		return nil, true
	case len(b) < 2 || b[1] == 0 || len(b) < 2+int(b[1]):
		return nil, false
	}
	return b[2 : 2+int(b[1])], true
}

// admitStream reports whether a stream may go on to memberlist. One of another
// cluster is told so.
func (g *gate) admitStream(conn *net.TCPConn, r *bufio.Reader) bool {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	if !g.admitNetwork(from) {
		return false
	}
	label, err := peekLabel(r)
	if err != nil {
		return false // closed or silent: the health checks of others do that
	}
	if g.admitLabel(label, from) {
		return true
	}
	writeRefusal(conn, g.cluster)
	return false
}

func (g *gate) admitNetwork(from netip.AddrPort) bool {
	address := from.Addr().Unmap()
	for _, prefix := range g.allowed {
		if prefix.Contains(address) {
			return true
		}
	}
	if len(g.allowed) == 0 {
		return true
	}
	g.stats.refusedNetwork.Add(1)
	g.log.limited(slog.LevelWarn, refusalEvery, "network "+address.String(),
		"gossip: refused a peer from a network that is not allowed", "from", address)
	return false
}

func (g *gate) admitLabel(label string, from netip.AddrPort) bool {
	if label == g.cluster {
		return true
	}
	g.stats.refusedCluster.Add(1)
	address := from.Addr().Unmap()
	g.log.limited(slog.LevelWarn, refusalEvery, "cluster "+label+" "+address.String(),
		"gossip: refused a peer of another cluster", "from", address, "theirs", label, "ours", g.cluster)
	return false
}

// peekLabel returns the label at the beginning of a stream, and leaves it
// there for memberlist. The buffer of r has room for the longest label.
func peekLabel(r *bufio.Reader) (string, error) {
	head, err := r.Peek(1)
	if err != nil {
		return "", err
	}
	if head[0] != labelMark {
		return "", nil
	}
	if head, err = r.Peek(2); err != nil {
		return "", err
	}
	if head, err = r.Peek(2 + int(head[1])); err != nil {
		return "", err
	}
	return string(head[2:]), nil
}
