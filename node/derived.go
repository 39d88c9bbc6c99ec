package node

import (
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
	// ownMoves counts the commits in which one came or went, and fresh is
	// where it participates since then that nobody has asked for yet.
	self     string
	own      compaction.Participant
	ownMoves uint64
	fresh    []compaction.Part
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
	if w.Priority > 0 {
		d.own.Claim(w.Keyspace, w.Range)
	} else {
		d.own.Release(w.Keyspace, w.Range)
	}
}

// settle ends a group of changes.
func (d *derived) settle() {
	fresh, moved := d.own.Settle()
	if d.fresh = append(d.fresh, fresh...); moved {
		d.ownMoves++
	}
}

// name says whose claims are own. O(claims).
func (d *derived) name(self string) {
	d.self = self
	for _, index := range d.indexes {
		for w := range index.All() {
			if w.Node == self {
				d.moveOwn(w)
			}
		}
	}
	d.settle()
	d.fresh = nil // it participated there before
}
