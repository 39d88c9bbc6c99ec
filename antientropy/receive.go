package antientropy

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

func isForeign(err error) bool { return errors.Is(err, ErrVersion) || errors.Is(err, ErrCluster) }

// Receive gives the Core a frame of a peer. What cannot be used is counted and
// reported by a notice; no frame can do more harm than that. The Core keeps
// the frame.
func (c *Core) Receive(from string, frame []byte) {
	c.counters.FramesIn++
	c.counters.BytesIn += uint64(len(frame))
	if p := c.peers.byName[from]; p != nil {
		p.bytesIn += uint64(len(frame))
	}
	kind, body, err := c.cluster.openFrame(frame)
	if err == nil {
		err = c.receive(from, kind, frame, body)
	}
	if err != nil {
		c.refuse(from, err)
	}
}

// Inherit gives the Core an encoded delta that is from no peer: a copy of this
// replica's directory, which ends, has handed it over. The Core keeps it.
func (c *Core) Inherit(delta []byte) {
	if _, err := c.offer(delta, arrival{how: byPull}); err != nil {
		c.refuse("", err)
	}
}

func (c *Core) receive(from string, kind frameKind, frame, body []byte) error {
	if kind == kindPart {
		return c.receivePart(from, frame, body)
	}
	c.counters.Traffic[tierOf(kind)].in(frame)
	switch kind {
	case kindCheck:
		k, err := c.decodeCheckFrame(body)
		if err == nil {
			c.hear(from, k)
		}
		return err
	case kindPush:
		return c.receivePush(from, body)
	case kindAnnounce:
		return c.receiveAnnounce(from, body)
	case kindPull:
		return c.servePull(from, body)
	case kindRange:
		return c.serveRange(from, body)
	case kindSketch:
		return c.serveSketch(from, body)
	case kindFetch:
		return c.serveFetch(from, body)
	case kindAsk:
		return c.receiveAsk(from, body)
	case kindConfirm:
		return c.receiveConfirm(from, body)
	case kindAskNamed:
		return c.receiveAskNamed(from, body)
	case kindUnknown:
		return c.receiveUnknown(from, body)
	case kindHistory:
		return c.serveHistory(from, body)
	}
	return fmt.Errorf("%w frame: unknown kind %d", delta.ErrCorrupt, kind)
}

// decodeBody decodes the body of a frame.
func decodeBody[T any](body []byte) (T, error) {
	var b T
	err := delta.Unmarshal(body, &b, FrameBytesMax)
	return b, err
}

func (c *Core) receivePush(from string, body []byte) error {
	var few [4][]byte // of most frames; not on the heap
	b, ok := readPush(body, few[:0])
	if !ok {
		var err error
		if b, err = decodeBody[pushBody](body); err != nil {
			return err
		}
	}
	how := bySome
	if b.All {
		how = byAll
	}
	for _, bytes := range b.Deltas {
		if _, err := c.offer(bytes, arrival{from: from, how: how}); err != nil {
			return err
		}
	}
	return nil
}

func (c *Core) receiveAnnounce(from string, body []byte) error {
	var few [4]seenArray // of most frames; not on the heap
	b, ok := readAnnounce(body, few[:0])
	if !ok {
		var err error
		if b, err = decodeBody[announceBody](body); err != nil {
			return err
		}
	}
	if err := validateSeen(b.Have, false); err != nil {
		return err
	}
	how := byPull
	if b.Urgent {
		how = byAnnouncement
	}
	for _, e := range b.Have {
		c.missing(e.Replica, e.Sequence, from, how)
	}
	return nil
}
