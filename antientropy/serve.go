package antientropy

import (
	"bytes"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// served bounds the reads for others that are under way. Nothing else is kept
// of a question: every answer is of its own instant.
type served struct {
	reads map[string]int // by peer
	total int
	asks  map[askKey]*servedAsk
}

type askKey struct {
	peer string
	id   uint64
}

const (
	servedReadsMax        = 64
	servedReadsPerPeerMax = 4
)

func newServed() served {
	return served{reads: map[string]int{}, asks: map[askKey]*servedAsk{}}
}

// serve reads for a peer, if there is room.
func (c *Core) serve(from string, r ReadRequest, then func(ReadResult)) {
	if c.served.total == servedReadsMax || c.served.reads[from] == servedReadsPerPeerMax {
		c.counters.RequestsRefused++
		return
	}
	c.served.total++
	c.served.reads[from]++
	c.read(r, func(result ReadResult) {
		c.served.total--
		if c.served.reads[from]--; c.served.reads[from] == 0 {
			delete(c.served.reads, from)
		}
		if result.Err == nil {
			then(result)
		}
	})
}

// servePull answers a pull with what this replica has seen and the peer has
// not. It also learns from what the peer has seen.
func (c *Core) servePull(from string, body []byte) error {
	b, err := decodeBody[pullBody](body)
	if err != nil {
		return err
	}
	seen, err := b.unpack()
	if err != nil {
		return err
	}
	// The check is of now, not of when the log is read: what comes in between
	// is not in wants.
	answer := pullAnswer{Check: c.check().within(), Extent: extentAll, Trimmed: []trimArray{}, Deltas: [][]byte{}}
	wants, ok := c.lacking(b, seen)
	if !ok {
		answer.Extent = extentUnknown
		c.answer(from, b.ID, answer)
		return nil
	}
	c.learn(from, b, seen)
	if len(wants) > seenMax { // no more could be listed as trimmed
		wants, answer.Extent = wants[:seenMax], extentMore
	}
	request := ReadRequest{Kind: ReadLog, BytesMax: c.options.PullBytesMax}
	for _, w := range wants {
		request.Wants = append(request.Wants, w.Want)
	}
	c.serve(from, request, func(r ReadResult) {
		c.counters.PullsServed++
		answer.fill(wants, r.Log, c.options.PullBytesMax)
		c.answer(from, b.ID, answer)
	})
	return nil
}

func (b pullBody) unpack() (crdt.Context, error) {
	var sizes [2]int
	for i, bound := range b.Bound {
		if i < len(sizes) {
			sizes[i] = len(bound)
		}
	}
	isID := func(n int) bool { return n == 0 || n == crdt.ReplicaIDBytes }
	var ok bool
	switch b.Scope {
	case scopeListed:
		ok = len(b.Bound) == 0
	case scopePage:
		ok = len(b.Bound) == 2 && isID(sizes[0]) && isID(sizes[1])
	case scopeBase:
		ok = len(b.Bound) == 1 && sizes[0] == len(delta.Sum{}.Bytes())
	}
	if !ok {
		return nil, fmt.Errorf("%w pull: %d bounds for a scope %d", delta.ErrCorrupt, len(b.Bound), b.Scope)
	}
	return unpackSeen(b.Seen, true)
}

// isAbout reports whether a page is about a replica.
func (b pullBody) isAbout(r crdt.ReplicaID) bool {
	after, through := b.Bound[0], b.Bound[1]
	return bytes.Compare(r[:], after) > 0 && (len(through) == 0 || bytes.Compare(r[:], through) <= 0)
}

// lack is a run of events that a peer has not seen.
type lack struct {
	Want
	have uint64
}

// lacking returns what we have seen of what a pull is about and its sender has
// not. It reports whether its base is known.
func (c *Core) lacking(b pullBody, seen crdt.Context) ([]lack, bool) {
	var of crdt.Context // the replicas it is about, and what was seen of those that it does not list
	switch b.Scope {
	case scopeListed:
		of = seen
	case scopePage:
		of = crdt.NewContext()
		for r := range c.replica.Context {
			if b.isAbout(r) {
				of[r] = 0
			}
		}
	case scopeBase:
		var ok bool
		if of, ok = c.since(delta.SumOf([16]byte(b.Bound[0]))); !ok {
			return nil, false
		}
	}
	var out []lack
	for _, r := range of.Replicas() {
		known, listed := seen[r]
		if !listed {
			known = of[r]
		}
		if have := c.replica.Context.Get(r); have > known {
			out = append(out, lack{Want: Want{Origin: r, From: known + 1}, have: have})
		}
	}
	return out, true
}

// learn takes note of what a pull shows of what a peer has seen: that it knows
// no more of this replica than it does itself, or has events that we lack.
// Where these are many an exchange of our own will find them.
func (c *Core) learn(from string, b pullBody, seen crdt.Context) {
	if b.Scope == scopeListed {
		return
	}
	own := c.replica.ID
	if (b.Scope == scopeBase || b.isAbout(own)) && seen.Get(own) <= c.replica.Context.Get(own) {
		c.identify(from)
	}
	learned := 0
	for r, sequence := range seen.All() {
		if sequence > c.expected(r) && learned < learnedMax {
			learned++
			c.missing(r, sequence, from, byPull)
		}
	}
}

// learnedMax bounds the holes that are noted of one pull.
const learnedMax = 64

// fill says what was read, and of each origin that was not read to its end
// whether there is more to read, or the log was trimmed there.
func (a *pullAnswer) fill(lacks []lack, log [][]delta.Packed, bytesMax int) {
	for i, l := range lacks {
		next := l.From
		for _, p := range log[i] {
			a.Deltas = append(a.Deltas, p.Bytes)
			next = max(next, p.Last()+1)
			bytesMax -= len(p.Bytes)
		}
		switch {
		case l.have < next:
		case len(log[i]) > 0 || bytesMax <= 0 || len(a.Trimmed) == seenMax:
			a.Extent = extentMore
		default:
			a.Trimmed = append(a.Trimmed, trimArray{Replica: l.Origin, From: next, Have: l.have})
		}
	}
}
