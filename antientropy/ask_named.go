package antientropy

import (
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// How a large context T is asked for without saying all of it. A question has
// the hash H of a context X and a list S of entries, such that X and S together
// cover T. There are two ways to choose them:
//
//   - by base: X is the last context that the peer was seen to share with us;
//     S are the entries of T that X lacks.
//   - by list: X is T itself; S are its entries of whoever may have written
//     something that only one of both has seen, and of whom we have seen
//     something else than T has.
//
// The peer confirms it by these rules, whichever way was chosen:
//
//	Q1. It knows X only if its own context was X, in this life of it, or is X
//	    but for the replicas in S, of which X has the entries of S: the hash
//	    proves either. Nothing that it, or anybody, once told of it counts.
//	Q2. It confirms only when its context on disk covers S.
//
// So what it confirms is on its disk. It has X but for S: if it was at X, since
// contexts only grow in a life; else since all other entries of X are its own.
// docs/protocol.md has the argument.

const (
	// askRecentMax is how many replicas beside the members a list has, of which
	// this node has seen something last: of one that has just gone, more may be
	// on its way.
	askRecentMax = 4
	// askRecentChanges is among how many changes these are looked for.
	askRecentChanges = 256
)

// namedContext is a context that is asked for by name. It is nil where one is
// asked for whole.
type namedContext struct {
	context crdt.Context
	hash    delta.Sum
	// events is the sum of its sequences: who has fewer does not cover it.
	events uint64
	// other are the replicas of which it may have another entry than the own
	// context, of which it surely has where the hash of that was at.
	other map[crdt.ReplicaID]struct{}
	at    delta.Sum
	// list are the entries to ask for by list.
	list []seenArray
}

// nameOf prepares to ask for a context by name. O(len(context) + own context).
func (c *Core) nameOf(context crdt.Context) *namedContext {
	mine := c.replica.Context
	n := &namedContext{
		context: context, hash: c.replica.ContextHash, events: c.events,
		other: othersOf(context, mine), at: c.replica.ContextHash,
	}
	for r := range n.other {
		n.hash = n.hash.WithSeen(r, mine.Get(r), context.Get(r))
		n.events = n.events - mine.Get(r) + context.Get(r)
	}
	return n
}

// othersOf returns the replicas of which two contexts have different entries.
func othersOf(a, b crdt.Context) map[crdt.ReplicaID]struct{} {
	others, both := map[crdt.ReplicaID]struct{}{}, 0
	for r, sequence := range a {
		known := b.Get(r)
		if known > 0 {
			both++
		}
		if known != sequence {
			others[r] = struct{}{}
		}
	}
	if both == len(b) {
		return others
	}
	for r := range b {
		if a.Get(r) == 0 {
			others[r] = struct{}{}
		}
	}
	return others
}

// follow takes note of how the own context has grown, before anybody is asked.
// O(changes since + members).
func (c *Core) follow(n *namedContext) {
	if n == nil {
		return
	}
	then, ok := c.since(n.at)
	if !ok {
		n.other = othersOf(n.context, c.replica.Context)
	}
	for r := range then {
		n.other[r] = struct{}{}
	}
	n.at = c.replica.ContextHash
	list := crdt.NewContext()
	for r := range n.other {
		if n.context.Get(r) != c.replica.Context.Get(r) {
			list[r] = n.context.Get(r)
		}
	}
	for _, r := range c.changing() {
		list[r] = n.context.Get(r)
	}
	n.list = packSeen(list)
}

// changing returns the replicas of which a peer may have seen something else
// than this node just now: those of live members, and those of which something
// was seen last.
func (c *Core) changing() []crdt.ReplicaID {
	out := []crdt.ReplicaID{c.replica.ID}
	for _, p := range c.peers.ring {
		if !p.Replica.IsZero() {
			out = append(out, p.Replica)
		}
	}
	most, grown := len(out)+askRecentMax, c.moments.grown
	grown = grown[max(0, len(grown)-askRecentChanges):]
	for i := len(grown) - 1; i >= 0 && len(out) < most; i-- {
		if !slices.Contains(out, grown[i].replica) {
			out = append(out, grown[i].replica)
		}
	}
	return out
}

// askByName returns the shorter of the questions by name that a peer may know,
// and notes which it is. It reports whether there is one.
func (c *Core) askByName(a *await, name string) (askNamedBody, bool) {
	if a.named == nil {
		return askNamedBody{}, false
	}
	base, byBase := c.askByBase(a, name)
	list, byList := c.askByList(a, name)
	if byBase && (!byList || len(base.Seen) <= len(list.Seen)) {
		a.open[name].base = delta.SumOf(base.Hash)
		return base, true
	}
	return list, byList
}

// askByBase names a context that both were at. What the own context has of
// whoever is in neither of the two sets is in that one, too, and in the one
// that is asked for.
func (c *Core) askByBase(a *await, name string) (askNamedBody, bool) {
	p := c.peers.byName[name]
	if !p.agreed || p.agreedAt == a.open[name].baseUnknown {
		return askNamedBody{}, false
	}
	then, ok := c.since(p.agreedAt)
	if !ok {
		return askNamedBody{}, false
	}
	for r := range a.named.other {
		if _, changed := then[r]; !changed {
			then[r] = c.replica.Context.Get(r)
		}
	}
	lacks := crdt.NewContext()
	for r, sequence := range then {
		if a.named.context.Get(r) > sequence {
			lacks[r] = a.named.context.Get(r)
		}
	}
	return askNamedBody{ID: a.first, Hash: p.agreedAt.Bytes(), Seen: packSeen(lacks)}, len(lacks) <= seenMax
}

// askByList names the context itself. Where a peer did not understand that,
// there are pages left, unless it cannot have what they ask for: then it is
// asked like this until it may.
func (c *Core) askByList(a *await, name string) (askNamedBody, bool) {
	n := a.named
	if len(n.list) > min(seenMax, len(n.context)) || a.open[name].listedUnknown && !c.isBehind(a, name) {
		return askNamedBody{}, false
	}
	return askNamedBody{ID: a.first + 1, Hash: n.hash.Bytes(), Seen: n.list}, true
}

// isBehind reports whether a peer has said last that it has seen fewer events
// than are asked for.
func (c *Core) isBehind(a *await, name string) bool {
	return c.peers.byName[name].check.Events < a.named.events
}

// isPointless reports whether a peer has just said that it does not know what
// it would be asked next.
func (c *Core) isPointless(a *await, name string) bool {
	_, byBase := c.askByBase(a, name)
	_, byList := c.askByList(a, name)
	return !byBase && byList && a.open[name].listedUnknown
}
