package gossip

import (
	"fmt"

	"github.com/hashicorp/memberlist"
)

// What memberlist adds to a message in a packet, in bytes.
const (
	labelOverhead     = 2 // and the label
	encryptOverhead   = 29
	checksumOverhead  = 5
	messageOverhead   = 1
	compoundOverhead  = 2 // of a packet with several messages
	compoundPerPacket = 2 // of each message in it
)

// messageRoom returns how large a message may be to travel in a packet,
// broadcasts included. It does not depend on whether keys are in use, since
// that may change.
func (t *Transport) messageRoom() int {
	return t.options.PacketBytes - labelOverhead - len(t.options.Cluster) - encryptOverhead -
		checksumOverhead - compoundOverhead - compoundPerPacket - messageOverhead
}

// PacketFrameBytes returns the size of the largest frame that travels in one
// packet: what is larger takes a stream, and cannot be broadcast.
func (t *Transport) PacketFrameBytes() int {
	return t.messageRoom() - envelopeOverhead - len(t.options.Name)
}

// Send hands a frame to a listed member and does not wait. A frame that fits
// into a packet travels in one, and may be lost; if it does not fit, or if
// reliable is set, it waits in a queue for a stream to the member. Even then
// nil only means that the frame was taken: there is no acknowledgement, and a
// frame behind one that failed is dropped with it. The slice may be reused.
//
// Errors wrap ErrUnknownMember, ErrNotAlive, ErrSelf, ErrTooLarge,
// ErrQueueFull or ErrClosed, or are of the network.
func (t *Transport) Send(to string, frame []byte, reliable bool) error {
	if t.ctx.Err() != nil {
		return ErrClosed
	}
	if len(frame) > FrameBytesMax {
		return fmt.Errorf("send to %s: %w: frame of %d bytes, at most %d are allowed", to, ErrTooLarge, len(frame), FrameBytesMax)
	}
	node, err := t.table.target(to)
	if err != nil {
		return err
	}
	message := seal(kindFrame, t.options.Name, frame)
	if reliable || len(message) > t.messageRoom() {
		return t.outbox.push(to, message)
	}
	if err := t.list.SendBestEffort(&node, message); err != nil {
		t.stats.dropsSend.Add(1)
		return fmt.Errorf("send to %s: %w", to, err)
	}
	t.stats.framesSentPacket.Add(1)
	return nil
}

// sendStream sends a message of the outbox. The member may have moved or died
// while the message waited.
func (t *Transport) sendStream(to string, message []byte) error {
	if t.ctx.Err() != nil {
		return ErrClosed
	}
	node, err := t.table.target(to)
	if err != nil {
		return err
	}
	return t.list.SendReliable(&node, message)
}

// Broadcast puts a frame into the gossip queue: every GossipInterval some of
// it goes to three random members, some log10(members) times. It reaches most
// of a cluster soon, and not always all. Receivers do not pass it on. With
// 1,024 broadcasts waiting, the one sent most often makes room. The slice may
// be reused.
//
// Errors wrap ErrTooLarge, for a frame beyond PacketFrameBytes, or ErrClosed.
func (t *Transport) Broadcast(frame []byte) error {
	if t.ctx.Err() != nil {
		return ErrClosed
	}
	if most := t.PacketFrameBytes(); len(frame) > most {
		return fmt.Errorf("broadcast: %w: frame of %d bytes, at most %d fit into a packet", ErrTooLarge, len(frame), most)
	}
	if t.table.size() < 2 {
		return nil // nobody to hear it
	}
	t.queueBroadcast(seal(kindFrame, t.options.Name, frame))
	t.stats.broadcasts.Add(1)
	return nil
}

// queueBroadcast keeps the queue bounded. Concurrent calls may exceed the
// bound by one each.
func (t *Transport) queueBroadcast(message []byte) {
	if t.broadcasts.NumQueued() >= broadcastsMax {
		t.broadcasts.Prune(broadcastsMax - 1)
		t.stats.dropsBroadcast.Add(1)
	}
	t.broadcasts.QueueBroadcast(broadcast(message))
}

var _ memberlist.Delegate = delegate{}

// delegate is what memberlist calls.
type delegate struct{ t *Transport }
