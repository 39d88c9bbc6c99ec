package antientropy

import (
	"cmp"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// servedAsk is a question of a peer that cannot be answered yet. What was known
// by name, as base, is on disk; seen is not.
type servedAsk struct {
	base    delta.Sum
	seen    crdt.Context
	expires uint64
}

// Bounds of the questions of peers that wait.
const (
	servedAsksMax        = 4096
	servedAsksPerPeerMax = 512
)

// receiveAsk answers as soon as everything asked for is on disk.
func (c *Core) receiveAsk(from string, body []byte) error {
	b, err := decodeBody[askBody](body)
	if err != nil {
		return err
	}
	seen, err := unpackSeen(b.Seen, false)
	if err != nil {
		return err
	}
	c.serveAsk(askKey{peer: from, id: b.ID}, servedAsk{seen: seen})
	return nil
}

// receiveAskNamed answers what is put by the name of a context, or says that it
// does not know it. What it holds already it knows, though it may be elsewhere by
// now.
func (c *Core) receiveAskNamed(from string, body []byte) error {
	b, err := decodeBody[askNamedBody](body)
	if err != nil {
		return err
	}
	seen, err := unpackSeen(b.Seen, true)
	if err != nil {
		return err
	}
	key, ask := askKey{peer: from, id: b.ID}, servedAsk{base: delta.SumOf(b.Hash), seen: seen}
	held, ok := c.served.asks[key]
	if ok && held.base == ask.base && held.seen.Equal(seen) || c.hasPassed(ask.base) || c.isBeside(ask.base, seen) {
		c.serveAsk(key, ask)
		return nil
	}
	delete(c.served.asks, key) // the question it was is put in another way by now
	c.send(from, kindUnknown, unknownBody{ID: b.ID, Check: c.check().within()})
	return nil
}

// hasPassed reports whether the own context was, in this life of the node, or
// is the one of a hash (Q1).
func (c *Core) hasPassed(hash delta.Sum) bool {
	_, ok := c.moments.numbers[hash]
	return ok || hash == c.replica.ContextHash
}

// isBeside reports whether the own context would have a hash if it had the
// entries of seen (Q1).
func (c *Core) isBeside(hash delta.Sum, seen crdt.Context) bool {
	mine := c.replica.ContextHash
	for r, sequence := range seen {
		mine = mine.WithSeen(r, c.replica.Context.Get(r), sequence)
	}
	return mine == hash
}

// serveAsk confirms what is on disk, or keeps the question.
func (c *Core) serveAsk(key askKey, ask servedAsk) {
	if ask.seen.Leq(c.replica.Context) {
		delete(c.served.asks, key)
		c.confirm(key)
		return
	}
	if _, ok := c.served.asks[key]; !ok && !c.served.hasRoom(key.peer) {
		c.counters.AsksRefused++
		return
	}
	ask.expires = c.now + c.options.AskTTL
	c.served.asks[key] = &ask
}

func (s *served) hasRoom(peer string) bool {
	n := 0
	for key := range s.asks {
		if key.peer == peer {
			n++
		}
	}
	return n < servedAsksPerPeerMax && len(s.asks) < servedAsksMax
}

func (c *Core) confirm(key askKey) {
	c.counters.AsksServed++
	c.send(key.peer, kindConfirm, confirmBody{ID: key.id})
}

// answerAsks confirms what has become durable.
func (c *Core) answerAsks() {
	var done []askKey
	for key, a := range c.served.asks {
		if a.seen.Leq(c.replica.Context) {
			done = append(done, key)
		}
	}
	slices.SortFunc(done, func(a, b askKey) int { return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.id, b.id)) })
	for _, key := range done {
		delete(c.served.asks, key)
		c.confirm(key)
	}
}

func (c *Core) tickAsks() {
	for key, a := range c.served.asks {
		if c.now >= a.expires {
			delete(c.served.asks, key)
		}
	}
}
