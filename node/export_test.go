package node

import (
	"context"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

// SetDisk puts something between the node and its disk.
func (o *Options) SetDisk(disk func(commit func() error) error) { o.disk = disk }

// SetResolver sets who looks up names.
func (o *Options) SetResolver(r *net.Resolver) { o.resolver = r }

// SetDiskRetry sets the pause between attempts to use a failed disk again.
func (o *Options) SetDiskRetry(d time.Duration) { o.diskRetry = d }

// SetTrimEvery sets how often the log is held to its retention.
func (o *Options) SetTrimEvery(d time.Duration) { o.trimEvery = d }

// SetRewriteEvery sets how long the file is left alone after it was rewritten.
func (o *Options) SetRewriteEvery(d time.Duration) { o.rewriteEvery = d }

// SetWatch bounds the changes that wait for one watcher, and the entries of
// one part of a snapshot.
func (o *Options) SetWatch(queue, part int) { o.watchQueue, o.partEntries = queue, part }

// SetCatchUp sets how long a watch waits for the node to know its token.
func (o *Options) SetCatchUp(d time.Duration) { o.catchUp = d }

// Overwrite writes a record of any node, as another node of that name would.
func (n *Node) Overwrite(ctx context.Context, record delta.NodeRecord) error {
	return n.writeLocal(ctx, func(c *delta.Commit) error {
		_, err := c.Advertise(record)
		return err
	})
}

// Remembered returns the gossip addresses that are on disk.
func (n *Node) Remembered() ([]string, error) { return n.store.Peers() }

// Questions returns how many waits for other members are under way.
func (n *Node) Questions() int {
	n.questions.mu.Lock()
	defer n.questions.mu.Unlock()
	return len(n.questions.mu.all)
}

// Poke tells the keeper that the membership has changed.
func (n *Node) Poke() { n.keeper.poke() }

// StartSeen returns the counter of the last start of a member that n was told of.
func (n *Node) StartSeen(name string) uint64 {
	for _, x := range n.transport.Lives() {
		if x.Name == name {
			return x.Start.Counter
		}
	}
	return 0
}

// CommitStep runs fn in the committer, within a transaction.
func (n *Node) CommitStep(ctx context.Context, fn func()) error {
	return n.writeLocal(ctx, func(*delta.Commit) error {
		fn()
		return nil
	})
}

// LookAtCore runs fn in the protocol's goroutine.
func (n *Node) LookAtCore(fn func()) error {
	return n.protocol.look(func(*antientropy.Core) { fn() })
}

// Wanted returns of how many ranges history is wanted.
func (n *Node) Wanted() int { return len(n.backfills.pending()) }

// Rewrite rewrites the file, whatever is free in it.
func (n *Node) Rewrite(ctx context.Context) error { return n.store.Rewrite(ctx, nil) }

// ConfirmTime is how long after it has lost its name a node asks again.
const ConfirmTime = confirmTime

// Conflict tells a node of another process with its name, as gossip does.
func (n *Node) Conflict(c gossip.Conflict) { n.conflict(c) }

// RandomSeed returns another seed every time, unless SSNODE_SEED says which, and
// tells how to replay it.
func RandomSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SSNODE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("replay with SSNODE_SEED=%d", seed)
	return seed
}
