package etcd

import (
	"context"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// groupsAtOnce is how many transactions of a Group are under way at a time, as
// many as requests of ssnode's client.Writer.
const groupsAtOnce = 2

// Group writes for many goroutines at a time, as client.Writer does: what they
// put while transactions are under way goes together into the next one. Keys
// of one transaction must differ, etcd refuses it otherwise.
type Group struct {
	client *clientv3.Client

	mu struct {
		sync.Mutex
		waiting []groupPut
		senders int
	}
}

type groupPut struct {
	op   clientv3.Op
	done chan error
}

// NewGroup returns a group that writes through c.
func NewGroup(c *clientv3.Client) *Group { return &Group{client: c} }

// Put writes one key and returns when it is durable.
func (g *Group) Put(key, value string) error {
	p := groupPut{op: clientv3.OpPut(key, value), done: make(chan error, 1)}
	g.mu.Lock()
	g.mu.waiting = append(g.mu.waiting, p)
	if g.mu.senders < groupsAtOnce {
		g.mu.senders++
		go g.send()
	}
	g.mu.Unlock()
	return <-p.done
}

func (g *Group) send() {
	for group := g.take(); len(group) > 0; group = g.take() {
		ops := make([]clientv3.Op, len(group))
		for i, p := range group {
			ops[i] = p.op
		}
		_, err := g.client.Txn(context.Background()).Then(ops...).Commit()
		for _, p := range group {
			p.done <- err
		}
	}
}

func (g *Group) take() []groupPut {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.mu.waiting), txnOpsMax)
	group := g.mu.waiting[:n:n]
	g.mu.waiting = g.mu.waiting[n:]
	if n == 0 {
		g.mu.senders--
	}
	return group
}
