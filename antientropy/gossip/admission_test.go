package gossip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/scalesmall/ssnode/delta"
)

func TestTransport_Join_OtherCluster(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "keyed"}[keyed], func(t *testing.T) {
			ours, theirs := fast("n1"), fast("n2")
			ours.Cluster, theirs.Cluster = "test", "other"
			if keyed {
				ours.Keys = [][]byte{bytes.Repeat([]byte{1}, 16)}
				theirs.Keys = [][]byte{bytes.Repeat([]byte{2}, 16)}
			}
			listed, stranger := start(t, ours), start(t, theirs)
			for range 3 {
				_, err := stranger.Join(context.Background(), []string{listed.Addr()})
				if !isError(err, ErrOtherCluster) || !isError(err, ErrNotJoined) {
					t.Fatalf("join another cluster: %v", err)
				}
				for _, want := range []string{`"test"`, `"other"`, listed.Addr(), "--cluster"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error does not say %s: %v", want, err)
					}
				}
			}
			if n := strings.Count(listed.logged(), "refused a peer of another cluster"); n != 1 {
				t.Errorf("%d lines tell of the refusal, want 1", n)
			}
			if listed.Stats().RefusedCluster != 3 || len(listed.Members()) != 1 || len(stranger.Members()) != 1 {
				t.Errorf("refused %d, members %d and %d", listed.Stats().RefusedCluster, len(listed.Members()), len(stranger.Members()))
			}
		})
	}
}

// A process of another cluster that takes over the address of a member answers
// nothing, so that the member is found dead.
func TestTransport_Members_DeadBehindAStranger(t *testing.T) {
	t.Parallel()
	all := trio(t, mortal)
	if err := all[1].Close(); err != nil {
		t.Fatal(err)
	}
	o := fast("n2")
	o.Bind, o.Cluster = all[1].Addr(), "other"
	stranger := start(t, o)
	until(t, "n1 lists n2 as dead", func() bool { return all[0].liveness("n2") == Dead })
	if stranger.Stats().RefusedCluster == 0 {
		t.Error("the stranger has refused nothing")
	}
}

func TestTransport_Join_KeysDiffer(t *testing.T) {
	t.Parallel()
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	for _, c := range []struct {
		name         string
		ours, theirs [][]byte
	}{
		{"other key", [][]byte{one}, [][]byte{two}},
		{"only the cluster has one", [][]byte{one}, nil},
		{"only the newcomer has one", nil, [][]byte{two}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := fast("n1"), fast("n2")
			ours.Keys, theirs.Keys = c.ours, c.theirs
			listed, stranger := start(t, ours), start(t, theirs)
			_, err := stranger.Join(context.Background(), []string{listed.Addr()})
			if !isError(err, ErrKey) || !strings.Contains(err.Error(), "--gossip-key-file") {
				t.Errorf("join with another key: %v", err)
			}
			if len(listed.Members()) != 1 || len(stranger.Members()) != 1 {
				t.Error("a peer with another key is listed")
			}
		})
	}
}

func TestTransport_Join_NoVersionInCommon(t *testing.T) {
	t.Parallel()
	versions := func(name string, least, most uint8) Options {
		o := fast(name)
		o.Versions = Versions{Min: least, Max: most}
		return o
	}
	old, both := start(t, versions("n1", 1, 1)), start(t, versions("n2", 1, 2))
	both.join(old)
	untilListed(t, []*peer{old, both})

	later := start(t, versions("n3", 2, 3))
	_, err := later.Join(context.Background(), []string{old.Addr()})
	if err != nil {
		t.Fatalf("n3 has version 2 in common with n2, whom n1 lists: %v", err)
	}
	until(t, "n2 and n3 list each other", func() bool {
		return both.liveness("n3") == Alive && later.liveness("n2") == Alive
	})
	if old.liveness("n3") != Unknown || later.liveness("n1") != Unknown {
		t.Error("n1 and n3 have no version in common, and list each other")
	}
	if n := strings.Count(old.logged(), "refused a member"); n != 1 {
		t.Errorf("%d lines tell of the refusal, want 1", n)
	}

	strange, isNamed := start(t, versions("n4", 9, 9)), false
	_, err = strange.Join(context.Background(), []string{old.Addr()})
	// Which of those that n1 lists is named, the order decides in which it tries them,
	// and that changes.
	for _, named := range []string{"n1 at " + old.Addr() + ": it understands version 1, this node 9", "n2 at " + both.Addr() + ": it understands version 1 to 2, this node 9"} {
		isNamed = isNamed || isError(err, ErrVersion) && strings.Contains(err.Error(), named)
	}
	if !isNamed {
		t.Errorf("join without a version in common: %v", err)
	}
	if old.Stats().RefusedVersion == 0 || len(strange.Members()) != 1 {
		t.Error("n4 was not refused")
	}
}

