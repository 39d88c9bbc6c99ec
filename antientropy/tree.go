package antientropy

import (
	"fmt"
	"slices"
	"sort"

	"github.com/scalesmall/ssnode/delta"
)

// fanOutMax bounds the items of a node. A version copies one node of each level for
// a change, so smaller ones cost it less; the inner nodes, one item for nine below
// it, are then a tenth of all memory.
const fanOutMax = 12

// tree is an immutable ordered map from the first keys of blocks to what the
// blocks hold: a B+ tree, each of whose changes copies the path to a leaf. So a
// version costs nothing to keep while others are made of it. The nodes that a
// version made for itself it changes in place, until another is begun of it; changes
// of sums are late (T4).
//
// Its invariants:
//
//	T1  The items of a node ascend strictly; the first of all is that of "".
//	T2  An inner item is the sum of those below it, and begins where they do.
//	T3  All leaves are equally deep; a node has 1 to fanOutMax items.
//
// A node that loses its last item goes; one that loses others is not merged
// with its neighbours (Johnson and Shasha 1989 show that this costs little).
type tree struct {
	root  *node
	depth int // of the leaves; 0 if the root is one
	// edition is that of the nodes that belong to this version alone, if it is
	// settled: nothing is late, and changes go to such nodes. Else it is nil.
	edition *edition
	// late is what the nodes lack, mine if that of this version. weight grows with
	// it, to weightMax; expected is how many blocks the version may change.
	late, mine        *lateSums
	weight, weightMax int
	expected          int
}

type node struct {
	items   []item
	edition *edition
}

// edition is the identity of a version. It has a size so that no two are one.
type edition struct{ _ byte }

// begin returns a version in which so many blocks may change. The one that it begins
// from must not be changed any more.
func (t tree) begin(blocks int) tree {
	t.edition, t.mine = nil, nil
	t.expected = min(blocks, t.weightMax)
	return t
}

func (t *tree) isSettled() bool { return t.edition != nil }

// own returns the node, or a copy of it that belongs to this version alone, which is
// settled.
func (t *tree) own(n *node) *node {
	if n.edition == t.edition {
		return n
	}
	return &node{items: slices.Clone(n.items), edition: t.edition}
}

// item is a block, or what is below a node.
type item struct {
	// from is the first key of the block: an anchor, or "".
	from delta.Key
	sum  delta.Fingerprint
	// child is nil for a block.
	child *node
	// place is that of the anchor (placeOf). apart is how many bytes of from
	// tell it from every entry before it.
	place uint32
	apart uint16
}

// low is the least key that separates a block from the entries before it.
func (x *item) low() delta.Key { return x.from[:x.apart] }

// newTree returns a tree over items in order, of which there is at least one;
// its depth is counted from there.
func newTree(items []item) tree {
	t := tree{}
	for level := items; ; t.depth++ {
		if len(level) <= fanOutMax {
			t.root = &node{items: slices.Clone(level)}
			return t
		}
		level = gather(level)
	}
}

// gather makes nodes of about as many items each, and returns one item for
// each.
func gather(level []item) []item {
	parts := (len(level) + fanOutMax*3/4 - 1) / (fanOutMax * 3 / 4)
	out := make([]item, 0, parts)
	for i := range parts {
		first, end := i*len(level)/parts, (i+1)*len(level)/parts
		out = append(out, above(&node{items: slices.Clone(level[first:end])}))
	}
	return out
}

// above returns the item of a node in the one above it.
func above(n *node) item {
	x := item{from: n.items[0].from, child: n}
	for i := range n.items {
		x.sum = x.sum.Plus(n.items[i].sum)
	}
	return x
}

// index returns the place of the last item that begins at or before k. The first of
// all begins at "".
func (n *node) index(k delta.Key) int {
	low, end := 0, len(n.items)
	for low+1 < end {
		if i := (low + end) / 2; n.items[i].from > k {
			end = i
		} else {
			low = i
		}
	}
	return low
}

// where is a block with its surroundings.
type where struct {
	*item
	// sum is that of the block, before that of all blocks before it.
	sum, before delta.Fingerprint
	// next is the block after it, nil if it is the last.
	next *item
}

// end returns where the block ends.
func (w where) end() delta.Key {
	if w.next == nil {
		return delta.Whole.To
	}
	return w.next.from
}

// find returns the block that k lies in. O(log n).
func (t tree) find(k delta.Key) where {
	return t.seek(func(n *node, _ delta.Fingerprint) int { return n.index(k) }, true)
}

// look is find where nobody needs sums.
func (t tree) look(k delta.Key) where {
	return t.seek(func(n *node, _ delta.Fingerprint) int { return n.index(k) }, false)
}

