package ranges

import (
	"slices"
	"unsafe"
)

// What follows edits the tree of a weaver start by start, copying what tables
// still use: shadowing.

// own returns n if it may be written to, else a copy of it that may. Its starts
// are only copied when they change.
func (w *weaver) own(n *tableNode) *tableNode {
	if n.epoch == w.epoch {
		return n
	}
	c := n.copy(w.epoch)
	w.fresh = append(w.fresh, c)
	return c
}

// copy returns a node that may be written to in an epoch, but for its starts, and
// for what its lists share.
func (n *tableNode) copy(epoch uint64) *tableNode {
	c := *n
	c.epoch, c.ownedBlocks = epoch, 0
	c.children = slices.Clone(n.children)
	return &c
}

// ownStarts makes the starts of a node of this epoch its own.
func (n *tableNode) ownStarts() {
	if !n.owned {
		n.starts, n.owned = withRoom(n.starts), true
	}
}

// roomForNarrow is how many starts a narrow claim adds: its own and that of what
// follows it.
const roomForNarrow = 2

// withRoom returns a copy of s with room for what a narrow claim adds.
func withRoom[T any](s []T) []T {
	return append(make([]T, 0, len(s)+roomForNarrow), s...)
}

// newLeaf returns a leaf of these starts, yet without lists.
func (w *weaver) newLeaf(starts []start) *tableNode {
	n := &tableNode{starts: starts, epoch: w.epoch, owned: true, stale: true}
	w.fresh = append(w.fresh, n)
	return n
}

// newInner returns an inner node of these children, whose first starts are
// given.
func (w *weaver) newInner(starts []start, children []*tableNode) *tableNode {
	n := &tableNode{starts: starts, children: children, epoch: w.epoch, owned: true, stale: true}
	for _, c := range children {
		n.size += c.size
	}
	w.fresh = append(w.fresh, n)
	return n
}

// put begins a subrange with these servers at key, or replaces the servers of
// the one that starts there. O(log n).
func (w *weaver) put(key string, servers []Server) {
	w.root = w.own(w.root)
	if right := w.insert(w.root, key, servers); right != nil {
		w.root = w.newInner([]start{w.root.starts[0], right.starts[0]}, []*tableNode{w.root, right})
	}
}

// insert is put below n, and returns what no longer fits, nil if all does.
func (w *weaver) insert(n *tableNode, key string, servers []Server) *tableNode {
	i := n.locateUnsealed(key)
	if n.isLeaf() {
		return w.insertList(n, i, key, servers)
	}
	child := w.own(n.children[i])
	n.size -= child.size
	n.children[i] = child
	right := w.insert(child, key, servers)
	n.size += child.size
	if right == nil {
		return nil
	}
	n.size += right.size
	n.insertStart(i+1, right.starts[0])
	n.children = slices.Insert(n.children, i+1, right)
	return w.split(n, i+1)
}

// insertList is insert into a leaf, after its i-th start or there.
func (w *weaver) insertList(n *tableNode, i int, key string, servers []Server) *tableNode {
	if n.start(i) == key {
		n.replaceList(i, servers)
		return nil
	}
	n.insertStart(i+1, newStart(key, len(servers)))
	n.insertList(i+1, unsafe.SliceData(servers))
	return w.split(n, i+1)
}

// replaceList gives the i-th subrange of a leaf other servers.
func (n *tableNode) replaceList(i int, servers []Server) {
	n.setList(i, unsafe.SliceData(servers))
	if length := uint32(len(servers)); n.starts[i].servers != length {
		n.ownStarts()
		n.starts[i].servers = length
	}
}

func (n *tableNode) insertStart(i int, s start) {
	n.ownStarts()
	n.starts, n.stale = slices.Insert(n.starts, i, s), true
}

// split returns the right part of n if it has become too large by its i-th
// start, else nil.
func (w *weaver) split(n *tableNode, i int) *tableNode {
	if len(n.starts) <= w.width {
		return nil
	}
	at := splitAt(i, w.width)
	starts, right := slices.Clone(n.starts[at:]), (*tableNode)(nil)
	n.starts = slices.Clone(n.starts[:at])
	if n.isLeaf() {
		right = w.newLeaf(starts)
		right.appendLists(n, at)
		n.cutLists(at)
	} else {
		right = w.newInner(starts, slices.Clone(n.children[at:]))
		n.children = slices.Clone(n.children[:at])
		n.size -= right.size
	}
	return right
}

// drop removes the start at key, which must be there. O(log n).
func (w *weaver) drop(key string) {
	w.root = w.own(w.root)
	w.remove(w.root, key)
	for len(w.root.children) == 1 {
		w.root = w.root.children[0]
	}
}

// remove removes the start at key below n. It may leave n empty.
func (w *weaver) remove(n *tableNode, key string) {
	i := n.locateUnsealed(key)
	if n.isLeaf() {
		n.delete(i)
		return
	}
	n.size--
	child := w.own(n.children[i])
	n.children[i] = child
	w.remove(child, key)
	switch {
	case len(child.starts) == 0:
		n.delete(i)
	case child.low() != n.start(i):
		n.ownStarts()
		n.starts[i], n.stale = child.starts[0], true
	}
	w.join(n, i)
	w.join(n, i-1)
}

// delete removes the i-th start of n and its list or child.
func (n *tableNode) delete(i int) {
	n.ownStarts()
	n.starts, n.stale = slices.Delete(n.starts, i, i+1), true
	if n.isLeaf() {
		n.deleteList(i)
	} else {
		n.children = slices.Delete(n.children, i, i+1)
	}
}

// join makes one child of the i-th and the next if there are such and they fit
// into half a node: removals leave few sparse nodes behind, and the insertions
// that follow do not split again at once.
func (w *weaver) join(n *tableNode, i int) {
	if i < 0 || i+1 >= len(n.children) || len(n.children[i].starts)+len(n.children[i+1].starts) > w.width/2 {
		return
	}
	left, right := w.own(n.children[i]), n.children[i+1]
	left.ownStarts()
	left.starts, left.stale = append(left.starts, right.starts...), true
	if left.isLeaf() {
		left.appendLists(right, 0)
	} else {
		left.children = append(left.children, right.children...)
		left.size += right.size
	}
	n.children[i] = left
	n.delete(i + 1)
}
