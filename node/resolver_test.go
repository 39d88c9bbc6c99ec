package node_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/node"
)

// nameServer answers every question for an address with the present one, over
// the framing that DNS has on TCP (RFC 1035, 4.2.2).
type nameServer struct{ address atomic.Pointer[netip.Addr] }

func (s *nameServer) set(address string) {
	a := netip.MustParseAddr(address)
	s.address.Store(&a)
}

// resolver returns one that asks this server.
func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go s.serve(server)
		return client, nil
	}}
}

// serve ends when the client closes the connection.
func (s *nameServer) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := s.answer(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer returns the answer to a message with one question: an address if it
// is for one of IPv4, else nothing.
func (s *nameServer) answer(message []byte) []byte {
	const headerBytes, typeA = 12, 1
	end := headerBytes
	for message[end] != 0 { // labels
		end += 1 + int(message[end])
	}
	end += 1 + 4 // the root, type and class
	out := append([]byte{}, message[:2]...)
	out = append(out, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0) // an answer, recursion available
	out = append(out, message[headerBytes:end]...)
	if binary.BigEndian.Uint16(message[end-4:]) != typeA {
		return out
	}
	out[7] = 1                                                       // one answer:
	out = append(out, 0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 0) // the name asked for, class IN, kept for no time
	address := s.address.Load().As4()
	return append(append(out, 0, 4), address[:]...)
}

// newNamedCluster returns a cluster whose nodes join by a name that stands for
// 127.0.0.2 for now. N2 has started at 127.0.0.3, at a port that the name goes with.
func newNamedCluster(t *testing.T) (c *cluster, names *nameServer, port string) {
	t.Helper()
	names = &nameServer{}
	names.set("127.0.0.2")
	var o node.Options
	o.SetResolver(names.resolver())
	c = newClusterWith(t, o)
	if l, err := net.Listen("tcp", "127.0.0.3:0"); err != nil {
		t.Skip("this system has one loopback address only; run it on Linux, or add 127.0.0.2 to 127.0.0.4 to the loopback interface")
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.options.Join = []string{}
	c.addresses["n2"] = "127.0.0.3:0"
	_, port, err := net.SplitHostPort(c.start("n2").GossipAddr())
	if err != nil {
		t.Fatal(err)
	}
	c.options.Join = []string{"members.test:" + port}
	return c, names, port
}

// TestNode_Join_NamesAreLookedUpAnew: a name of --join is tried for ever, and
// leads to whoever it stands for by then.
func TestNode_Join_NamesAreLookedUpAnew(t *testing.T) {
	c, names, port := newNamedCluster(t)
	c.start("n1")
	c.eventually("n1 is alone: the name stands for nobody", func() bool { return c.nodes["n1"].Counters().Alone })
	if !c.logs["n1"].has("WARN", "only itself", "members.test:"+port) {
		t.Errorf("n1 says %q", c.logs["n1"].above())
	}
	names.set("127.0.0.3")
	c.meet()

	// Another one takes over the name, at another address.
	c.dead("n2", "n1")
	c.options.Join = []string{}
	c.addresses["n3"] = "127.0.0.4:" + port
	c.start("n3")
	names.set("127.0.0.4")
	c.eventually("n1 meets whoever the name stands for now", func() bool { return c.liveness("n1", "n3") == gossip.Alive })
}

// TestNode_Join_OwnNameIsLookedUpAnew: a name of --join that has stood for the node
// itself, as where names list who has started, leads to another one that it stands for
// later.
func TestNode_Join_OwnNameIsLookedUpAnew(t *testing.T) {
	c, names, port := newNamedCluster(t)
	c.addresses["n1"] = "127.0.0.2:" + port
	c.start("n1")
	c.eventually("n1 begins a cluster: the name is its own", func() bool { return c.status("n1").Ready })
	names.set("127.0.0.3")
	c.meet()
}
