package node

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// derived is what follows from the entries of the state and changes with them.
type derived struct {
	// indexes has the keyspaces with visible claims.
	indexes map[string]*ranges.Index
	nodes   map[string]delta.NodeRecord
	// claims is how many are visible.
	claims int
	// waiting counts the records that are released and wait for their origin.
	waiting map[crdt.ReplicaID]uint64
	// own are the visible claims of the node named self, once that is known;
	// ownMoved says that one came or went, ownMoves how often.
	self     string
	own      map[ranges.Claim]struct{}
	ownMoved bool
	ownMoves uint64
}

func newDerived() *derived {
	return &derived{indexes: map[string]*ranges.Index{}, nodes: map[string]delta.NodeRecord{}, waiting: map[crdt.ReplicaID]uint64{}}
}

// change is one visible change: of a claim, whose priority is 0 if it was
// released, or of a node.
type change struct {
	key   delta.Key
	claim ranges.Weighted
	node  delta.NodeRecord
	// repaired says that it came by range repair, without an event.
	repaired bool
}

// changeOf returns what an entry shows.
func changeOf(e delta.Entry) (change, error) {
	if e.Key.IsNode() {
		return change{key: e.Key, node: e.Node}, nil
	}
	claim, err := e.Key.Claim()
	return change{key: e.Key, claim: ranges.Weighted{Claim: claim, Priority: e.Counter.Value()}}, err
}

// change takes over one entry and reports whether what is visible changed.
func (d *derived) change(x delta.EntryChange) (change, bool, error) {
	after := delta.Entry{Key: x.Key, Counter: x.After.Counter, Node: x.After.Node}
	d.wait(x.Before.Counter, x.After.Counter)
	switch {
	case x.Key.IsNode():
		d.nodes[after.Node.Name] = after.Node
	case !x.Key.IsClaim() || x.Before.Counter.Value() == after.Counter.Value():
		return change{}, false, nil
	}
	c, err := changeOf(after)
	c.repaired = x.Repaired
	if err == nil && x.Key.IsClaim() {
		d.set(c.claim, x.Before.Counter.IsVisible())
	}
	return c, err == nil, err
}

// wait counts the records of a claim that wait for their origin.
func (d *derived) wait(before, after crdt.PNCounter) {
	for _, x := range after {
		if !x.IsLive() {
			d.waiting[x.Origin]++
		}
	}
	for _, x := range before {
		if x.IsLive() {
			continue
		}
		if d.waiting[x.Origin]--; d.waiting[x.Origin] == 0 {
			delete(d.waiting, x.Origin)
		}
	}
}

// set makes a claim have a priority; was says whether it was visible.
func (d *derived) set(w ranges.Weighted, was bool) {
	index, ok := d.indexes[w.Keyspace]
	if !ok {
		index = ranges.NewIndex(w.Keyspace)
		d.indexes[w.Keyspace] = index
	}
	switch {
	case w.Priority == 0:
		index.Remove(w.Range, w.Node)
		d.claims--
	default:
		index.Set(w.Range, w.Node, w.Priority)
		if !was {
			d.claims++
		}
	}
	if w.Node == d.self && was != (w.Priority > 0) {
		d.moveOwn(w)
	}
}

func (d *derived) moveOwn(w ranges.Weighted) {
	d.ownMoved = true
	d.ownMoves++
	if w.Priority > 0 {
		d.own[w.Claim] = struct{}{}
	} else {
		delete(d.own, w.Claim)
	}
}

// name says whose claims are own. O(claims).
func (d *derived) name(self string) {
	d.self, d.own = self, map[ranges.Claim]struct{}{}
	for _, index := range d.indexes {
		for w := range index.All() {
			if w.Node == self {
				d.moveOwn(w)
			}
		}
	}
}

// participated returns the spans of the claims that start where the node
// participates, ascending.
func (d *derived) participated() []delta.Span {
	keyspaces := map[string]struct{}{}
	for c := range d.own {
		keyspaces[c.Keyspace] = struct{}{}
	}
	where := compaction.ParticipationOf(maps.Keys(d.own))
	var spans []delta.Span
	for _, keyspace := range slices.Sorted(maps.Keys(keyspaces)) {
		for _, r := range where.Ranges(keyspace) {
			spans = append(spans, delta.StartingIn(keyspace, r))
		}
	}
	return spans
}
