package node

import (
	"context"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// How a token names a context, and how the name is understood. A token says the
// hash H of a context C and lists the entries of C that are about to become
// others, those of the replicas by which members go, and that wrote last. A node
// that has seen all of C holds the rest of it among its own entries, beside
// those of replicas that have come since. It tries what that may be, and takes
// nothing on trust:
//
//	T1. Resolve returns a context whose hash is H, or an error.
//
// So a token is never understood as more than it stands for, which would keep
// changes from who resumes, nor as less, which would lead back in time.
// docs/decisions/named-tokens.md argues it, and for how long a token lives.

const (
	// listedGoneMax is how many replicas of members that are gone a token lists,
	// the last to go first: they may come back and write. Of those who live it
	// lists all.
	listedGoneMax = 8
	// listedRecentMax is how many more a token lists, of which this node has
	// seen something last: of one that has just joined, or has just gone, more
	// may be on its way.
	listedRecentMax = 4
	// The pause between attempts to understand a token grows from the first to
	// the second: what is missing is mostly on its way.
	resolvePauseMin = 10 * time.Millisecond
	resolvePauseMax = 320 * time.Millisecond
)

// Token returns a token of a context that everything read from now on reflects
// at least. O(members), however many replicas there ever were.
func (n *Node) Token() Token {
	members := n.membersOfTokens()
	n.routing.mu.RLock()
	defer n.routing.mu.RUnlock()
	return tokenOf(n.routing.mu.context, n.routing.mu.contextHash, members, n.routing.mu.recent)
}

// tokenOf returns the token of a context that has a hash.
func (n *Node) tokenOf(c crdt.Context, hash delta.Sum) Token {
	members := n.membersOfTokens()
	n.routing.mu.RLock()
	defer n.routing.mu.RUnlock()
	return tokenOf(c, hash, members, n.routing.mu.recent)
}

func tokenOf(c crdt.Context, hash delta.Sum, members, recent []crdt.ReplicaID) Token {
	if len(c) <= tokenWholeMax {
		return WholeToken(c.Clone())
	}
	t := Token{entries: make(crdt.Context, len(members)+listedRecentMax), hash: hash, named: true}
	for _, r := range members {
		t.entries.Advance(r, c.Get(r)) // 0 is no entry
	}
	others := 0
	for _, r := range recent {
		if _, listed := t.entries[r]; !listed && others < listedRecentMax && c.Get(r) > 0 {
			t.entries[r] = c.Get(r)
			others++
		}
	}
	return t
}

// recentMax bounds the replicas that are remembered as those that wrote last.
const recentMax = 32

// wrote takes note of who has written, in recent the last first; it returns
// recent. What comes of many at once is what they wrote long ago.
func wrote(recent []crdt.ReplicaID, context crdt.Context) []crdt.ReplicaID {
	if len(context) > recentMax {
		return recent
	}
	for r := range context {
		at := slices.Index(recent, r)
		if at < 0 {
			recent = append(recent, r)
			at = len(recent) - 1
		}
		copy(recent[1:at+1], recent[:at])
		recent[0] = r
	}
	return recent[:min(len(recent), recentMax)]
}

// membersOfTokens returns the replicas of members whose entries tokens list. It
// is shared: nobody changes it.
func (n *Node) membersOfTokens() []crdt.ReplicaID {
	own := n.Replica()
	members := n.memberReplicas.Load()
	if members == nil {
		return []crdt.ReplicaID{own}
	}
	if !slices.Contains(*members, own) { // it has a new id since
		return append([]crdt.ReplicaID{own}, *members...)
	}
	return *members
}

// listReplicas takes note of the replicas by which members go: of those that can
// be reached, and of some that may come back, known to gossip or by their
// records alone. Of a node that has just drawn another id its record may tell
// before gossip does, or after.
func (n *Node) listReplicas(members []gossip.Member) {
	var replicas []crdt.ReplicaID
	var gone []gossip.Member
	known := map[string]bool{}
	for _, m := range members {
		known[m.Name] = true
		if m.Self || m.Reachable() {
			replicas = append(replicas, m.Replica)
			if r, ok := n.routing.node(m.Name); ok && r.Dot.Replica != m.Replica {
				replicas = append(replicas, r.Dot.Replica)
			}
		} else {
			gone = append(gone, m)
		}
	}
	slices.SortStableFunc(gone, func(a, b gossip.Member) int { return b.Since.Compare(a.Since) })
	for _, r := range n.routing.nodeRecords() {
		if !known[r.Name] && r.Gossip != "" {
			gone = append(gone, gossip.Member{Meta: gossip.Meta{Replica: r.Dot.Replica}})
		}
	}
	for _, m := range gone[:min(len(gone), listedGoneMax)] {
		replicas = append(replicas, m.Replica)
	}
	replicas = replicas[:min(len(replicas), tokenListedMax-listedRecentMax-1)] // and the own one
	n.memberReplicas.Store(&replicas)
}

// Resolve returns the context that a token stands for, waiting until this node
// knows it or ctx ends. A whole context is known at once.
//
// Errors: ErrBehind if this node has not seen everything the token covers, as
// far as that is known; ErrUnknownToken if it does not, or no longer, know the
// context that the token names; ErrClosed.
func (n *Node) Resolve(ctx context.Context, t Token) (crdt.Context, error) {
	if !t.named {
		return t.entries.Clone(), nil
	}
	for pause := resolvePauseMin; ; pause = min(2*pause, resolvePauseMax) {
		met := n.roster.replicas()
		if c, ok := n.routing.find(t, met); ok {
			return c, nil
		}
		if c, ok := n.routing.find(t, n.routing.meet(met, n.transport.Members())); ok {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, n.whyUnknown(t)
		case <-n.ctx.Done():
			return nil, ErrClosed
		case <-time.After(pause):
		}
	}
}

// meet adds to the replicas that were met those that are about to be: of members
// that have drawn another id. Their records come with their events, while gossip
// may tell so many seconds later.
func (r *routing) meet(met []crdt.ReplicaID, members []gossip.Member) []crdt.ReplicaID {
	for _, m := range members {
		record, ok := r.node(m.Name)
		if ok && (m.Self || m.Reachable()) && !slices.Contains(met, record.Dot.Replica) {
			met = append(met, record.Dot.Replica)
		}
	}
	return met
}

// whyUnknown tells a node that is late from one that will never know.
func (n *Node) whyUnknown(t Token) error {
	if !n.routing.covers(t.entries) || n.Completeness().Incomplete {
		return ErrBehind
	}
	return ErrUnknownToken
}

// find returns the context that a token names: the present one with the entries
// that the token lists, and without as many of the replicas met last, in met at
// the end, as gives the hash. Who has come since the token was given is among
// these, whether it is still there or not. O(listed + met) until it is found.
func (r *routing) find(t Token, met []crdt.ReplicaID) (crdt.Context, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	hash := r.mu.contextHash
	for id, sequence := range t.entries {
		hash = hash.WithSeen(id, r.mu.context.Get(id), sequence)
	}
	first := len(met)
	for first > 0 && hash != t.hash {
		first--
		if _, listed := t.entries[met[first]]; !listed {
			hash = hash.WithSeen(met[first], r.mu.context.Get(met[first]), 0)
		}
	}
	if hash != t.hash { // T1
		return nil, false
	}
	c := r.mu.context.Clone()
	for _, id := range met[first:] {
		delete(c, id)
	}
	for id, sequence := range t.entries {
		c[id] = sequence
	}
	return c, true
}

// Reach waits until what is read from this node reflects a token, or ctx ends.
// Errors are those of Resolve.
func (n *Node) Reach(ctx context.Context, t Token) error {
	c, err := n.Resolve(ctx, t)
	if err != nil {
		return err
	}
	return n.waitCovered(ctx, c)
}

// AwaitToken is Await for a token. One that this node does not come to
// understand before ctx ends, because it has not seen as much, nobody has; if
// it has, the error is ErrUnknownToken.
func (n *Node) AwaitToken(ctx context.Context, t Token, m Members) (Awaited, error) {
	c, err := n.Resolve(ctx, t)
	switch err {
	case nil:
		return n.Await(ctx, c, m)
	case ErrBehind:
		return Awaited{Missing: n.memberNames()}, nil
	}
	return Awaited{}, err
}
