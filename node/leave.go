package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// leaveMax bounds how long a node that goes waits for others to learn what
	// it said last.
	leaveMax = 3 * time.Second
	// goodbyeMax bounds how long it tells them that it is gone.
	goodbyeMax = 2 * time.Second
)

// departure is what Leave has done so far.
//
// A node that leaves takes no writes any more: they would be acknowledged, and
// known to nobody until it comes back. What it says last, that it has no
// address to gossip at, is in its record: notices of gossip are forgotten when
// those who heard them restart, and it would be waited for again.
type departure struct {
	// begun refuses writes; over says that there is nothing left to do.
	begun atomic.Bool
	over  chan struct{}

	mu struct {
		sync.Mutex
		left Left
	}
}

func newDeparture() *departure { return &departure{over: make(chan struct{})} }

func (d *departure) isOver() bool {
	select {
	case <-d.over:
		return true
	default:
		return false
	}
}

// Left says what a node that left has brought about.
type Left struct {
	// Released is how many claims it has released.
	Released int
	// Awaited says which of those that could be reached have on disk what the
	// node said last.
	Awaited
}

// Leave tells the others that this node leaves, so that they list it as left
// and not as dead, and wait for it no more; its claims stay unless release
// says otherwise. From then on it takes no writes. The others get some seconds
// to learn of it; those that do not are in Missing, and are told by others.
//
// The node goes on to answer reads: call Close, see Departed. Opened again it
// is a member as before. Leave may be called again, and then returns what the
// first call did. On an error the node has not left.
func (n *Node) Leave(ctx context.Context, release bool) (Left, error) {
	d := n.departure
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isOver() {
		return d.mu.left, nil
	}
	d.begun.Store(true)
	left, err := n.depart(ctx, release || n.options.ReleaseOnExit)
	if err != nil {
		d.begun.Store(false)
		n.keeper.poke() // its record may say that it has left
		return Left{}, fmt.Errorf("leave the cluster: %w", err)
	}
	d.mu.left = left
	close(d.over)
	return left, nil
}

// Departed is closed when Leave is done: whoever runs the node closes it then.
func (n *Node) Departed() <-chan struct{} { return n.departure.over }

func (n *Node) depart(ctx context.Context, release bool) (Left, error) {
	var left Left
	said := crdt.NewContext()
	if release {
		released, token, err := n.releaseClaims(ctx, n.name)
		if err != nil {
			return left, fmt.Errorf("release the claims of %s: %w", n.name, err)
		}
		left.Released = released
		said.Join(token)
	}
	// Like the keeper: its record is not worth a new id.
	if n.identity.certain.Load() {
		token, err := n.advertise(ctx, n.record())
		if err != nil {
			return left, err
		}
		said.Join(token)
	}
	var err error
	if left.Awaited, err = n.spread(ctx, said); err != nil {
		return left, err
	}
	if err := n.transport.Leave(goodbyeMax); err != nil {
		n.log.Warn("not all members could be told that this node leaves; they will find it dead", "cause", err)
	}
	n.log.Info("this node has left the cluster", "released", left.Released)
	return left, nil
}

// releaseClaims releases everything that a node serves, a batch at a time, and
// returns how many claims and what names the events.
func (n *Node) releaseClaims(ctx context.Context, name string) (int, crdt.Context, error) {
	claims, _, err := n.Claims(Filter{Node: name})
	if err != nil {
		return 0, nil, err
	}
	released := crdt.NewContext()
	for from := 0; from < len(claims); from += releaseChunk {
		var operations []delta.Operation
		for _, c := range claims[from:min(from+releaseChunk, len(claims))] {
			operations = append(operations, delta.Operation{Verb: delta.VerbRelease, Claim: c.Claim})
		}
		token, err := n.release(ctx, operations)
		if err != nil {
			return from, released, err
		}
		released.Join(token)
	}
	return len(claims), released, nil
}

// release carries out Releases, in one batch if it fits a delta; else each by
// itself, which fits whatever it takes back.
func (n *Node) release(ctx context.Context, operations []delta.Operation) (crdt.Context, error) {
	w, err := n.write(ctx, operations)
	if len(operations) == 1 || !errors.Is(err, delta.ErrTooLarge) {
		return w.Token(), err
	}
	released := crdt.NewContext()
	for i := range operations {
		w, err := n.write(ctx, operations[i:i+1])
		if err != nil {
			return nil, err
		}
		released.Join(w.Token())
	}
	return released, nil
}

// spread waits until the members that can be reached have on disk what token
// covers, for leaveMax at most.
func (n *Node) spread(ctx context.Context, token crdt.Context) (Awaited, error) {
	ctx, cancel := context.WithTimeout(ctx, leaveMax)
	defer cancel()
	names := []string{n.name}
	for _, m := range n.transport.Members() {
		if m.Reachable() {
			names = append(names, m.Name)
		}
	}
	return n.awaitNames(ctx, token, names, len(names))
}
