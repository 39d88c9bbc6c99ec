package antientropy

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// await is a question of this node: which peers have a context on disk. The
// ids of what it sends are its own: first and first+1 are those of the two ways
// to put a question by name, those of pages follow.
type await struct {
	id    uint64
	first uint64
	named *namedContext // nil if the context is asked for whole
	// context is cut into pages when the first peer has to be asked by them.
	context crdt.Context
	pages   [][]seenArray
	// open are the peers that have yet to confirm it.
	open  map[string]*askedPeer
	again uint64
}

// askedPeer is what a peer was asked.
type askedPeer struct {
	// pages are the ids of those that it has yet to confirm, nil until it is
	// asked by pages; contexts only grow, so they may be confirmed at different
	// times.
	pages map[uint64]struct{}
	// base is what it was asked by last, baseUnknown what it did not know of
	// that kind; listedUnknown says that it did not understand the other.
	base, baseUnknown delta.Sum
	listedUnknown     bool
	// moves bounds how often it is asked in another way before the next
	// repetition.
	moves int
}

// movesMax is enough for each way, and a base that was told just now.
const movesMax = 3

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
// The id is the caller's, and context is not to be changed until AwaitEnd.
// Names that are no peers' are ignored, and what to say of this node itself is
// left to the caller.
func (c *Core) Await(id uint64, context crdt.Context, names []string) {
	a := &await{id: id, first: c.awaits.last + 1, context: context, open: map[string]*askedPeer{}, again: c.now + c.options.AskInterval}
	if len(context) > c.options.AskWhole {
		a.named = c.nameOf(context)
	}
	c.awaits.last = a.page(pagesOf(context)) - 1
	for _, name := range names {
		if _, ok := c.peers.byName[name]; ok {
			a.open[name] = &askedPeer{}
		}
	}
	c.awaits.byID[id] = a
	c.flushPushes()
	c.askPeers(a)
}

// page returns the id of a page.
func (a *await) page(i int) uint64 { return a.first + 2 + uint64(i) }

// pagesOf returns how many pages a context has; an empty one has one, too.
func pagesOf(context crdt.Context) int { return max(1, (len(context)+seenMax-1)/seenMax) }

// AwaitEnd ends an Await.
func (c *Core) AwaitEnd(id uint64) { delete(c.awaits.byID, id) }

func (c *Core) askPeers(a *await) {
	c.follow(a.named)
	for _, name := range slices.Sorted(maps.Keys(a.open)) {
		if c.peers.isAlive(name) {
			a.open[name].moves = movesMax
			c.askPeer(a, name)
		}
	}
}

// askPeer asks in the way that costs least.
func (c *Core) askPeer(a *await, name string) {
	if body, ok := c.askByName(a, name); ok {
		c.send(name, kindAskNamed, body)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(a.pagesFor(name))) {
		c.send(name, kindAsk, askBody{ID: id, Seen: a.pages[id-a.page(0)]})
	}
}

// pagesFor returns the pages that a peer has yet to confirm.
func (a *await) pagesFor(name string) map[uint64]struct{} {
	if a.pages == nil {
		a.pages = slices.Collect(slices.Chunk(packSeen(a.context), seenMax))
		if len(a.pages) == 0 {
			a.pages = [][]seenArray{{}}
		}
	}
	x := a.open[name]
	if x.pages == nil {
		x.pages = map[uint64]struct{}{}
		for i := range a.pages {
			x.pages[a.page(i)] = struct{}{}
		}
	}
	return x.pages
}

func (c *Core) tickAwaits() {
	for _, id := range slices.Sorted(maps.Keys(c.awaits.byID)) {
		if a := c.awaits.byID[id]; c.now >= a.again {
			a.again = c.now + c.options.AskInterval
			c.askPeers(a)
		}
	}
}

// askedOf returns the question of an id that a peer has yet to confirm, or nil.
func (c *Core) askedOf(from string, id uint64) *await {
	for _, a := range c.awaits.byID {
		if x, ok := a.open[from]; ok {
			if _, isPage := x.pages[id]; isPage || a.named != nil && (id == a.first || id == a.first+1) {
				return a
			}
		}
	}
	c.counters.FramesStale++
	return nil
}

func (c *Core) receiveConfirm(from string, body []byte) error {
	b, err := decodeBody[confirmBody](body)
	if err != nil {
		return err
	}
	a := c.askedOf(from, b.ID)
	if a == nil {
		return nil
	}
	x := a.open[from]
	delete(x.pages, b.ID)
	if b.ID < a.page(0) || len(x.pages) == 0 {
		delete(a.open, from)
		c.ready.Confirmed = append(c.ready.Confirmed, Confirmation{Await: a.id, Peer: from})
	}
	return nil
}

// receiveUnknown asks in another way at once, if there is one.
func (c *Core) receiveUnknown(from string, body []byte) error {
	b, err := decodeBody[unknownBody](body)
	if err != nil {
		return err
	}
	k, err := b.Check.check()
	if err != nil {
		return err
	}
	c.hear(from, k)
	a := c.askedOf(from, b.ID)
	if a == nil || b.ID >= a.page(0) {
		return nil
	}
	x := a.open[from]
	if b.ID == a.first {
		x.baseUnknown = x.base
	} else {
		x.listedUnknown = true
	}
	if x.moves == 0 || !c.peers.isAlive(from) {
		return nil
	}
	x.moves--
	c.follow(a.named)
	if !c.isPointless(a, from) {
		c.askPeer(a, from)
	}
	return nil
}
