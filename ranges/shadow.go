package ranges

import "slices"

// What follows edits the tree of a weaver entry by entry, copying what tables
// still use: shadowing.

// own returns n if it may be written to, else a copy of it that may.
func (w *weaver) own(n *tableNode) *tableNode {
	if n.epoch == w.epoch {
		return n
	}
	c := *n
	c.epoch = w.epoch
	c.children = slices.Clone(n.children)
	w.fresh = append(w.fresh, &c)
	return &c
}

// ownEntries makes the entries of a node of this epoch its own, since they are
// to change; those of most inner nodes on the way do not. It leaves room for
// what a narrow claim adds.
func (n *tableNode) ownEntries() {
	if !n.owned {
		const room = 2
		n.entries = append(make([]entry, 0, len(n.entries)+room), n.entries...)
		n.owned = true
	}
}

// newNode returns a node of these entries and, if it is an inner one, children.
func (w *weaver) newNode(entries []entry, children []*tableNode) *tableNode {
	n := &tableNode{entries: entries, children: children, size: len(entries), epoch: w.epoch, owned: true, stale: true}
	if !n.isLeaf() {
		n.size = 0
		for _, c := range children {
			n.size += c.size
		}
	}
	w.fresh = append(w.fresh, n)
	return n
}

// put adds e, or replaces what starts at the same key. O(log n).
func (w *weaver) put(e entry) {
	w.root = w.own(w.root)
	if right := w.insert(w.root, e); right != nil {
		left := newEntry(w.root.low(), nil)
		w.root = w.newNode([]entry{left, newEntry(right.low(), nil)}, []*tableNode{w.root, right})
	}
}

// insert puts e below n and returns what no longer fits, nil if all does.
func (w *weaver) insert(n *tableNode, e entry) *tableNode {
	i := n.locateUnsealed(e.start())
	if n.isLeaf() {
		return w.insertEntry(n, i, e)
	}
	child := w.own(n.children[i])
	n.size -= child.size
	n.children[i] = child
	right := w.insert(child, e)
	n.size += child.size
	if right == nil {
		return nil
	}
	n.size += right.size
	n.ownEntries()
	n.entries, n.stale = slices.Insert(n.entries, i+1, newEntry(right.low(), nil)), true
	n.children = slices.Insert(n.children, i+1, right)
	return w.split(n, i+1)
}

// insertEntry puts e after the i-th entry of a leaf, or in its place.
func (w *weaver) insertEntry(n *tableNode, i int, e entry) *tableNode {
	n.ownEntries()
	if n.entries[i].start() == e.start() {
		n.entries[i] = e
		return nil
	}
	n.entries, n.stale = slices.Insert(n.entries, i+1, e), true
	n.size++
	return w.split(n, i+1)
}

// split returns the right part of n if it has become too large by its i-th
// entry, else nil.
func (w *weaver) split(n *tableNode, i int) *tableNode {
	if len(n.entries) <= w.width {
		return nil
	}
	at := splitAt(i, w.width)
	entries, children := n.entries, n.children
	n.entries = slices.Clone(entries[:at])
	var right *tableNode
	if n.isLeaf() {
		right = w.newNode(slices.Clone(entries[at:]), nil)
	} else {
		n.children = slices.Clone(children[:at])
		right = w.newNode(slices.Clone(entries[at:]), slices.Clone(children[at:]))
	}
	n.size -= right.size
	return right
}

// drop removes the entry that starts at key, which must be there. O(log n).
func (w *weaver) drop(key string) {
	w.root = w.own(w.root)
	w.remove(w.root, key)
	for len(w.root.children) == 1 {
		w.root = w.root.children[0]
	}
}

// remove removes the entry that starts at key below n. It may leave n empty.
func (w *weaver) remove(n *tableNode, key string) {
	i := n.locateUnsealed(key)
	n.size--
	if n.isLeaf() {
		n.delete(i)
		return
	}
	child := w.own(n.children[i])
	n.children[i] = child
	w.remove(child, key)
	switch {
	case len(child.entries) == 0:
		n.delete(i)
	case child.low() != n.entries[i].start():
		n.ownEntries()
		n.entries[i], n.stale = newEntry(child.low(), nil), true
	}
	w.join(n, i)
	w.join(n, i-1)
}

// delete removes the i-th entry of n and its child.
func (n *tableNode) delete(i int) {
	n.ownEntries()
	n.entries, n.stale = slices.Delete(n.entries, i, i+1), true
	if !n.isLeaf() {
		n.children = slices.Delete(n.children, i, i+1)
	}
}

// join makes one child of the i-th and the next if there are such and they fit
// into half a node: removals leave few sparse nodes behind, and the insertions
// that follow do not split again at once.
func (w *weaver) join(n *tableNode, i int) {
	if i < 0 || i+1 >= len(n.children) || len(n.children[i].entries)+len(n.children[i+1].entries) > w.width/2 {
		return
	}
	left, right := w.own(n.children[i]), n.children[i+1]
	left.ownEntries()
	left.entries, left.stale = append(left.entries, right.entries...), true
	left.children = append(left.children, right.children...)
	left.size += right.size
	n.children[i] = left
	n.delete(i + 1)
}
