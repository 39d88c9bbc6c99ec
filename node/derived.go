package node

import (
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// indexes are the keyspaces with visible claims: what routing tables are made
// from.
type indexes map[string]*ranges.Index

// set makes a claim have a priority, which is at least 1.
func (x indexes) set(w ranges.Weighted) { x.index(w.Keyspace).Set(w.Range, w.Node, w.Priority) }

func (x indexes) index(keyspace string) *ranges.Index {
	index, ok := x[keyspace]
	if !ok {
		index = ranges.NewIndex(keyspace)
		x[keyspace] = index
	}
	return index
}

// take takes over changes, and returns the tables that follow from them. It takes the
// least time if changes of one keyspace come together, as those of a commit do.
func (x indexes) take(changes []change) (tables []keyspaceTable) {
	for len(changes) > 0 {
		if !changes[0].key.IsClaim() {
			changes = changes[1:]
			continue
		}
		keyspace := changes[0].claim.Keyspace
		changes = x.takeRun(keyspace, changes)
		tables = append(tables, keyspaceTable{keyspace, x.table(keyspace)})
	}
	return tables
}

// takeRun takes over the changes of a keyspace that come first, and returns the rest.
func (x indexes) takeRun(keyspace string, changes []change) []change {
	n := 0
	for n < len(changes) && changes[n].claim.Keyspace == keyspace {
		n++
	}
	x.index(keyspace).SetAll(n, func(i int) *ranges.Weighted { return &changes[i].claim })
	return changes[n:]
}

// table returns the present table of a keyspace, nil if no claim is left.
func (x indexes) table(keyspace string) *ranges.Table {
	index := x[keyspace]
	if index.Len() == 0 {
		delete(x, keyspace)
		return nil
	}
	return index.Table()
}

// derived is what else follows from the entries of the state and changes with
// them.
type derived struct {
	nodes map[string]delta.NodeRecord
	// claims is how many are visible, keyspaces how many in each.
	claims    int
	keyspaces map[string]int
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
	return &derived{nodes: map[string]delta.NodeRecord{}, keyspaces: map[string]int{}, waiting: map[crdt.ReplicaID]uint64{}}
}

// change is one visible change: of a claim, whose priority is 0 if it was
// released, or of a node.
type change struct {
	key   delta.Key
	claim ranges.Weighted
	node  *delta.NodeRecord
	// was says whether the claim was visible before.
	was bool
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

// visibleChange returns what of an entry shows that was before and is after, and
// whether anything does.
func visibleChange(key delta.Key, before, after *delta.Entry) (change, bool, error) {
	switch {
	case key.IsNode():
		return change{key: key, node: after.Node}, true, nil
	case !key.IsClaim():
		return change{}, false, nil
	}
	was, is := before.Counter.Value(), after.Counter.Value()
	if was == is {
		return change{}, false, nil
	}
	claim, err := key.Claim()
	return change{key: key, claim: ranges.Weighted{Claim: claim, Priority: is}, was: was > 0}, err == nil, err
}

// note takes over a change that shows.
func (d *derived) note(c *change) {
	if c.key.IsNode() {
		d.nodes[c.node.Name] = *c.node
		return
	}
	is := c.claim.Priority > 0
	switch {
	case is == c.was:
		return
	case is:
		d.count(c.claim.Keyspace, +1)
	default:
		d.count(c.claim.Keyspace, -1)
	}
	if c.claim.Node == d.self {
		d.moveOwn(c.claim)
	}
}

func (d *derived) count(keyspace string, claims int) {
	d.claims += claims
	if d.keyspaces[keyspace] += claims; d.keyspaces[keyspace] == 0 {
		delete(d.keyspaces, keyspace)
	}
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
func (d *derived) name(self string, claims indexes) {
	d.self = self
	for _, index := range claims {
		for w := range index.All() {
			if w.Node == self {
				d.moveOwn(w)
			}
		}
	}
	d.settle()
	d.fresh = nil // it participated there before
}
