package node

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// inboxBytesMax bounds the frames that wait for the protocol; one past it
	// is dropped and counted. A dropped frame costs a retry.
	inboxBytesMax = 32 << 20
	// frameOverhead is what a frame weighs beside its bytes.
	frameOverhead = 512
	// inputsMax is how many inputs the core is given before it is asked what
	// it wants.
	inputsMax = 4096
	// tickEvery is the step of the core's time, and reportEvery how many steps
	// there are between two reports of what it knows of its peers.
	tickEvery   = 25 * time.Millisecond
	reportEvery = 4
	// readsMax bounds the bulk reads that wait; the core asks for fewer.
	readsMax = 1024
)

// protocol drives the antientropy core: one goroutine feeds it and does what
// it wants done, another answers its bulk reads.
//
// A core that follows a store that was reopened is replaced. Requests and
// answers bear the core they belong to: the numbers of another one would take
// them for those of its own.
type protocol struct {
	node      *Node
	inbox     *mailbox[func(*antientropy.Core)]
	reads     *mailbox[read]
	transport atomic.Pointer[gossip.Transport]
	started   time.Time
	pulse     pulse
	// peers is what the core knows of them, ascending by name, as of the last
	// report.
	peers atomic.Pointer[[]antientropy.PeerStatus]
	// counted is what the core has counted, session the repair that is under
	// way, nil if none is; as of the last tick too.
	counted atomic.Pointer[antientropy.Counters]
	session atomic.Pointer[antientropy.SessionStatus]
	// completeness is what the core says of it, as of the last thing it did.
	completeness atomic.Pointer[antientropy.Completeness]
	// isTold says that the core is about to be told who its peers are.
	isTold atomic.Bool
	// livenesses maps names of members to what is believed of them.
	livenesses atomic.Pointer[map[string]gossip.Liveness]
	// current is the core whose requests are carried out. It belongs to the
	// committer.
	current *antientropy.Core

	// The rest belongs to run: the core it feeds, what it last told as its
	// check, whether it has heard anything since the last report, and the
	// peers it has.
	core  *antientropy.Core
	check []byte
	heard bool
	names []string
}

func newProtocol(n *Node) (*protocol, error) {
	p := &protocol{
		node: n, started: time.Now(),
		inbox: newMailbox[func(*antientropy.Core)](inboxBytesMax),
		reads: newMailbox[read](readsMax),
	}
	p.peers.Store(&[]antientropy.PeerStatus{})
	p.livenesses.Store(&map[string]gossip.Liveness{})
	p.counted.Store(&antientropy.Counters{})
	p.completeness.Store(&antientropy.Completeness{})
	core, err := p.newCore()
	if err != nil {
		return nil, err
	}
	p.core, p.current = core, core
	p.tellCompleteness()
	p.want(n.backfills.pending())
	return p, nil
}

// newCore returns a core for the replica as it is on disk now.
func (p *protocol) newCore() (*antientropy.Core, error) {
	start := antientropy.StartOf(p.node.store.Replica())
	start.Fresh = p.isFresh()
	start.Identified = p.node.isNew() || p.node.identity.certain.Load()
	start.Witnessed, start.Witnesses = true, p.node.identity.witnesses
	return antientropy.New(antientropy.Options{
		Cluster:      p.node.store.Cluster(),
		Seed:         rand.Uint64(),
		Participants: p.node.routing.participants,
		Participated: p.node.routing.participated,
		Partners:     p.node.routing.partners,
		Symbols:      antientropy.DefaultShape.Symbols,
	}, start)
}

// restart replaces the core by one for the replica as it is on disk now. Called
// by the committer, between transactions: what was committed before goes to
// the former core, what is committed later to the new one.
func (p *protocol) restart() error {
	core, err := p.newCore()
	if err != nil {
		return err
	}
	p.current = core
	if len(p.node.backfills.add(p.node.freshlyShared())) > 0 {
		p.node.keeper.save()
	}
	return p.inbox.force(func(*antientropy.Core) {
		core.Tick(p.now())
		for _, k := range p.node.backfills.pending() {
			core.Backfill(k)
		}
		p.core = core
		p.setPeers(core)
		p.node.questions.put(core)
	})
}

// isOfFormerCore reports whether a request is of a core that was replaced. For
// the committer only.
func (p *protocol) isOfFormerCore(r *request) bool { return r.core != nil && r.from != p.current }

// now returns the core's time: milliseconds that never go back.
func (p *protocol) now() uint64 { return uint64(time.Since(p.started).Milliseconds()) }

// wall returns when a moment of the core's time was, zero if it was never. It
// is for people to read.
func (p *protocol) wall(tick uint64) time.Time {
	if tick == 0 {
		return time.Time{}
	}
	return p.started.Add(time.Duration(tick) * time.Millisecond).Round(0)
}

