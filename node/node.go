package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// Node is a running member. Its methods may be called concurrently.
//
// Its goroutines, each the only owner of what it drives:
//
//	committer   the store's write side, and the disk's faults
//	flights     the transaction on its way to the disk
//	folds       what commits have left in the journal, into the tables
//	indexing    the fingerprints of range repair, behind what is acknowledged
//	previews    the routing indexes, ahead of the disk
//	protocol    the antientropy core
//	reader      bulk reads that the core asks for
//	keeper      timers: rejoining, remembering members, introducing
//	trimmer     holding the log to its retention, rewriting the file
//	watchdog    the progress of committer and protocol
//
// A write goes queue → committer (one transaction with whatever else waits) →
// flights (fsync) → routing → watchers → protocol → answer. Close stops them in the
// order in which nobody waits for one that is gone; see there.
type Node struct {
	options Options
	name    string
	log     *slog.Logger
	// now is the wall clock, which decides nothing.
	now func() time.Time

	store     *store.Store
	routing   *routing
	watchers  *watchers
	questions *questions
	identity  *identity
	commits   *mailbox[*request]
	// flight is the transaction on its way to the disk, nil if there is none. It
	// belongs to the committer, who hands it over through departures, and to be derived
	// from through previews.
	flight               *flight
	departures, previews chan *flight
	// folds has a token once enough is to be folded, rides what is done with the next
	// fold, indexing a token once enough has no fingerprints yet.
	folds, indexing chan struct{}
	rides           chan func()
	// departed is how many requests departed last, about how many those were with
	// the ones before and the ones that waited (F4).
	departed, about int
	protocol        *protocol
	transport       *gossip.Transport
	keeper          *keeper

	// pulse is the committer's, unwatch ends the watchdog.
	pulse   pulse
	unwatch chan struct{}

	api        atomic.Pointer[string]
	advertised atomic.Pointer[advertised]
	departure  *departure
	roster     roster
	// memberReplicas are those of members, for tokens; nil before any is known.
	memberReplicas atomic.Pointer[[]crdt.ReplicaID]
	disk           diskState
	counters       counters
	backfills      backfills
	classes        atomic.Pointer[[]HistoryClass]
	comparison     comparison
	// rival is the last other process that was found to have this node's name.
	rival atomic.Pointer[rival]
	// losing is the rival that this node seems to lose its name to. Written by
	// conflict alone, as gossip calls it.
	losing atomic.Pointer[loss]
	// ending says that this node hands over what it has written, and takes no
	// writes any more; inherited is up to where the rival has its events.
	ending    atomic.Bool
	inherited atomic.Uint64
	// patience ends the wait for the identity to be confirmed.
	patience *time.Timer

	// ctx ends when Close begins, stopped is closed when all is gone.
	ctx     context.Context
	cancel  context.CancelFunc
	stopped chan struct{}
	// life is held by Open until the node runs, and by Close; opened says that
	// it came to run.
	life      sync.Mutex
	opened    bool
	closing   sync.Once
	closeErr  error
	fatal     atomic.Pointer[error]
	committed sync.WaitGroup // the committer, its flights, their folds, fingerprints and previews
	conversed sync.WaitGroup // protocol and reader
	kept      sync.WaitGroup // keeper and trimmer
	watched   sync.WaitGroup // the watchdog and who speaks for it
}

// Open opens the data directory, starts the member and begins to join. It does
// not fail because nobody could be joined: the node serves what it has, says
// that it is alone, and goes on trying. When it returns the directory's state
// can be looked up, and what the node says of itself, configured claims
// included, is written; after a restart that may have to wait, see
// Options.IdentityWait, and is then done later.
func Open(ctx context.Context, o Options) (*Node, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", delta.ErrInvalid, err)
	}
	n := &Node{
		options: o, log: o.Logger, now: time.Now,
		routing: newRouting(), questions: newQuestions(),
		identity: newIdentity(), departure: newDeparture(), commits: newMailbox[*request](commitQueueMax),
		departures: make(chan *flight, 1), previews: make(chan *flight, 2), folds: make(chan struct{}, 1), indexing: make(chan struct{}, 1), rides: make(chan func()),
		stopped: make(chan struct{}), unwatch: make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.watchers = newWatchers(o.watchQueue, &n.counters.watchersEnded)
	n.api.Store(&o.API)
	n.advertised.Store(o.advertised())
	if err := n.openStore(); err != nil {
		n.cancel()
		return nil, err
	}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) openStore() error {
	s, err := store.Open(n.options.DataDir, store.Options{
		Cluster: n.options.Cluster, Node: n.options.Node, Visit: n.routing.load, NewIndex: newIndex,
		Parallel: parallel, Disk: n.throughDisk,
	})
	if err != nil {
		return err
	}
	n.store, n.name = s, s.Node()
	n.log = n.log.With("node", n.name)
	if s.TookBack() {
		n.log.Warn("the last transaction was not complete, as after a power failure in the middle of it; nobody was told that it was, and it was taken back")
	}
	n.routing.loaded(n.name, s.Summary().Context.Clone())
	return nil
}

