package gossip

import (
	"fmt"
	"io"
	"net"
	"time"
)

// A stream of another cluster is answered in clear, since it has no key of
// ours, and closed:
//
//	mark    1 byte     245; no answer of memberlist begins so
//	n       1 byte     bytes of the name
//	name    n bytes    the cluster of whoever refuses
//
// Whoever can write into a stream can forge a refusal. It could as well close
// the stream: all that a refusal does is explain to people why a join failed.
const refusalMark = 245

const (
	// refusalTimeout bounds the farewell of a refused stream.
	refusalTimeout = time.Second
	// refusedBytesMax is how much a refused peer may still send.
	refusedBytesMax = 1 << 20
)

// writeRefusal answers a stream with the name of this cluster. What the peer
// sends is read to its end: closing a connection with unread bytes resets it,
// and the answer would be lost.
func writeRefusal(conn *net.TCPConn, cluster string) {
	_ = conn.SetDeadline(time.Now().Add(refusalTimeout)) // fails on closed streams only
	if _, err := conn.Write(append([]byte{refusalMark, byte(len(cluster))}, cluster...)); err != nil {
		return // the peer is gone
	}
	if conn.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, conn, refusedBytesMax) // until the peer closes, or too late
	}
}

// readRefusal returns the error that a refusal stands for, given the bytes
// that were read so far.
func readRefusal(begun []byte, rest io.Reader, ours string) error {
	answer := make([]byte, 2+NameBytesMax)
	n := copy(answer, begun)
	if n < 2 {
		if _, err := io.ReadFull(rest, answer[n:2]); err != nil {
			return fmt.Errorf("read refusal: %w", err)
		}
		n = 2
	}
	if end := 2 + int(answer[1]); n < end {
		if _, err := io.ReadFull(rest, answer[n:end]); err != nil {
			return fmt.Errorf("read refusal: %w", err)
		}
	}
	theirs := string(answer[2 : 2+int(answer[1])])
	return fmt.Errorf("%w: the peer is of cluster %q, this node of %q; start it with --cluster %s, or join another address",
		ErrOtherCluster, theirs, ours, theirs)
}
