package antientropy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// await is a question of this node: which peers have a context on disk. A
// large context is asked for page by page; contexts only grow, so pages may be
// confirmed at different times.
type await struct {
	id    uint64
	pages [][]seenArray
	first uint64 // the id of the first page's ask; the others follow
	// open are the pages that a peer has yet to confirm.
	open  map[string]map[uint64]struct{}
	again uint64
}

type awaits struct {
	byID map[uint64]*await
	last uint64
}

func newAwaits() awaits { return awaits{byID: map[uint64]*await{}} }

// Await asks peers whether they have everything that context covers on disk.
// Every one that does is told by Ready.Confirmed, once, until AwaitEnd. A
// question that is not answered is repeated, so a peer that comes back is
// still asked. After an own write was reported by Committed, its push is on
// the way before the question, and the answer takes one round trip and one
// commit of the peer.
//
// The id is the caller's. Names that are no peers' are ignored, and what to
// say of this node itself is left to the caller.
func (c *Core) Await(id uint64, context crdt.Context, names []string) {
	a := &await{id: id, first: c.awaits.last + 1, open: map[string]map[uint64]struct{}{}, again: c.now + c.options.AskInterval}
	a.pages = slices.Collect(slices.Chunk(packSeen(context), seenMax))
	if len(a.pages) == 0 {
		a.pages = [][]seenArray{{}}
	}
	c.awaits.last += uint64(len(a.pages))
	for _, name := range names {
		if _, ok := c.peers.byName[name]; ok {
			a.open[name] = map[uint64]struct{}{}
			for i := range a.pages {
				a.open[name][a.first+uint64(i)] = struct{}{}
			}
		}
	}
	c.awaits.byID[id] = a
	c.flushPushes()
	c.askPeers(a)
}

// AwaitEnd ends an Await.
func (c *Core) AwaitEnd(id uint64) { delete(c.awaits.byID, id) }

func (c *Core) askPeers(a *await) {
	for _, name := range slices.Sorted(maps.Keys(a.open)) {
		if !c.peers.isAlive(name) {
			continue
		}
		for _, ask := range slices.Sorted(maps.Keys(a.open[name])) {
			c.send(name, kindAsk, askBody{ID: ask, Seen: a.pages[ask-a.first]})
		}
	}
}

func (c *Core) tickAwaits() {
	for _, id := range slices.Sorted(maps.Keys(c.awaits.byID)) {
		if a := c.awaits.byID[id]; c.now >= a.again {
			a.again = c.now + c.options.AskInterval
			c.askPeers(a)
		}
	}
}

func (c *Core) receiveConfirm(from string, body []byte) error {
	b, err := decodeBody[confirmBody](body)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(c.awaits.byID)) {
		a := c.awaits.byID[id]
		if _, ok := a.open[from][b.ID]; !ok {
			continue
		}
		delete(a.open[from], b.ID)
		if len(a.open[from]) == 0 {
			delete(a.open, from)
			c.ready.Confirmed = append(c.ready.Confirmed, Confirmation{Await: id, Peer: from})
		}
		return nil
	}
	c.counters.FramesStale++
	return nil
}

// servedAsk is a question of a peer that cannot be answered yet.
type servedAsk struct {
	context crdt.Context
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
	context, err := unpackSeen(b.Seen, false)
	if err != nil {
		return err
	}
	key := askKey{peer: from, id: b.ID}
	if context.Leq(c.replica.Context) {
		delete(c.served.asks, key)
		c.confirm(key)
		return nil
	}
	if _, ok := c.served.asks[key]; !ok && !c.served.hasRoom(from) {
		c.counters.AsksRefused++
		return nil
	}
	c.served.asks[key] = &servedAsk{context: context, expires: c.now + c.options.AskTTL}
	return nil
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
		if a.context.Leq(c.replica.Context) {
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