// findBefore returns the block before the one that begins at an anchor.
func (t tree) findBefore(anchor delta.Key) where {
	return t.seek(func(n *node, _ delta.Fingerprint) int {
		return max(0, sort.Search(len(n.items), func(i int) bool { return n.items[i].from >= anchor })-1)
	}, true)
}

// findRecord returns the block that has the record of that number, counted from
// 0, or the last one; one about there, where something is late. O(log n).
func (t tree) findRecord(number uint64) where {
	return t.seek(func(n *node, before delta.Fingerprint) int {
		count := before.Count
		for i := range n.items {
			if count += n.items[i].sum.Count; number < count {
				return i
			}
		}
		return len(n.items) - 1
	}, true)
}

// seek descends to a leaf, by the item that choose returns of a node, given the
// sum of everything before it; without sums, that is zero.
func (t tree) seek(choose func(*node, delta.Fingerprint) int, sums bool) where {
	var w where
	var right *node // what comes after the path, nearest
	for n := t.root; ; {
		i := choose(n, w.before)
		for j := 0; sums && j < i; j++ {
			w.before = w.before.Plus(n.items[j].sum)
		}
		w.item = &n.items[i]
		if w.child == nil {
			w.next = nextItem(n, i, right)
			if w.sum = w.item.sum; sums {
				t.addLate(&w)
			}
			return w
		}
		if i+1 < len(n.items) {
			right = n.items[i+1].child
		}
		n = w.child
	}
}

func nextItem(leaf *node, i int, right *node) *item {
	if i+1 < len(leaf.items) {
		return &leaf.items[i+1]
	}
	for right != nil && right.items[0].child != nil {
		right = right.items[0].child
	}
	if right == nil {
		return nil
	}
	return &right.items[0]
}

// edit replaces the block that k lies in by what change makes of it, maybe
// none. O(log n) beyond what there is instead, and settles what is late.
func (t tree) edit(k delta.Key, change func(item) []item) tree {
	if !t.isSettled() {
		t.settle()
	}
	items := t.root.edit(k, change)
	switch {
	case len(items) > 1:
		top := newTree(items)
		t.root, t.depth = top.root, t.depth+1+top.depth
		return t
	case len(items) == 0: // the block of "" never goes
		return t
	}
	t.root = items[0].child
	for t.depth > 0 && len(t.root.items) == 1 {
		t.root, t.depth = t.root.items[0].child, t.depth-1
	}
	return t
}

// edit returns what takes the place of the node in the one above.
func (n *node) edit(k delta.Key, change func(item) []item) []item {
	i := n.index(k)
	var instead []item
	if n.items[i].child != nil {
		instead = n.items[i].child.edit(k, change)
	} else {
		instead = change(n.items[i])
	}
	items := make([]item, 0, len(n.items)-1+len(instead))
	items = append(append(append(items, n.items[:i]...), instead...), n.items[i+1:]...)
	switch {
	case len(items) == 0:
		return nil
	case len(items) > fanOutMax:
		return gather(items)
	}
	return []item{above(&node{items: items})}
}

// all visits every block in order until visit returns false. What is late it lacks.
func (t tree) all(visit func(*item) bool) { t.root.all(visit) }

func (n *node) all(visit func(*item) bool) bool {
	for i := range n.items {
		if x := &n.items[i]; x.child != nil && !x.child.all(visit) || x.child == nil && !visit(x) {
			return false
		}
	}
	return true
}

// valid checks T1 to T4. O(blocks).
func (t tree) valid() error {
	last, first := delta.Key(""), true
	var err error
	t.all(func(x *item) bool {
		if first != (x.from == "") || x.from < last || !first && x.from == last {
			err = fmt.Errorf("T1: block %q follows %q", x.from, last)
		}
		last, first = x.from, false
		return err == nil
	})
	if err == nil {
		err = t.root.valid(t.depth)
	}
	if err == nil {
		err = t.validLate()
	}
	return err
}

func (n *node) valid(depth int) error {
	if len(n.items) == 0 || len(n.items) > fanOutMax {
		return fmt.Errorf("T3: a node of %d items", len(n.items))
	}
	for _, x := range n.items {
		if (x.child == nil) != (depth == 0) {
			return fmt.Errorf("T3: item %q is not as deep as others", x.from)
		}
		if x.child == nil {
			continue
		}
		if got := above(x.child); got.sum != x.sum || got.from != x.from {
			return fmt.Errorf("T2: item %q is %s, below it are %q and %s", x.from, x.sum, got.from, got.sum)
		}
		if err := x.child.valid(depth - 1); err != nil {
			return err
		}
	}
	return nil
}
