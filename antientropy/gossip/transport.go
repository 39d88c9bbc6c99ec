package gossip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// startTimeout bounds the resolution of Bind and Advertise.
	startTimeout = 10 * time.Second
	// retransmitMult times log10 of the members is how often a broadcast is
	// passed on.
	retransmitMult = 4
	// broadcastsMax bounds the broadcast queue.
	broadcastsMax = 1024
	// conflictsMax bounds the conflicts that wait to be told.
	conflictsMax = 16
)

// Transport is a running member of a cluster. Its methods may be called
// concurrently. Use Start.
type Transport struct {
	options Options
	stats   *counters
	log     *logger
	socket  *socket
	table   *table
	outbox  *outbox
	// list is memberlist. Its delegates may run before it is set, and do not
	// use it.
	list       *memberlist.Memberlist
	keyring    *memberlist.Keyring
	keys       sync.Mutex // serialises changes of keyring
	broadcasts *memberlist.TransmitLimitedQueue

	check atomic.Pointer[[]byte]
	// wake tells run that members changed, conflicts what to report.
	wake      chan struct{}
	conflicts chan Conflict
	letters   chan letter

	// ctx ends when Close begins; wg is what Close waits for.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// closing runs Close once, closed is what it returned.
	closing sync.Once
	closed  error
	// life serialises what memberlist cannot do at the same time or after its
	// end: leaving, new metadata, shutdown.
	life struct {
		sync.Mutex
		closed bool
		left   bool
	}
	// meta is the encoded metadata of this node and what it says.
	meta struct {
		sync.RWMutex
		value   Meta
		encoded []byte
	}
	// joins counts the joins that began while this node had no peers, and
	// remembers the addresses that were tried.
	joins struct {
		sync.Mutex
		alone int
		tried map[string]struct{}
	}
	rivals rivals
	// calls lets Close wait for the callbacks that have begun.
	calls struct {
		sync.RWMutex
		closed bool
	}
}

// Start binds the sockets and begins to answer. The node is alone until Join,
// or until others join it. Errors wrap ErrInvalid or ErrListen.
func Start(o Options) (*Transport, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	t := &Transport{
		options:   o,
		stats:     new(counters),
		log:       newLogger(o.Logger),
		wake:      make(chan struct{}, 1),
		conflicts: make(chan Conflict, conflictsMax),
		letters:   make(chan letter, conflictsMax),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.meta.value, t.meta.encoded = o.Meta, encodeMeta(o.Versions, o.Meta)
	t.table = newTable(o.Name, o.ProbeInterval, t.changed, o.Lives...)
	t.outbox = newOutbox(t.sendStream, t.stats)
	t.broadcasts = &memberlist.TransmitLimitedQueue{NumNodes: t.table.size, RetransmitMult: retransmitMult}
	if err := t.open(); err != nil {
		t.cancel()
		return nil, err
	}
	t.wg.Go(t.run)
	return t, nil
}

func (t *Transport) open() error {
	ctx, cancel := context.WithTimeout(t.ctx, startTimeout)
	defer cancel()
	var err error
	if t.keyring, err = newKeyring(t.options.Keys); err != nil {
		return err
	}
	if t.socket, err = listen(ctx, t.options, t.stats, t.log); err != nil {
		return err
	}
	t.socket.heard = t.hear
	t.socket.start()
	if t.list, err = memberlist.Create(t.config()); err != nil {
		return errors.Join(fmt.Errorf("start memberlist: %w", err), t.socket.Shutdown())
	}
	return nil
}

// config returns memberlist's configuration. Compression is off: frames are
// compact, and it would cost time on every packet and make streams larger.
func (t *Transport) config() *memberlist.Config {
	o, d := t.options, delegate{t}
	c := memberlist.DefaultLANConfig()
	c.Name = o.Name
	c.Label = o.Cluster
	c.Transport = t.socket
	c.BindPort = int(t.socket.advertise.Port())
	c.EnableCompression = false
	c.Keyring = t.keyring
	c.GossipVerifyIncoming, c.GossipVerifyOutgoing = !o.AcceptPlain, !o.SendPlain
	c.ProbeInterval, c.ProbeTimeout = o.ProbeInterval, o.ProbeTimeout
	c.SuspicionMult = o.SuspicionMult
	c.AwarenessMaxMultiplier = 4
	c.GossipInterval = o.GossipInterval
	c.PushPullInterval = o.PushPullInterval
	c.TCPTimeout = o.StreamTimeout
	c.UDPBufferSize = o.PacketBytes - checksumOverhead // which memberlist forgets to count
	// A name whose member is dead may move to another address at once; by
	// default it may not, until the dead member is forgotten.
	c.DeadNodeReclaimTime = time.Nanosecond
	// User messages are handed on by a copy into a queue: bursts may be long.
	c.HandoffQueueDepth = 8192
	// probeNode asks this when, and only when, a probe was not answered.
	c.DisableTcpPingsForNode = func(name string) bool { t.table.miss(name, time.Now()); return false }
	c.Delegate, c.Events, c.Ping, c.Alive, c.Merge, c.Conflict = d, d, d, d, d, d
	c.Logger = t.log.forMemberlist(&t.stats.dropsHandoff)
	return c
}

// run tells the handler what has changed.
func (t *Transport) run() {
	tick := time.NewTicker(t.options.ProbeInterval / 2)
	defer tick.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-tick.C:
			t.table.look(time.Now())
		case <-t.wake:
			t.call(t.options.Handler.membersChanged)
		case c := <-t.conflicts:
			t.call(func() { t.options.Handler.conflict(c) })
		case l := <-t.letters:
			t.begin(func() { t.post(l) })
		}
	}
}

