package antientropy

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Core is the protocol of one replica. One goroutine owns it.
//
// It follows the replica by the effects that it is told of, so it may lag
// behind it, but never know more than what is durable (A1).
type Core struct {
	options Options
	cluster clusterID
	random  *rand.Rand
	now     uint64
	// startedAt is when it was told the time first.
	startedAt uint64
	ticked    bool

	// replica mirrors the durable one; events is the sum of its sequences.
	replica *delta.Replica
	events  uint64
	moments moments
	// identified says that nobody can know more of this replica than it does
	// itself: its witnesses have shown it, or it was renamed.
	identified bool
	witnesses  witnesses
	// renaming counts the proofs of the contrary that are being committed.
	renaming int

	peers peers

	reads      map[uint64]func(ReadResult)
	lastRead   uint64
	commits    map[uint64]func(CommitResult)
	lastCommit uint64
	requests   requests

	inbox    inbox
	outbox   outbox
	holes    holes
	exchange *exchange
	session  *session
	wanted   *wantedSession
	wholeAt  uint64
	served   served
	awaits   awaits

	completeness completeness

	// backfills are the ranges whose history is wanted, backfill is the one
	// that is asked for; none is begun before backfillAt.
	backfills  []KeyRange
	backfill   *backfill
	backfillAt uint64
	lastPage   uint64

	counters Counters
	ready    Ready
}

// Start is what a replica knows beside its entries when a Core begins. The
// Core copies it.
type Start struct {
	ID          crdt.ReplicaID
	Context     crdt.Context
	Ahead       crdt.Context
	Forgotten   []crdt.ReplicaID
	ContextHash delta.Sum
	Fingerprint delta.Fingerprint
	// Fresh says that the replica has just begun, to join others: see
	// Completeness.
	Fresh bool
	// Identified says that nobody can know more of the replica than it does:
	// its directory is new, or was open all the time. Otherwise, if it is
	// Witnessed, all of Witnesses have to show that they do not, by name; if
	// not, the first peer that does so is enough.
	Identified, Witnessed bool
	Witnesses             []string
}

// StartOf returns the start of a Core for a replica.
func StartOf(r *delta.Replica) Start {
	s := Start{
		ID: r.ID, Context: r.Context, Ahead: r.Ahead,
		ContextHash: r.ContextHash, Fingerprint: r.Fingerprint,
	}
	for id := range r.Forgotten {
		s.Forgotten = append(s.Forgotten, id)
	}
	return s
}

// New returns a Core for a replica at the instant of s. Every transaction
// after that instant must be reported to Committed. No session may be open.
func New(o Options, s Start) (*Core, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("antientropy options: %w", err)
	}
	c := &Core{
		options: o.withDefaults(),
		cluster: clusterIDOf(o.Cluster),
		random:  rand.New(rand.NewPCG(o.Seed, 0x737363)),
		replica: delta.NewReplica(s.ID),
		moments: newMoments(),
		peers:   peers{byName: map[string]*peer{}},
		reads:   map[uint64]func(ReadResult){},
		commits: map[uint64]func(CommitResult){},
		inbox:   newInbox(),
		outbox:  newOutbox(),
		holes:   newHoles(),
		served:  newServed(),
		awaits:  newAwaits(),
	}
	c.requests = requests{byID: map[uint64]*request{}, last: c.random.Uint64N(firstIDMax)}
	c.awaits.last = c.random.Uint64N(firstIDMax)
	c.completeness.lacks, c.completeness.much = s.Fresh, s.Fresh
	c.identified, c.witnesses = s.Identified, newWitnesses(s)
	c.replica.Context = s.Context.Clone()
	c.replica.Ahead = s.Ahead.Clone()
	for _, id := range s.Forgotten {
		c.replica.Forgotten[id] = struct{}{}
	}
	c.replica.ContextHash, c.replica.Fingerprint = s.ContextHash, s.Fingerprint
	for _, sequence := range s.Context {
		c.events += sequence
	}
	return c, nil
}

