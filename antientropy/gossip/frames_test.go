package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func isError(err, target error) bool { return errors.Is(err, target) }

func TestTransport_Send_Refusals(t *testing.T) {
	t.Parallel()
	p := start(t, fast("n1"))
	for _, c := range []struct {
		to    string
		bytes int
		want  error
	}{
		{"n1", 1, ErrSelf},
		{"n9", 1, ErrUnknownMember},
		{"n9", FrameBytesMax + 1, ErrTooLarge},
	} {
		if err := p.Send(c.to, make([]byte, c.bytes), false); !isError(err, c.want) {
			t.Errorf("send %d bytes to %s: %v, want %v", c.bytes, c.to, err, c.want)
		}
	}
}

// The largest frame that PacketFrameBytes promises, and one byte more, arrive:
// one in a packet of at most PacketBytes, the other by a stream.
func TestTransport_Send_ChoosesTheWayBySize(t *testing.T) {
	t.Parallel()
	keyed := func(name string) Options {
		o := fast(name)
		o.Keys = [][]byte{bytes.Repeat([]byte{1}, 32)}
		return o
	}
	all := trio(t, keyed)
	largest := all[0].PacketFrameBytes()
	for _, n := range []int{0, 1, largest, largest + 1} {
		before := all[0].Stats()
		body := string(bytes.Repeat([]byte{'x'}, n))
		if err := all[0].Send("n2", []byte(body), false); err != nil {
			t.Fatal(err)
		}
		until(t, fmt.Sprintf("a frame of %d bytes arrives", n), func() bool { return all[1].got(frame{"n1", body}) })
		until(t, "it is counted", func() bool {
			after := all[0].Stats()
			packets, streams := after.FramesSentPacket-before.FramesSentPacket, after.FramesSentStream-before.FramesSentStream
			return n <= largest && packets == 1 && streams == 0 || n > largest && packets == 0 && streams == 1
		})
	}
	if err := all[0].Send("n3", []byte("reliable"), true); err != nil {
		t.Fatal(err)
	}
	until(t, "a small frame arrives by a stream", func() bool { return all[2].got(frame{"n1", "reliable"}) })
	if got := all[0].Stats().FramesSentStream; got != 2 {
		t.Errorf("%d frames by streams, want 2", got)
	}
}

func TestTransport_Broadcast_Arrives(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	body := bytes.Repeat([]byte{'b'}, all[0].PacketFrameBytes())
	for _, b := range [][]byte{body, []byte("small")} {
		if err := all[0].Broadcast(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range all[1:] {
		until(t, p.Name()+" gets the broadcasts", func() bool {
			return p.got(frame{"n1", string(body)}) && p.got(frame{"n1", "small"})
		})
	}
	if err := all[0].Broadcast(append(body, 'b')); !isError(err, ErrTooLarge) {
		t.Errorf("a broadcast of more than a packet: %v", err)
	}
	if n := all[0].Stats().Broadcasts; n != 2 {
		t.Errorf("%d broadcasts counted, want 2", n)
	}
}

// What memberlist builds around the largest frame that fits is no larger than
// a packet may be, and not much smaller. To see packets as they are, the
// member they are for is replaced by a plain socket at its address.
func TestTransport_PacketFrameBytes_FillsPackets(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"send", "broadcast"} {
		t.Run(way, func(t *testing.T) {
			options := func(name string) Options {
				o := fast(name)
				o.Keys = [][]byte{bytes.Repeat([]byte{1}, 32)}
				return o
			}
			sender, plain := replaced(t, options)
			var err error
			frame := make([]byte, sender.PacketFrameBytes())
			if way == "send" {
				err = sender.Send("n2", frame, false)
			} else {
				err = sender.Broadcast(frame)
			}
			if err != nil {
				t.Fatal(err)
			}
			if n := largestPacket(t, plain, len(frame)); n > 1400 {
				t.Errorf("a packet of %d bytes, at most 1400 are allowed", n)
			}
		})
	}
}

// replaced starts n1, and in place of n2, which it lists, a plain socket.
func replaced(t *testing.T, options func(name string) Options) (*peer, *net.UDPConn) {
	t.Helper()
	var err error
	for range 10 { // another process may take the port as soon as it is free
		sender, member := start(t, options("n1")), start(t, options("n2"))
		member.join(sender)
		untilListed(t, []*peer{sender, member})
		if err := member.Close(); err != nil {
			t.Fatal(err)
		}
		var plain *net.UDPConn
		if plain, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(member.Addr()))); err == nil {
			t.Cleanup(func() { plain.Close() })
			return sender, plain
		}
	}
	t.Fatal(err)
	return nil, nil
}

// largestPacket reads packets until one has at least bytesMin bytes.
func largestPacket(t *testing.T, from *net.UDPConn, bytesMin int) int {
	t.Helper()
	if err := from.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, udpBytesMax)
	for {
		n, _, err := from.ReadFromUDP(buf)
		if err != nil {
			t.Fatalf("no packet of %d bytes or more: %v", bytesMin, err)
		}
		if n >= bytesMin {
			return n
		}
	}
}

