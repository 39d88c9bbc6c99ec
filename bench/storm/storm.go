package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/bench/cluster"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// figures are what one storm gives.
type figures struct {
	changes     int
	took, equal time.Duration
	// bytes are those of frames, onSockets what crossed the sockets.
	bytes, onSockets, copies uint64
	// queuedMax of queueLimit is the most that waited in the inbox of a node,
	// dropped how often something had no room in a queue.
	queuedMax, queueLimit int
	dropped, pulls        uint64
	sessions              uint64
	// suspicions count looks at a node that did not list all others as alive.
	suspicions int
}

func (f figures) perChange(n uint64) float64 { return float64(n) / float64(f.changes) }

func (f figures) String() string {
	return fmt.Sprintf("%d changes in %s, equal %s later, %.0f bytes of frames and %.0f on the sockets for each, %.2f copies; at most %d of %d bytes waited, %d dropped, %d pulls, %d repairs, %d suspicions",
		f.changes, f.took.Round(time.Millisecond), f.equal.Round(time.Millisecond), f.perChange(f.bytes), f.perChange(f.onSockets), f.perChange(f.copies),
		f.queuedMax, f.queueLimit, f.dropped, f.pulls, f.sessions, f.suspicions)
}

// storm starts a cluster, lets one node write, and watches.
func storm(ctx context.Context, s settings) (f figures, err error) {
	c, err := cluster.Start(ctx, s.nodes, nil)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	f.changes = s.changes
	before := total(c)
	watching, stop := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { f.watch(watching, c) })
	begun := time.Now()
	err = write(ctx, s, c.Nodes[0])
	f.took = time.Since(begun)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, 8*equalMax)
		begun = time.Now()
		err = c.AwaitEqual(limited)
		f.equal = time.Since(begun)
		cancel()
	}
	stop()
	watched.Wait()
	f.add(total(c), before)
	return f, err
}

// write has writers change claims at the pace of the storm, and as fast as they
// can if that is too fast for them.
func write(ctx context.Context, s settings, n *node.Node) error {
	var next atomic.Int64
	failed := make(chan error, s.writers)
	begun := time.Now()
	pace := time.Duration(s.seconds) * time.Second / time.Duration(s.changes)
	for range s.writers {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= s.changes {
					failed <- nil
					return
				}
				time.Sleep(time.Until(begun.Add(time.Duration(i) * pace)))
				if err := change(ctx, n, i%s.claims); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	var errs []error
	for range s.writers {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

func change(ctx context.Context, n *node.Node, i int) error {
	claim := ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node-%03d", i%100), Range: ranges.Range{
		From: fmt.Sprintf("%016d", i), To: ranges.Before(fmt.Sprintf("%016d", i+1)),
	}}
	_, err := n.Write(ctx, []delta.Operation{{Verb: delta.VerbIncrease, Claim: claim, Amount: 1}})
	return err
}

// watch looks at membership and queues until ctx ends.
func (f *figures) watch(ctx context.Context, c *cluster.Cluster) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, n := range c.Nodes {
				f.look(n)
			}
		}
	}
}

func (f *figures) look(n *node.Node) {
	for _, m := range n.Members() {
		if m.Liveness != gossip.Alive {
			f.suspicions++
		}
	}
	for _, q := range n.Counters().Queues {
		if q.Name == "inbox" {
			f.queuedMax, f.queueLimit = max(f.queuedMax, q.Length), q.Limit
		}
	}
}

// total sums up the counters of all nodes.
func total(c *cluster.Cluster) figures {
	var f figures
	for _, n := range c.Nodes {
		x := n.Counters()
		f.bytes += x.Protocol.BytesOut
		f.copies += x.Protocol.PushedIn + x.Protocol.PulledIn
		f.onSockets += x.Gossip.PacketBytesSent + x.Gossip.StreamBytesSent
		f.pulls += x.Protocol.Pulls
		f.sessions += x.Protocol.Sessions
		f.dropped += x.Protocol.DeltasDropped + x.Gossip.DropsQueueFull + x.Gossip.DropsSend
		for _, q := range x.Queues {
			f.dropped += q.Dropped
		}
	}
	return f
}

func (f *figures) add(after, before figures) {
	f.bytes, f.copies = after.bytes-before.bytes, after.copies-before.copies
	f.onSockets = after.onSockets - before.onSockets
	f.dropped, f.pulls, f.sessions = after.dropped-before.dropped, after.pulls-before.pulls, after.sessions-before.sessions
}
