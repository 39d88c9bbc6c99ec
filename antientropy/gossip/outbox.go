package gossip

import (
	"fmt"
	"sync"

	"github.com/scalesmall/ssnode/antientropy"
)

const (
	// queueFramesMax and queueBytesMax bound what waits for the streams to
	// one member: 256 frames, 4 MiB, beside one answer of the largest kind, say
	// of a claim that hundreds of thousands of replicas have touched, of which
	// no part may be missing. outboxBytesMax bounds what waits for all. A member
	// that takes nothing holds its part of it until the stream's timeout.
	queueFramesMax = antientropy.AnswerFramesMax + 256
	queueBytesMax  = antientropy.AnswerFramesMax*FrameBytesMax + 4<<20
	outboxBytesMax = 2 * queueBytesMax
)

// outbox sends by streams, which block. Each member with something to send to
// has one queue and one goroutine, which ends when the queue is empty; so a
// member that cannot be reached delays nobody else, and frames to one member
// keep their order. A frame that does not fit is refused. When a stream fails
// the frames behind it are dropped as well: they would each wait for the same
// timeout, only to arrive too late to be of use.
type outbox struct {
	// send blocks until the message is handed over or the transport closes.
	send  func(to string, message []byte) error
	stats *counters

	wg sync.WaitGroup
	mu struct {
		sync.Mutex
		closed bool
		queues map[string]*queue
		frames int
		bytes  int
	}
}

// queue is what waits for one member, the message being sent included.
type queue struct {
	messages [][]byte
	bytes    int
}

func newOutbox(send func(to string, message []byte) error, stats *counters) *outbox {
	o := &outbox{send: send, stats: stats}
	o.mu.queues = make(map[string]*queue)
	return o
}

// push queues a message, which the outbox keeps.
func (o *outbox) push(to string, message []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.closed {
		return ErrClosed
	}
	q := o.mu.queues[to]
	if q == nil {
		q = new(queue)
	}
	if len(q.messages) >= queueFramesMax || q.bytes+len(message) > queueBytesMax || o.mu.bytes+len(message) > outboxBytesMax {
		o.stats.dropsQueueFull.Add(1)
		return fmt.Errorf("send to %s: %w: %d frames, %d bytes wait", to, ErrQueueFull, len(q.messages), q.bytes)
	}
	q.messages = append(q.messages, message)
	o.account(q, 1, len(message))
	if o.mu.queues[to] == nil {
		o.mu.queues[to] = q
		o.wg.Go(func() { o.drain(to, q) })
	}
	return nil
}

// account adds to the sums; mu is held.
func (o *outbox) account(q *queue, frames, bytes int) {
	q.bytes += bytes
	o.mu.frames += frames
	o.mu.bytes += bytes
}

// drain sends what is in the queue until it is empty.
func (o *outbox) drain(to string, q *queue) {
	for message := o.next(to, q); message != nil; message = o.next(to, q) {
		err := o.send(to, message)
		o.done(q, len(message))
		if err != nil {
			o.stats.dropsSend.Add(1)
			o.drop(q)
		} else {
			o.stats.framesSentStream.Add(1)
		}
	}
}

// next returns the message to send, or ends the queue and returns nil.
func (o *outbox) next(to string, q *queue) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(q.messages) == 0 || o.mu.closed {
		o.dropLocked(q)
		delete(o.mu.queues, to)
		return nil
	}
	return q.messages[0]
}

// done removes the message that was sent or not.
func (o *outbox) done(q *queue, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q.messages[0] = nil
	q.messages = q.messages[1:]
	o.account(q, -1, -bytes)
}

func (o *outbox) drop(q *queue) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropLocked(q)
}

func (o *outbox) dropLocked(q *queue) {
	o.stats.dropsSend.Add(uint64(len(q.messages)))
	o.account(q, -len(q.messages), -q.bytes)
	q.messages = nil
}

// waiting returns what is queued.
func (o *outbox) waiting() (frames, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.frames, o.mu.bytes
}

// close drops what waits and returns when the last send has returned, for
// which the caller must have made send fail.
func (o *outbox) close() {
	o.mu.Lock()
	o.mu.closed = true
	o.mu.Unlock()
	o.wg.Wait()
}
