package antientropy

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// parcel is what is to be sent to one peer before the next Ready ends.
type parcel struct {
	// all are pushed to everybody, some only to this peer and a few others.
	all, some [][]byte
	// urgent are announced, for they fit no frame.
	urgent crdt.Context
}

// outbox collects what becomes durable until it is sent. It holds nothing
// longer than to the end of the next Ready, so it needs no bound of its own.
type outbox struct {
	parcels map[string]*parcel
	// peers are those that parcels are for, in the order in which these are sent.
	peers  []string
	pushed pushed
	// announce are the replicas of which something is new since the last
	// announcement.
	announce     map[crdt.ReplicaID]struct{}
	nextAnnounce uint64
	nextCheck    uint64
}

func newOutbox() outbox {
	return outbox{parcels: map[string]*parcel{}, announce: map[crdt.ReplicaID]struct{}{}}
}

// announcePause is the time between two rounds of announcements, in
// milliseconds, and announceMax how many replicas one round may name; checks
// find what is left out.
const (
	announcePause = 100
	announceMax   = 64
)

func (b *outbox) to(peer string) *parcel {
	p := b.parcels[peer]
	if p == nil {
		p = &parcel{}
		b.parcels[peer] = p
		b.peers = append(b.peers, peer)
	}
	return p
}

// spread passes on what has become durable: only now, and each delta once.
func (c *Core) spread(e *delta.Effects) {
	if e == nil {
		return
	}
	for _, p := range e.Deltas {
		c.outbox.announce[p.Origin] = struct{}{}
		arrivals := c.arrivalsOf(p)
		if !mustPush(arrivals) {
			continue
		}
		targets, all := c.targets(p.Delta, arrivals)
		for _, name := range targets {
			c.outbox.to(name).add(p, all, c.frameFor(all))
		}
	}
}

// mustPush reports whether a delta must be passed on to peers directly. One
// that was pulled because it was missing is only announced: most have it.
func mustPush(arrivals []arrival) bool {
	if len(arrivals) == 0 {
		return true // our own
	}
	pushed := false
	for _, a := range arrivals {
		switch a.how {
		case byAll:
			return false
		case bySome, byAnnouncement:
			pushed = true
		}
	}
	return pushed
}

// frameFor returns the largest push. Where a delta goes to everybody once,
// whatever fits a frame is sent; where it is passed on from peer to peer, more
// than a packet is rather announced and pulled by those that miss it.
func (c *Core) frameFor(all bool) int {
	if all {
		return FrameBytesMax - pushOverhead
	}
	return c.options.PacketBytesMax - pushOverhead
}

// pushOverhead is what a push frame with one delta has beside it, at most.
const pushOverhead = frameHeadBytes + 16

func (p *parcel) add(d delta.Packed, all bool, bytesMax int) {
	switch {
	case len(d.Bytes) > bytesMax:
		if p.urgent == nil {
			p.urgent = crdt.NewContext()
		}
		p.urgent.Advance(d.Origin, d.Last())
	case all:
		p.all = append(p.all, d.Bytes)
	default:
		p.some = append(p.some, d.Bytes)
	}
}

// targets returns the peers to push a delta to, participants in what it touches
// first, and whether these are all live ones but those it came from and the one that
// wrote it.
func (c *Core) targets(d delta.Delta, arrivals []arrival) ([]string, bool) {
	names := slices.Clone(c.peers.live)
	for _, a := range arrivals {
		names = except(names, a.from)
	}
	for _, p := range c.peers.of(d.Origin) {
		names = except(names, p.Name)
	}
	if len(c.peers.live) <= c.options.SmallCluster {
		if len(names) > 1 {
			c.putParticipantsFirst(d, names, len(names))
		}
		return names, true
	}
	return c.choose(d, names), false
}

// except removes a name from names, ascending, if it is there.
func except(names []string, name string) []string {
	if i, ok := slices.BinarySearch(names, name); ok {
		return slices.Delete(names, i, i+1)
	}
	return names
}

// choose returns FanOut of names, participants in what the delta touches first,
// then random ones; and the next on the ring of all live replicas, unless it is
// among those or not among the names. It changes the order of names.
//
// Random copies alone leave out one member in a thousand, whatever the size of
// the cluster, and so almost always somebody in a large one, who then waits for
// an announcement. As everybody passes a delta on to the next, and who is not
// asked to has it, without loss nobody is left out.
func (c *Core) choose(d delta.Delta, names []string) []string {
	next := c.peers.next(c.replica.ID)
	follows := slices.Contains(names, next)
	c.shuffle(names)
	names = c.chooseFew(d, names)
	if follows && !slices.Contains(names, next) {
		names = append(names, next)
	}
	return names
}