// run feeds the core until the inbox is closed and empty.
func (p *protocol) run() {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	ticks := 0
	for open := true; open; {
		select {
		case <-tick.C:
			p.pulse.begin()
			p.core.Tick(p.now())
			if ticks++; ticks%reportEvery == 0 {
				p.report()
			}
		case <-p.inbox.wake:
			p.pulse.begin()
			var inputs []func(*antientropy.Core)
			inputs, open = p.inbox.take(inputsMax)
			for _, input := range inputs {
				input(p.core) // may replace p.core
				p.pulse.on()
			}
			p.heard = p.heard || len(inputs) > 0
		}
		p.drain()
		p.pulse.rest()
	}
	p.report()
}

// drain does what the core wants done until it wants nothing more.
func (p *protocol) drain() {
	for r := p.core.Ready(); !r.IsEmpty(); r = p.core.Ready() {
		for _, c := range r.Commits {
			p.submit(c)
		}
		for _, q := range r.Reads {
			if err := p.reads.put(read{ReadRequest: q, from: p.core}, 1); err != nil {
				p.node.counters.readsRefused.Add(1)
				p.core.Answered(antientropy.ReadResult{ID: q.ID, Err: err})
			}
		}
		for _, h := range r.Histories {
			if err := p.reads.put(read{page: &h, from: p.core}, 1); err != nil {
				p.core.Backfilled(h.ID, err)
			}
		}
		p.backfilled(r.Backfilled)
		for _, c := range r.Confirmed {
			p.node.questions.confirm(c.Await, c.Peer)
		}
		for _, notice := range r.Notices {
			p.node.notice(notice)
		}
		p.send(r)
	}
	p.tellCheck()
	p.tellCompleteness()
}

// report shows others what the core has counted, and what it knows of its
// peers, if it has heard anything since the last time.
func (p *protocol) report() {
	if counted := p.core.Counters(); counted != *p.counted.Load() {
		p.counted.Store(&counted)
	}
	if s, ok := p.core.Session(); ok {
		p.session.Store(&s)
	} else {
		p.session.Store(nil)
	}
	if !p.heard {
		return
	}
	p.heard = false
	status := p.core.Peers()
	p.peers.Store(&status)
}

func (p *protocol) submit(c antientropy.CommitRequest) {
	// The core bounds what it asks for, so the queue's own bound is not needed.
	if err := p.node.commits.force(&request{core: &c, from: p.core}); err != nil {
		p.core.Failed(err, c.ID)
	}
}

func (p *protocol) send(r antientropy.Ready) {
	t := p.transport.Load()
	if t == nil {
		return // not attached yet: lost, like any message
	}
	for _, m := range r.Messages {
		if err := t.Send(m.To, m.Frame, m.Reliable); err != nil {
			p.node.counters.sendErrors.Add(1)
		}
	}
	for _, b := range r.Broadcasts {
		if err := t.Broadcast(b.Frame); err != nil {
			p.node.counters.sendErrors.Add(1)
		}
	}
}

// tellCheck has the transport tell others what this replica has, also when
// there is nothing else to be told: two that have nothing to say to each other
// must still learn that they agree.
func (p *protocol) tellCheck() {
	t := p.transport.Load()
	if t == nil {
		return
	}
	check := p.core.CheckPayload()
	if bytes.Equal(check, p.check) {
		return
	}
	p.check = check
	if err := t.SetCheck(check); err != nil {
		p.node.log.Error("the check of this node does not fit", "cause", err)
	}
}

// committed tells the core of a durable transaction. Called in order.
func (p *protocol) committed(e *delta.Effects, results []antientropy.CommitResult) {
	_ = p.inbox.force(func(c *antientropy.Core) { c.Committed(e, results...) }) // fails when all ends
}

// participate asks for the history of where this node has begun to take part.
func (p *protocol) participate() {
	p.want(p.node.backfills.add(p.node.freshlyShared()))
}

// failed tells the core that requests were not carried out. Called in order.
func (p *protocol) failed(cause error, ids []uint64) {
	if len(ids) > 0 {
		_ = p.inbox.force(func(c *antientropy.Core) { c.Failed(cause, ids...) }) // fails when all ends
	}
}

// look calls fn with the core, in its goroutine, and waits for the end of it.
func (p *protocol) look(fn func(*antientropy.Core)) error {
	done := make(chan struct{})
	err := p.inbox.force(func(c *antientropy.Core) {
		defer close(done)
		fn(c)
	})
	if err != nil {
		return err
	}
	select {
	case <-done: // run takes everything that was accepted
		return nil
	case <-p.node.stopped:
	}
	select {
	case <-done:
		return nil
	default:
		return cmp.Or(p.node.Err(), ErrClosed) // it has stalled
	}
}

func (p *protocol) close() {
	p.reads.close()
	p.inbox.close()
}
