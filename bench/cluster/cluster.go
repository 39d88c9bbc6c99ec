// Package cluster runs full nodes over loopback sockets in this process, each
// with a data directory, goroutines and sockets of its own.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/node"
)

// Cluster is a number of nodes that have met.
type Cluster struct {
	Nodes []*node.Node
	dir   string
}

// formMax bounds how long nodes may take to find each other.
const formMax = 2 * time.Minute

// Start starts n nodes under a temporary directory and waits until each of
// them lists all others as alive. adjust may change the options of each; nil
// leaves them as they are.
func Start(ctx context.Context, n int, adjust func(i int, o *node.Options)) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "ssnode-bench-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	for i := range n {
		if _, err := c.Add(ctx, i, adjust); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := c.awaitMembers(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Add starts another node, which joins the first.
func (c *Cluster) Add(ctx context.Context, i int, adjust func(i int, o *node.Options)) (*node.Node, error) {
	o := node.Options{
		DataDir: filepath.Join(c.dir, fmt.Sprint("n", i)), Node: fmt.Sprintf("n%03d", i), Gossip: "127.0.0.1:0",
	}
	if os.Getenv("BENCH_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if len(c.Nodes) > 0 {
		o.Join = []string{c.Nodes[0].GossipAddr()}
	}
	if adjust != nil {
		adjust(i, &o)
	}
	n, err := node.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open node %d: %w", i, err)
	}
	c.Nodes = append(c.Nodes, n)
	return n, nil
}

func (c *Cluster) awaitMembers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, formMax)
	defer cancel()
	for _, n := range c.Nodes {
		for !c.isListedBy(n) {
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return fmt.Errorf("node %s does not see all others: %w", n.Name(), err)
			}
		}
	}
	return c.AwaitEqual(ctx)
}

func (c *Cluster) isListedBy(n *node.Node) bool {
	alive := 0
	for _, m := range n.Members() {
		if m.Liveness == gossip.Alive {
			alive++
		}
	}
	return alive == len(c.Nodes)
}

// AwaitEqual waits until all nodes have seen and hold the same.
func (c *Cluster) AwaitEqual(ctx context.Context) error {
	for !c.IsEqual() {
		if err := pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("the nodes are not equal: %w", err)
		}
	}
	return nil
}

// IsEqual reports whether all nodes have seen and hold the same.
func (c *Cluster) IsEqual() bool {
	first, err := c.Nodes[0].Status()
	if err != nil {
		return false
	}
	for _, n := range c.Nodes[1:] {
		s, err := n.Status()
		if err != nil || s.Fingerprint != first.Fingerprint || !s.Context.Equal(first.Context) {
			return false
		}
	}
	return true
}

// Close stops all nodes and removes their directories.
func (c *Cluster) Close() error {
	var errs []error
	for _, n := range c.Nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
