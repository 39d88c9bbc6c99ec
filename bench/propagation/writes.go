package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/bench/cluster"
	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// figures are what one run of writes gives.
type figures struct {
	// net is from the call of Write until the last node shows it, without two
	// median commits; acked is from its return, with nothing subtracted.
	net, acked measure.Durations
	// commit is the median time of a Write, its fsync included.
	commit time.Duration
	// cpu is how much the process computed for each write, all that nodes do
	// anyhow and the pause after it included.
	cpu time.Duration
}

// visibleMax bounds how long a write may take to be visible everywhere.
const visibleMax = 30 * time.Second

// sight is when the last of all nodes has shown a key.
type sight struct {
	left atomic.Int64
	done chan seen
}

// seen is when a key was last shown for the first time, and by whom.
type seen struct {
	at time.Time
	by string
}

// writes has random nodes write one claim after the other, and watches all.
func writes(ctx context.Context, s settings) (figures, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := cluster.Start(ctx, s.nodes, nil)
	if err != nil {
		return figures{}, err
	}
	sights := make([]sight, s.writes)
	for i := range sights {
		sights[i].done = make(chan seen, 1)
		sights[i].left.Store(int64(s.nodes))
	}
	watching := make(chan error, s.nodes)
	began := make(chan struct{}, s.nodes)
	for _, n := range c.Nodes {
		go func() { watching <- watch(ctx, n, sights, began) }()
	}
	for range c.Nodes {
		<-began
	}
	f, err := measureWrites(ctx, s, c, sights)
	cancel()
	for range c.Nodes {
		if failed := <-watching; !errors.Is(failed, context.Canceled) {
			err = errors.Join(err, failed)
		}
	}
	return f, errors.Join(err, c.Close())
}

// watch notes when a node shows a key. Nothing is done in between, so that what
// is measured is the node.
func watch(ctx context.Context, n *node.Node, sights []sight, began chan<- struct{}) error {
	return n.Watch(ctx, node.WatchOptions{}, func(e node.WatchEvent) error {
		switch e.Type {
		case node.WatchSnapshotEnd:
			began <- struct{}{}
		case node.WatchClaim:
			var i int
			if _, err := fmt.Sscanf(e.Claim.Range.From, "key-%d", &i); err != nil {
				return err
			}
			if sights[i].left.Add(-1) == 0 {
				sights[i].done <- seen{time.Now(), n.Name()}
			}
		}
		return nil
	})
}

func measureWrites(ctx context.Context, s settings, c *cluster.Cluster, sights []sight) (figures, error) {
	var f figures
	var gross, commits measure.Durations
	cpu := measure.CPU()
	for i := range sights {
		origin := c.Nodes[rand.IntN(len(c.Nodes))]
		claim := ranges.Claim{Keyspace: "default", Node: origin.Name(), Range: ranges.Single(fmt.Sprintf("key-%06d", i))}
		begun := time.Now()
		if _, err := origin.Write(ctx, []delta.Operation{{Verb: delta.VerbRegister, Claim: claim, Amount: 1}}); err != nil {
			return f, err
		}
		acked := time.Now()
		select {
		case last := <-sights[i].done:
			gross, commits = append(gross, last.at.Sub(begun)), append(commits, acked.Sub(begun))
			f.acked = append(f.acked, max(0, last.at.Sub(acked)))
			if took := last.at.Sub(begun); s.slow > 0 && took > s.slow {
				fmt.Printf("write %d of %s took %s until %s showed it, acknowledged after %s\n", i, origin.Name(), took, last.by, acked.Sub(begun))
			}
		case <-time.After(visibleMax):
			return f, fmt.Errorf("write %d is not visible on %d nodes after %s", i, sights[i].left.Load(), visibleMax)
		}
		time.Sleep(s.pause)
	}
	f.cpu = (measure.CPU() - cpu) / time.Duration(len(sights))
	f.commit = commits.Quantile(0.5)
	for _, d := range gross {
		f.net = append(f.net, max(0, d-2*f.commit))
	}
	return f, nil
}