func TestTransport_Join_NetworkNotAllowed(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.CIDRsAllowed = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	closed, other := start(t, o), start(t, fast("n2"))
	if _, err := other.Join(context.Background(), []string{closed.Addr()}); !isError(err, ErrNotJoined) {
		t.Errorf("join from a network that is not allowed: %v", err)
	}
	if closed.Stats().RefusedNetwork == 0 || len(closed.Members()) != 1 {
		t.Error("the peer was not refused")
	}
	o = fast("n3")
	o.CIDRsAllowed = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	open := start(t, o)
	other.join(open)
	untilListed(t, []*peer{open, other})
}

func TestTransport_Join_Itself(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.Bind, o.Advertise = "0.0.0.0:0", "127.0.0.1:0"
	p := start(t, o)
	_, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{p.Addr(), "127.0.0.2:" + port, "localhost:" + port} {
		if _, err := p.Join(context.Background(), []string{address}); !isError(err, ErrSelf) || !isError(err, ErrNotJoined) {
			t.Errorf("join %s, which is the node itself: %v", address, err)
		}
	}
}

// Each address that fails has an error of its own; one that works is enough.
func TestTransport_Join_ReportsEachAddress(t *testing.T) {
	t.Parallel()
	p, other := start(t, fast("n1")), start(t, fast("n2"))
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := p.Join(context.Background(), []string{closed, "no port", other.Addr(), p.Addr()})
	if err != nil || len(r.Joined) != 1 || r.Joined[0] != other.Addr() || len(r.Failed) != 3 {
		t.Fatalf("joined %v, failed %v, error %v", r.Joined, r.Failed, err)
	}
	for i, want := range []string{closed, "no port", p.Addr()} {
		if r.Failed[i].Address != want || !strings.HasPrefix(r.Failed[i].Error(), "join "+want+": ") {
			t.Errorf("failure %d: %v", i, r.Failed[i])
		}
	}
	if !isError(r.Failed[1], ErrInvalid) || !isError(r.Failed[2], ErrSelf) {
		t.Errorf("failures %v", r.Failed)
	}
	var failure *AddressError
	if _, err = p.Join(context.Background(), []string{closed}); !errors.As(err, &failure) || failure.Address != closed {
		t.Errorf("join nobody: %v", err)
	}
	if r, err := p.Join(context.Background(), nil); err != nil || len(r.Joined) != 0 {
		t.Errorf("join no address: %v, %v", r, err)
	}
}

// A peer that accepts and says nothing does not hold a join beyond its context.
func TestTransport_Join_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := start(t, fast("n1"))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		conn, err := silent.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		cancel() // once the join waits for an answer
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}()
	if _, err := p.Join(ctx, []string{silent.Addr().String()}); !isError(err, context.Canceled) {
		t.Errorf("join a silent peer: %v", err)
	}
}

// A refusal reaches a peer that is still sending: closing a connection that
// has unread bytes would reset it, and the refusal would be lost.
func TestTransport_Refusal_ReachesWhoIsStillSending(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.Cluster = "test"
	p := start(t, o)
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(append([]byte{labelMark, 5}, "other"...)); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is refused", func() bool { return p.Stats().RefusedCluster == 1 })
	for range 64 {
		if _, err := conn.Write(make([]byte, 8<<10)); err != nil {
			t.Fatalf("the rest was not read: %v", err)
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if want := append([]byte{refusalMark, 4}, "test"...); err != nil || !bytes.Equal(answer, want) {
		t.Errorf("answered %x, %v; want %x", answer, err, want)
	}
}

func TestReadRefusal_InPieces(t *testing.T) {
	t.Parallel()
	whole := append([]byte{refusalMark, 5}, "other"...)
	for n := 1; n <= len(whole); n++ {
		err := readRefusal(whole[:n], iotest.OneByteReader(bytes.NewReader(whole[n:])), "ours")
		if !isError(err, ErrOtherCluster) || !strings.Contains(err.Error(), `"other"`) {
			t.Errorf("with %d bytes read before: %v", n, err)
		}
	}
	if err := readRefusal(whole[:3], bytes.NewReader(nil), "ours"); !isError(err, io.EOF) {
		t.Errorf("a refusal that is cut off: %v", err)
	}
}

func TestMeta_Decode_RefusesWhatIsOdd(t *testing.T) {
	t.Parallel()
	good := encodeMeta(Versions{1, 2}, fast("n1").Meta)
	v, m, err := readMeta(good)
	if err != nil || v != (Versions{1, 2}) || m != fast("n1").Meta {
		t.Fatalf("decoded %v, %v, %v", v, m, err)
	}
	for name, b := range map[string][]byte{
		"nothing":       nil,
		"only versions": {1, 1},
		"turned around": append([]byte{2, 1}, good[2:]...),
		"cut off":       good[:len(good)-1],
		"more":          append(bytes.Clone(good), 0),
	} {
		if _, _, err := readMeta(b); !isError(err, delta.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := fast("n1").Meta
	long.API = strings.Repeat("x", apiBytesMax)
	if n := len(encodeMeta(Versions{255, 255}, long)); n > metaBytesMax {
		t.Errorf("the longest metadata has %d bytes, at most %d fit", n, metaBytesMax)
	}
}
