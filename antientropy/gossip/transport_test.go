package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// peer is a transport with a handler that keeps what it gets.
type peer struct {
	*Transport
	t *testing.T

	mu        sync.Mutex
	frames    []frame
	checks    []frame
	conflicts []Conflict
	changes   int
	log       *bytes.Buffer
}

type frame struct {
	from string
	body string
}

// fast are intervals for tests on loopback, where nobody is found dead as long as a
// test waits: a busy machine may hold up a member for longer than it takes to
// find one dead (mortal), who is then not sent to. The cluster is that of the test.
func fast(name string) Options {
	return Options{
		Name: name, Bind: "127.0.0.1:0",
		Meta:             Meta{Replica: crdt.ReplicaID{1, name[len(name)-1]}, Start: StartID{Counter: 1, Nonce: 7}, API: name + ".example:7481"},
		ProbeInterval:    100 * time.Millisecond,
		ProbeTimeout:     50 * time.Millisecond,
		SuspicionMult:    100,
		GossipInterval:   20 * time.Millisecond,
		PushPullInterval: 300 * time.Millisecond,
		StreamTimeout:    2 * time.Second,
	}
}

// mortal is fast for tests in which somebody has to be found dead.
func mortal(name string) Options {
	o := fast(name)
	o.SuspicionMult = 3
	return o
}

// start starts a peer that ends with the test.
func start(t *testing.T, o Options) *peer {
	t.Helper()
	p, err := tryStart(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tryStart starts a peer of a cluster of the test's own, if the options name none: at
// an address that a member of another test had, that one's peers would be heard.
func tryStart(t *testing.T, o Options) (*peer, error) {
	if o.Cluster == "" {
		o.Cluster = t.Name()
	}
	p := &peer{t: t, log: new(bytes.Buffer)}
	o.Logger = slog.New(slog.NewTextHandler(lockedWriter{&p.mu, p.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Handler = Handler{
		Frame:          func(from string, b []byte) { p.record(func() { p.frames = append(p.frames, frame{from, string(b)}) }) },
		Check:          func(from string, b []byte) { p.record(func() { p.checks = append(p.checks, frame{from, string(b)}) }) },
		MembersChanged: func() { p.record(func() { p.changes++ }) },
		Conflict:       func(c Conflict) { p.record(func() { p.conflicts = append(p.conflicts, c) }) },
	}
	var err error
	if p.Transport, err = Start(o); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close %s: %v", o.Name, err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", o.Name, p.logged())
		}
	})
	return p, nil
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (w lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

func (p *peer) record(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *peer) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *peer) got(f frame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.frames, f)
}

func (p *peer) checked(f frame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.checks, f)
}

func (p *peer) liveness(name string) Liveness {
	for _, m := range p.Members() {
		if m.Name == name {
			return m.Liveness
		}
	}
	return Unknown
}

func (p *peer) join(to ...*peer) {
	p.t.Helper()
	var addresses []string
	for _, other := range to {
		addresses = append(addresses, other.Addr())
	}
	if _, err := p.Join(context.Background(), addresses); err != nil {
		p.t.Fatalf("%s joins: %v", p.Name(), err)
	}
}

// until polls: what it waits for is brought by sockets and timers of others.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// trio starts three members that know each other.
func trio(t *testing.T, options func(name string) Options) []*peer {
	t.Helper()
	var all []*peer
	for _, name := range []string{"n1", "n2", "n3"} {
		all = append(all, start(t, options(name)))
	}
	all[1].join(all[0])
	all[2].join(all[0])
	untilListed(t, all)
	return all
}

func untilListed(t *testing.T, all []*peer) {
	t.Helper()
	until(t, "everybody lists everybody as alive", func() bool {
		for _, p := range all {
			for _, other := range all {
				if p.liveness(other.Name()) != Alive {
					return false
				}
			}
		}
		return true
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTransport_Join_ThreeMembers(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	for _, p := range all {
		for _, m := range p.Members() {
			if m.API != m.Name+".example:7481" || m.Replica.IsZero() || m.Start.Nonce != 7 || m.Self != (m.Name == p.Name()) {
				t.Errorf("%s lists %+v", p.Name(), m)
			}
		}
	}
}

func TestTransport_Send_SmallAndLargeBothWays(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	small, large := "small", string(bytes.Repeat([]byte("large"), FrameBytesMax/5))
	for _, from := range all {
		for _, to := range all {
			if from == to {
				continue
			}
			for _, body := range []string{small, large} {
				if err := from.Send(to.Name(), []byte(body), false); err != nil {
					t.Fatal(err)
				}
				until(t, from.Name()+" to "+to.Name(), func() bool { return to.got(frame{from.Name(), body}) })
			}
		}
	}
}