// start starts the goroutines. What it started when it fails is stopped by
// Close.
func (n *Node) start(ctx context.Context) error {
	n.life.Lock()
	defer n.life.Unlock()
	n.keeper = newKeeper(n)
	if err := n.keeper.recall(); err != nil {
		return err
	}
	n.identity.witnesses = n.witnesses(n.keeper.lives)
	p, err := newProtocol(n)
	if err != nil {
		return err
	}
	n.protocol = p
	n.patience = time.AfterFunc(n.options.IdentityWait, n.identity.settle)
	n.conversed.Go(n.protocol.run)
	n.conversed.Go(n.protocol.runReader)
	t, err := gossip.Start(n.gossipOptions())
	if err != nil {
		return fmt.Errorf("start gossip at %s: %w", n.options.Gossip, err)
	}
	n.transport = t
	n.committed.Go(n.runFlights)
	n.committed.Go(n.runFolds)
	n.committed.Go(n.runIndexing)
	n.committed.Go(n.runPreviews)
	n.committed.Go(n.runCommitter) // which writes where this node is reached
	n.protocol.attach(t)
	n.comparison.until = time.Now().Add(n.options.IdentityWait)
	n.keeper.confirmIfNew()
	n.keeper.endComparison()
	if err := n.keeper.introduce(ctx); err != nil {
		return err
	}
	n.kept.Go(n.keeper.run)
	n.watch()
	n.kept.Go((&trimmer{node: n}).run)
	n.opened = true
	return nil
}

func (n *Node) gossipOptions() gossip.Options {
	return gossip.Options{
		Name: n.name, Cluster: n.store.Cluster(), Meta: n.meta(),
		Bind: n.options.Gossip, Advertise: n.options.AdvertiseGossip,
		Keys: n.options.GossipKeys, Logger: n.log, Faults: n.options.Faults, Lives: n.keeper.lives, Resolver: n.options.resolver,
		Handler: n.protocol.handler(),
	}
}

// meta returns what the node tells others with its membership.
func (n *Node) meta() gossip.Meta {
	start := n.store.Start()
	return gossip.Meta{
		Replica: n.Replica(), API: n.API(),
		Start: gossip.StartID{Counter: start.Counter, Nonce: start.Nonce},
	}
}

// Close stops the node, without loss, and returns when all is gone. The claims
// stay, unless ReleaseOnExit says otherwise. It may be called again, and at any
// time; calls of other methods that wait return ErrClosed.
//
// The order: with the release of claims still travelling, the keeper, since it
// writes and joins; the transport, so that nothing comes in any more; then the
// committer, which finishes what waits and answers it; the watchers, who were
// shown these last commits; the protocol, which has heard of them; the store
// last.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.life.Lock()
		defer n.life.Unlock()
		if n.opened && n.options.ReleaseOnExit && n.Err() == nil && !n.departure.isOver() {
			n.closeErr = n.leaveClaims()
		}
		n.cancel()
		n.kept.Wait()
		if n.transport != nil {
			n.closeErr = errors.Join(n.closeErr, n.transport.Close())
		}
		n.commits.close()
		n.committed.Wait()
		n.watchers.close()
		if n.protocol != nil {
			n.patience.Stop()
			n.protocol.close()
		}
		n.conversed.Wait()
		close(n.unwatch) // until here it watches the end as well
		n.watched.Wait()
		n.closeErr = errors.Join(n.closeErr, n.store.Close())
		close(n.stopped)
	})
	<-n.stopped
	return n.closeErr
}

// leaveClaims releases the node's own claims and gives the others a moment to
// have that on disk.
func (n *Node) leaveClaims() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveMax)
	defer cancel()
	_, released, err := n.releaseClaims(ctx, n.name)
	if err == nil {
		_, err = n.spread(ctx, released)
	}
	if err != nil {
		return fmt.Errorf("release the claims of %s on exit: %w", n.name, err)
	}
	return nil
}

// stopItself ends the node because it can no longer be trusted.
func (n *Node) stopItself(err error) {
	n.log.Error("the node stops itself", "cause", err)
	if n.fatal.CompareAndSwap(nil, &err) {
		go n.Close()
	}
}

// Done is closed when the node has stopped, by Close or by itself.
func (n *Node) Done() <-chan struct{} { return n.stopped }

// Err returns why the node stopped itself, or nil.
func (n *Node) Err() error {
	if err := n.fatal.Load(); err != nil {
		return *err
	}
	return nil
}

// Name returns the name of the node.
func (n *Node) Name() string { return n.name }

// Cluster returns the name of the cluster.
func (n *Node) Cluster() string { return n.store.Cluster() }

// Replica returns the id under which the node writes.
func (n *Node) Replica() crdt.ReplicaID { return n.store.Summary().ID }

// GossipAddr returns the host:port at which others reach this node.
func (n *Node) GossipAddr() string { return n.transport.Addr() }

// API returns the URL of the node's HTTP interface, empty if it has none.
func (n *Node) API() string { return *n.api.Load() }

// View calls fn with a view of the store at one instant; see store.View. It
// holds up neither reads nor writes, but the recovery of a failed disk and
// Close: keep it short.
func (n *Node) View(fn func(*store.View) error) error { return explain(n.store.View(fn)) }

// Lookup returns the subrange of a keyspace that has key, with the servers in
// order of preference. It reads local memory: no lock, no allocation. The
// servers must not be changed.
func (n *Node) Lookup(keyspace, key string) ranges.Subrange {
	return n.routing.table(keyspace).Lookup(key)
}

// LookupTable returns the present routing table of a keyspace, for many
// lookups of one instant. It is never nil.
func (n *Node) LookupTable(keyspace string) *ranges.Table { return n.routing.table(keyspace) }

// Context returns a context that everything read from now on reflects at least.
// O(replicas); Token is not.
func (n *Node) Context() crdt.Context { return n.routing.seen() }
