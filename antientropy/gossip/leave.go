package gossip

import (
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"
)

// leaveTimeoutDefault is how long Leave waits if it is not told.
const leaveTimeoutDefault = 5 * time.Second

// Leave tells the others that this node leaves, so that they list it as left
// and not as dead, and returns when the news is on its way or the timeout is
// over; 0 means 5 s. The transport goes on to run: call Close afterwards. A
// node that has left cannot come back but by a new Start.
func (t *Transport) Leave(timeout time.Duration) error {
	if timeout <= 0 {
		timeout = leaveTimeoutDefault
	}
	t.life.Lock()
	defer t.life.Unlock()
	if t.life.closed {
		return ErrClosed
	}
	if t.life.left {
		return nil
	}
	t.life.left = true
	t.sayLeaving()
	if err := t.list.Leave(timeout); err != nil {
		return fmt.Errorf("leave the cluster: %w; the others will find this node gone", err)
	}
	return nil
}

// sayLeaving sends the notice to everyone directly, once, and into the
// broadcast queue, in which it is passed on by those who get it.
func (t *Transport) sayLeaving() {
	start := t.Meta().Start
	t.table.announce(t.options.Name, start)
	message := seal(kindNotice, t.options.Name, encodeStart(start))
	t.queueBroadcast(message)
	for _, peer := range t.table.peers() {
		_ = t.list.SendBestEffort(&peer, message) // gossip brings it as well
	}
}

// takeNotice records that a member has said that it leaves, and passes on
// what is news.
func (t *Transport) takeNotice(name string, body []byte) {
	start, err := decodeStart(body)
	if err != nil {
		t.stats.dropsMalformed.Add(1)
		return
	}
	if t.table.announce(name, start) {
		t.queueBroadcast(seal(kindNotice, name, body))
	}
}

// Close stops the transport without telling the others, who will find it dead;
// see Leave. It is idempotent, and every call returns when all is done:
//
//  1. Send, Join, Leave and SetMeta begin to fail with ErrClosed.
//  2. memberlist stops; with it the sockets, and whoever waits for a stream.
//  3. What waits in queues is dropped, and its senders have returned, as have
//     joins.
//  4. The callbacks that have begun return, and none begins any more. Hence
//     no callback may call Close.
//
// A probe that memberlist has just sent keeps its goroutine, which does
// nothing more than wait for its timeout, at most four ProbeIntervals.
func (t *Transport) Close() error {
	t.closing.Do(func() {
		t.cancel()
		t.closed = t.stopList()
		t.outbox.close()
		t.wg.Wait()
		t.calls.Lock() // not with life held: a callback may wait for that
		t.calls.closed = true
		t.calls.Unlock()
	})
	return t.closed
}

// stopList stops memberlist, after a Leave that is going on.
func (t *Transport) stopList() error {
	t.life.Lock()
	defer t.life.Unlock()
	t.life.closed = true
	return t.list.Shutdown() // which calls socket.Shutdown
}

// broadcast is a message in a broadcast queue. None replaces another.
type broadcast []byte

var _ memberlist.UniqueBroadcast = broadcast(nil)

func (broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) Message() []byte                     { return b }
func (broadcast) Finished()                             {}
func (broadcast) UniqueBroadcast()                      {}