// firstIDMax bounds where the ids of requests and questions begin: far enough
// apart that an answer to an earlier life of this node fits none of this one.
const firstIDMax = 1 << 32

// Tick tells the time: milliseconds of a clock that never goes back. Every
// timeout and every retry is looked at here, so it should come about every 20
// milliseconds; the Core does nothing by itself.
func (c *Core) Tick(now uint64) {
	c.now = max(c.now, now)
	if !c.ticked {
		c.startedAt, c.ticked = c.now, true
	}
	c.expireRequests()
	c.tickSession()
	c.tickInbox()
	c.tickAsks()
	c.tickAwaits()
	c.tickChecks()
	c.flushAnnouncements()
	c.tickSync()
	c.peers.due = true
}

// Replica returns the id of the replica as far as the Core knows.
func (c *Core) Replica() crdt.ReplicaID { return c.replica.ID }

// Context returns the durable context as far as the Core knows. It may be read
// until the next call.
func (c *Core) Context() crdt.Context { return c.replica.Context }

// adopt takes over what has become durable.
func (c *Core) adopt(e *delta.Effects) {
	if e == nil {
		return
	}
	for r, sequence := range e.Context {
		c.events += sequence - c.replica.Context.Get(r)
	}
	if e.Renamed {
		c.identified = true // nobody can know the new id
		c.notice(Notice{Kind: NoticeRenamed, Reason: e.ID.String()})
	}
	c.moments.grow(c.replica.ContextHash, c.replica.Context, e.Context)
	c.replica.Adopt(e)
	if e.Renamed {
		c.uncover() // events of the old id are pulled like anybody's now
		c.beginAnew()
	}
	c.peers.due = true
}

// commit asks for steps to be carried out; then is called with the result.
func (c *Core) commit(steps []Step, then func(CommitResult)) {
	c.lastCommit++
	c.commits[c.lastCommit] = then
	c.ready.Commits = append(c.ready.Commits, CommitRequest{ID: c.lastCommit, Steps: steps})
}

// settle passes the result of a request on.
func (c *Core) settle(r CommitResult) {
	then, ok := c.commits[r.ID]
	if !ok {
		return
	}
	delete(c.commits, r.ID)
	if r.Err != nil {
		c.counters.CommitsFailed++
		c.notice(Notice{Kind: NoticeCommitFailed, Err: r.Err})
	}
	then(r)
}

// send puts a frame in the outbox of the shell. What does not fit a packet
// goes reliably.
func (c *Core) send(to string, k frameKind, body any) { c.sendOf(tierOf(k), to, k, body) }

// sendOf is send for a frame of a kind that several tiers have.
func (c *Core) sendOf(tier Tier, to string, k frameKind, body any) {
	c.sendFrame(tier, to, c.cluster.frame(k, delta.Marshal(body)))
}

// sendFrame is send for what is a frame already. It may go to several peers.
func (c *Core) sendFrame(tier Tier, to string, frame []byte) {
	c.counters.FramesOut++
	c.counters.BytesOut += uint64(len(frame))
	if p := c.peers.byName[to]; p != nil {
		p.bytesOut += uint64(len(frame))
	}
	c.counters.Traffic[tier].out(frame)
	c.ready.Messages = append(c.ready.Messages, Message{
		To: to, Frame: frame, Reliable: len(frame) > c.options.PacketBytesMax,
	})
}

// jitter returns a random time of half to one and a half of the given one.
func (c *Core) jitter(millis uint64) uint64 {
	if millis < 2 {
		return millis
	}
	return millis/2 + c.random.Uint64N(millis)
}

// shuffled returns names in random order.
func (c *Core) shuffled(names []string) []string {
	names = slices.Clone(names)
	c.shuffle(names)
	return names
}

func (c *Core) shuffle(names []string) {
	c.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
}
