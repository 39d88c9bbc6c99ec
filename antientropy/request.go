package antientropy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// answerBytesMax bounds an answer: the largest entry, or the largest context,
// and what else one answer may have.
const answerBytesMax = 48 << 20

// partBytesMax is how much of an answer one frame carries.
const partBytesMax = FrameBytesMax - 64

// partsMax bounds the parts of an answer.
const partsMax = (answerBytesMax + partBytesMax - 1) / partBytesMax

// AnswerFramesMax bounds the frames of one answer. They are sent in a row, and
// all of them have to arrive: whoever sends them must have room for so many.
const AnswerFramesMax = partsMax

// request is a question to a peer that waits for its answer.
type request struct {
	peer string
	tier Tier
	// asked is when it was sent, deadline when it is given up.
	asked    uint64
	deadline uint64
	parts    [][]byte
	missing  int
	// then is called with the answer, or nil if there is none. An error says
	// that the answer is no good.
	then func(answer []byte) error
	// repeat is how the question is asked again, nil if it is not.
	repeat *repeat
}

// requests are what peers were asked. Their number is bounded by what asks:
// one exchange, one session and one hole for each peer.
type requests struct {
	byID map[uint64]*request
	last uint64
	// ended has the tiers of the last formerMax questions that have ended, by
	// their ids modulo formerMax: answers to them may still come.
	ended [formerMax]former
	// unreadable says that an answer has come, and is told as none.
	unreadable bool
}

// former is a question that is not waited for any more.
type former struct {
	id   uint64
	tier Tier
}

// formerMax bounds the questions that are remembered after their end.
const formerMax = 512

// ask notes a request under a new id. It waits twice as long for the answer
// with every time that the question has been asked before: what takes a peer
// long to read must not be asked for for ever.
func (c *Core) ask(peer string, before int, then func([]byte) error) uint64 {
	c.requests.last++
	c.requests.byID[c.requests.last] = &request{peer: peer, tier: TierRange, asked: c.now, deadline: c.now + c.options.RequestTimeout<<before, then: then}
	return c.requests.last
}

// forget gives up a request without calling its function.
func (c *Core) forget(id uint64) {
	if r, ok := c.requests.byID[id]; ok {
		c.requests.ended[id%formerMax] = former{id: id, tier: r.tier}
		delete(c.requests.byID, id)
	}
}

// tierOfStale returns the tier of an answer that nobody waits for.
func (c *Core) tierOfStale(id uint64) Tier {
	if f := c.requests.ended[id%formerMax]; f.id == id && id != 0 {
		return f.tier
	}
	return TierOther
}

// receivePart collects an answer. Every part pushes the deadline back.
func (c *Core) receivePart(from string, frame, body []byte) error {
	b, err := decodeBody[partBody](body)
	if err != nil {
		return err
	}
	r := c.requests.byID[b.ID]
	if r == nil || r.peer != from {
		c.counters.FramesStale++ // late, or repeated
		tier := c.tierOfStale(b.ID)
		c.counters.Stale[tier]++
		c.counters.Traffic[tier].in(frame)
		return nil
	}
	c.counters.Traffic[r.tier].in(frame)
	if r.parts == nil {
		c.beginsToCome(r)
	}
	if err := r.collect(b); err != nil {
		return err
	}
	r.deadline = c.now + c.options.RequestTimeout
	if r.missing > 0 {
		return nil
	}
	c.counters.Trips[r.tier]++
	c.forget(b.ID)
	c.forgetRepeats(r)
	if err := r.then(slices.Concat(r.parts...)); err != nil {
		c.requests.unreadable = true
		_ = r.then(nil)
		c.requests.unreadable = false
		return fmt.Errorf("answer of %q: %w", from, err)
	}
	return nil
}

// collect adds a part. Nothing is allocated for parts that have not come but
// their places.
func (r *request) collect(b partBody) error {
	if b.Total == 0 || b.Total > partsMax || b.Index >= b.Total || len(b.Bytes) == 0 || len(b.Bytes) > partBytesMax {
		return fmt.Errorf("%w part %d of %d", delta.ErrCorrupt, b.Index, b.Total)
	}
	if r.parts == nil {
		r.parts, r.missing = make([][]byte, b.Total), int(b.Total)
	}
	if uint64(len(r.parts)) != b.Total {
		return fmt.Errorf("%w part %d of %d, others are of %d", delta.ErrCorrupt, b.Index, b.Total, len(r.parts))
	}
	if r.parts[b.Index] == nil {
		r.parts[b.Index] = b.Bytes
		r.missing--
	}
	return nil
}

// answer sends an answer in as many parts as it takes.
func (c *Core) answer(to string, id uint64, body any) {
	bytes := delta.Marshal(body)
	total := uint64(len(bytes)+partBytesMax-1) / partBytesMax
	var index uint64
	for chunk := range slices.Chunk(bytes, partBytesMax) {
		c.sendOf(tierOfAnswer(body), to, kindPart, partBody{ID: id, Index: index, Total: total, Bytes: chunk})
		index++
	}
}

// expireRequests gives up requests that got no answer in time.
func (c *Core) expireRequests() {
	for _, id := range slices.Sorted(maps.Keys(c.requests.byID)) {
		r, ok := c.requests.byID[id]
		switch {
		case !ok:
		case c.now < r.deadline:
			c.repeatIfDue(r)
		case c.isAskedAgain(id, r):
			c.forget(id) // another one may be answered yet
		default:
			c.forget(id)
			_ = r.then(nil) // an answer that did not come is never bad
		}
	}
}