// changed wakes run. It may be called with locks held.
func (t *Transport) changed() {
	select {
	case t.wake <- struct{}{}:
	default: // it will see this change too
	}
}

// call runs a callback, unless Close has come so far that none may begin.
func (t *Transport) call(callback func()) {
	t.calls.RLock()
	defer t.calls.RUnlock()
	if !t.calls.closed {
		callback()
	}
}

func (t *Transport) hear(name string) { t.table.hear(name, time.Now()) }

// Name returns this node's name.
func (t *Transport) Name() string { return t.options.Name }

// Addr returns the address that others are told, host:port.
func (t *Transport) Addr() string { return t.socket.self }

// Members returns every member that was ever listed and not forgotten, this
// node included, ascending by name.
func (t *Transport) Members() []Member { return t.table.all(time.Now()) }

// Forget removes a dead or left member from Members. It returns ErrAlive if
// the member is neither, ErrUnknownMember if there is none. A member that
// comes back is listed again.
func (t *Transport) Forget(name string) error { return t.table.forget(name) }

// SetCheck replaces the payload that travels to each peer with the answer to
// its pings and with push/pull, at most CheckBytesMax bytes. The slice may be
// reused.
func (t *Transport) SetCheck(payload []byte) error {
	if len(payload) > CheckBytesMax {
		return fmt.Errorf("set check payload: %w: %d bytes, at most %d are allowed", ErrTooLarge, len(payload), CheckBytesMax)
	}
	kept := append([]byte(nil), payload...)
	t.check.Store(&kept)
	return nil
}

// sendCheck returns the check of this node, nil before there is one, and counts
// that it is sent.
func (t *Transport) sendCheck() []byte {
	payload := t.check.Load()
	if payload == nil {
		return nil
	}
	t.stats.checksSent.Add(1)
	t.stats.checkBytesSent.Add(uint64(len(*payload)))
	return *payload
}

// Meta returns what this node tells about itself.
func (t *Transport) Meta() Meta {
	t.meta.RLock()
	defer t.meta.RUnlock()
	return t.meta.value
}

// SetMeta changes what this node tells about itself, and begins to spread it.
func (t *Transport) SetMeta(m Meta) error {
	if err := m.Validate(); err != nil {
		return err
	}
	t.life.Lock()
	defer t.life.Unlock()
	if t.life.closed {
		return ErrClosed
	}
	t.meta.Lock()
	t.rivals.leaveBehind(t.meta.value.Replica, m.Replica)
	t.meta.value, t.meta.encoded = m, encodeMeta(t.options.Versions, m)
	t.meta.Unlock()
	// UpdateNode puts the news into the broadcast queue, and then waits for it
	// to be sent: for that there is no need.
	_ = t.list.UpdateNode(time.Nanosecond)
	return nil
}

// Stats returns what was counted.
func (t *Transport) Stats() Stats {
	s := t.stats.snapshot()
	s.QueuedFrames, s.QueuedBytes = t.outbox.waiting()
	s.QueuedBroadcasts = t.broadcasts.NumQueued()
	s.HealthScore = t.list.GetHealthScore()
	s.Became = t.table.became()
	return s
}