func (c *Core) chooseFew(d delta.Delta, names []string) []string {
	n := min(len(names), c.options.FanOut)
	c.putParticipantsFirst(d, names, n)
	return names[:n:n]
}

func (c *Core) putParticipantsFirst(d delta.Delta, names []string, n int) {
	if c.options.Participants != nil {
		putFirst(names, c.options.Participants(d), n)
	}
}

// putFirst moves those of names that are among some others, ascending, to the
// front, as far as that decides what the first n are. The order does not change
// otherwise.
func putFirst(names, others []string, n int) {
	front := 0
	for i := 0; i < len(names) && front < n && front < len(others); i++ {
		name := names[i]
		if _, ok := slices.BinarySearch(others, name); ok {
			copy(names[front+1:], names[front:i])
			names[front] = name
			front++
		}
	}
}

// flushPushes turns parcels into frames.
func (c *Core) flushPushes() {
	if len(c.outbox.parcels) == 0 {
		return
	}
	for _, name := range c.outbox.peers {
		p := c.outbox.parcels[name]
		c.push(name, true, p.all)
		c.push(name, false, p.some)
		if len(p.urgent) > 0 {
			c.announceTo(name, p.urgent)
		}
	}
	clear(c.outbox.parcels)
	c.outbox.peers = c.outbox.peers[:0]
	c.outbox.pushed = pushed{}
}

// packetsMax is up to how many packets are sent instead of one reliable frame,
// which costs a connection.
const packetsMax = 8

// push sends deltas to a peer in as few frames as possible.
func (c *Core) push(to string, all bool, deltas [][]byte) {
	room := c.options.PacketBytesMax - pushOverhead
	if sizeOf(deltas) > packetsMax*room {
		room = FrameBytesMax - pushOverhead
	}
	for len(deltas) > 0 {
		n, bytes := 0, 0
		for n < len(deltas) && (n == 0 || bytes+len(deltas[n])+3 <= room) {
			bytes += len(deltas[n]) + 3
			n++
		}
		c.sendFrame(tierOf(kindPush), to, c.pushFrame(all, deltas[:n]))
		c.counters.DeltasPushed += uint64(n)
		deltas = deltas[n:]
	}
}

// pushed is the last push frame of one delta, which mostly goes to several
// peers in turn.
type pushed struct {
	all          bool
	delta, frame []byte
}

// pushFrame returns a frame that pushes deltas. Nobody changes it afterwards.
func (c *Core) pushFrame(all bool, deltas [][]byte) []byte {
	last := &c.outbox.pushed
	if len(deltas) == 1 && last.frame != nil && last.all == all && &last.delta[0] == &deltas[0][0] {
		return last.frame
	}
	frame := c.cluster.frame(kindPush, delta.Marshal(pushBody{All: all, Deltas: deltas}))
	if len(deltas) == 1 {
		*last = pushed{all, deltas[0], frame}
	}
	return frame
}

func sizeOf(deltas [][]byte) int {
	var n int
	for _, b := range deltas {
		n += len(b) + 3
	}
	return n
}

func (c *Core) announceTo(to string, have crdt.Context) {
	seen := packSeen(have)
	c.counters.DeltasAnnounced += uint64(len(seen))
	for chunk := range slices.Chunk(seen, seenMax) {
		c.send(to, kindAnnounce, announceBody{Urgent: true, Have: chunk})
	}
}

// flushAnnouncements offers to everybody up to where this replica has events
// that were new to it. A later one about the same origin replaces an earlier.
func (c *Core) flushAnnouncements() {
	if len(c.outbox.announce) == 0 || c.now < c.outbox.nextAnnounce {
		return
	}
	c.outbox.nextAnnounce = c.now + announcePause
	for i, r := range sortedReplicas(c.outbox.announce) {
		if len(c.peers.live) == 0 {
			break
		}
		if i == announceMax {
			c.counters.AnnouncementsDropped += uint64(len(c.outbox.announce) - i)
			break
		}
		body := announceBody{Have: []seenArray{{Replica: r, Sequence: c.replica.Context.Get(r)}}}
		frame := c.cluster.frame(kindAnnounce, delta.Marshal(body))
		c.counters.Broadcasts++
		c.counters.BroadcastBytes += uint64(len(frame))
		c.ready.Broadcasts = append(c.ready.Broadcasts, Broadcast{Name: r.String(), Frame: frame})
	}
	clear(c.outbox.announce)
}

func sortedReplicas[V any](m map[crdt.ReplicaID]V) []crdt.ReplicaID {
	return slices.SortedFunc(maps.Keys(m), crdt.ReplicaID.Compare)
}
