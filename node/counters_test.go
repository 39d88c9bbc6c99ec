package node_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// queue returns the reading of a queue.
func (c *cluster) queue(at, name string) node.Queue {
	c.t.Helper()
	for _, q := range c.nodes[at].Counters().Queues {
		if q.Name == name {
			return q
		}
	}
	c.t.Fatalf("there is no queue %s", name)
	return node.Queue{}
}

// TestNode_Counters_WritesWeighByTheirOperations: a few large batches fill the
// queue as many small ones do, and who has no room is counted.
func TestNode_Counters_WritesWeighByTheirOperations(t *testing.T) {
	c := newCluster(t, "n1")
	held, release := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(release) })
	t.Cleanup(goOn) // before the node is closed, which waits for the committer
	written := make(chan error, 3)
	write := func(operations int) {
		batch := make([]delta.Operation, operations)
		for i := range batch {
			batch[i] = register(claimOf("n1", fmt.Sprintf("%06d", i), fmt.Sprintf("%06d~", i)), 1)
		}
		go func() {
			_, err := c.nodes["n1"].Write(t.Context(), batch)
			written <- err
		}()
	}
	go func() {
		written <- c.nodes["n1"].CommitStep(t.Context(), func() {
			close(held)
			<-release
		})
	}()
	<-held
	write(1000)
	write(1)
	c.eventually("two wait", func() bool { return c.queue("n1", "writes").Length == 1000+64 })
	if q := c.queue("n1", "writes"); q.Limit != 1<<20 || q.Dropped != 0 {
		t.Errorf("the queue is %+v", q)
	}
	goOn()
	for range cap(written) {
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
}

// TestNode_Counters_TellOfPeersAndGossip shows what metrics show.
func TestNode_Counters_TellOfPeersAndGossip(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	c.spread("n1", c.write("n1", register(claimOf("n1", "a", "b"), 1)))
	c.eventually("n1 has counted what it sent", func() bool {
		x := c.nodes["n1"].Counters()
		return x.Protocol.BytesOut > 0 && x.Protocol.DeltasPushed > 0 && x.Gossip.PacketBytesSent > 0 && x.Commits > 0
	})
	c.eventually("each knows what passed", func() bool {
		m, _ := c.memberOf("n1", "n2")
		return m.InSync && !m.SyncSince.IsZero() && m.BytesOut > 0 && m.BytesIn > 0
	})
}