func TestTransport_Broadcast_AloneKeepsNothing(t *testing.T) {
	t.Parallel()
	p := start(t, fast("n1"))
	if err := p.Broadcast([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	if n := p.Stats().QueuedBroadcasts; n != 0 {
		t.Errorf("%d broadcasts wait for nobody", n)
	}
}

func TestTransport_Broadcast_QueueIsBounded(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.GossipInterval = time.Hour
	slow := start(t, o)
	other := start(t, fast("n2"))
	other.join(slow)
	untilListed(t, []*peer{slow, other})
	for i := range broadcastsMax + 100 {
		if err := slow.Broadcast(fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	s := slow.Stats()
	if s.QueuedBroadcasts > broadcastsMax || s.DropsBroadcast == 0 {
		t.Errorf("%d broadcasts queued, %d dropped", s.QueuedBroadcasts, s.DropsBroadcast)
	}
}

// With probes alone, then with push/pull alone.
func TestTransport_SetCheck_Arrives(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"ping", "push/pull"} {
		t.Run(by, func(t *testing.T) {
			all := trio(t, func(name string) Options {
				o := fast(name)
				if by == "ping" {
					o.PushPullInterval = time.Hour
				} else {
					o.ProbeInterval = time.Hour
				}
				return o
			})
			for _, p := range all {
				payload := []byte("state of " + p.Name())
				if err := p.SetCheck(payload); err != nil {
					t.Fatal(err)
				}
				clear(payload) // the transport has its own copy
			}
			for _, p := range all {
				for _, other := range all {
					if p == other {
						continue
					}
					until(t, p.Name()+" gets the check of "+other.Name(), func() bool {
						return p.checked(frame{other.Name(), "state of " + other.Name()})
					})
				}
				until(t, p.Name()+" has counted what it sent", func() bool {
					s, size := p.Stats(), uint64(len("state of "+p.Name()))
					return s.ChecksSent > 0 && s.CheckBytesSent > 0 && s.CheckBytesSent%size == 0 && s.CheckBytesReceived >= 2*size
				})
			}
		})
	}
	if err := start(t, fast("n1")).SetCheck(make([]byte, CheckBytesMax+1)); !isError(err, ErrTooLarge) {
		t.Errorf("a payload that is too large: %v", err)
	}
}

// What comes from nobody that is listed, or cannot be read, is dropped.
func TestTransport_NotifyMsg_DropsWhatIsOdd(t *testing.T) {
	t.Parallel()
	p := start(t, fast("n1"))
	d := delegate{p.Transport}
	d.NotifyMsg(seal(kindFrame, "ghost", []byte("boo")))
	d.NotifyMsg(seal(kindFrame, "n1", []byte("echo")))
	d.NotifyMsg(nil)
	d.NotifyMsg([]byte{1, 5, 'n'})
	d.NotifyMsg(seal(kind(99), "n1", nil))
	d.NotifyMsg(seal(kindNotice, "n1", []byte("no cbor")))
	d.NotifyMsg(seal(kindFrame, "ghost", make([]byte, FrameBytesMax+1)))
	d.MergeRemoteState([]byte("odd"), true)
	d.MergeRemoteState(seal(kindState, "ghost", []byte("odd")), true)
	s := p.Stats()
	if s.DropsUnknown != 2 || s.DropsMalformed != 7 || len(p.frames) > 0 {
		t.Errorf("%d unknown, %d malformed, %d handed on; want 2, 7, 0", s.DropsUnknown, s.DropsMalformed, len(p.frames))
	}
}

// A frame is the handler's to keep, whatever becomes of the packet.
func TestTransport_NotifyMsg_HandsOutACopy(t *testing.T) {
	t.Parallel()
	var kept []byte
	o := fast("n1")
	o.Cluster, o.Handler.Frame = t.Name(), func(_ string, b []byte) { kept = b }
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	other := start(t, fast("n2"))
	other.join(&peer{Transport: p})
	packet := seal(kindFrame, "n2", []byte("frame"))
	until(t, "n2 is listed", func() bool { return len(p.Members()) == 2 })
	delegate{p}.NotifyMsg(packet)
	clear(packet)
	if string(kept) != "frame" {
		t.Errorf("the frame has become %q", kept)
	}
}

func TestTransport_Close_EndsEverything(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	cuts := NewPartition()
	all := trio(t, func(name string) Options {
		o := partitioned(cuts, fast)(name)
		o.StreamTimeout = time.Hour
		return o
	})
	// Somebody has connected and says nothing more than the cluster's name.
	silent, err := net.Dial("tcp", all[1].Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := silent.Write(append([]byte{labelMark, byte(len(t.Name()))}, t.Name()...)); err != nil {
		t.Fatal(err)
	}
	until(t, "the silent stream is accepted", func() bool {
		all[1].socket.mu.Lock()
		defer all[1].socket.mu.Unlock()
		for conn := range all[1].socket.mu.open {
			if conn.RemoteAddr().String() == silent.LocalAddr().String() {
				return true
			}
		}
		return false
	})
	// A stream that takes for ever waits in the queue of n1.
	cuts.Set("n1", "n2", Verdict{Delay: time.Hour})
	if err := all[0].Send("n2", []byte("late"), true); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	}
	p := all[0]
	calls := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.changes + len(p.frames) + len(p.checks)
	}
	before := calls()
	if err := p.Send("n2", nil, false); !isError(err, ErrClosed) {
		t.Errorf("send: %v", err)
	}
	if err := p.Broadcast(nil); !isError(err, ErrClosed) {
		t.Errorf("broadcast: %v", err)
	}
	if _, err := p.Join(t.Context(), []string{all[1].Addr()}); !isError(err, ErrClosed) {
		t.Errorf("join: %v", err)
	}
	if err := p.SetMeta(fast("n1").Meta); !isError(err, ErrClosed) {
		t.Errorf("set meta: %v", err)
	}
	if err := p.Leave(0); !isError(err, ErrClosed) {
		t.Errorf("leave: %v", err)
	}
	delegate{p.Transport}.NotifyMsg(seal(kindFrame, "n2", []byte("after the end")))
	until(t, "no goroutine is left", func() bool { return goleak.Find(ignore) == nil })
	if calls() != before {
		t.Error("a callback began after Close had returned")
	}
}
