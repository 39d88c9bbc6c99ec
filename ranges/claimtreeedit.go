package ranges

import "slices"

// insert adds w, which must not be there, and returns the new root. O(log n).
func (t *claimTree) insert(w *storedClaim) *claimTree {
	if t == nil {
		return newLeaf([]storedClaim{*w})
	}
	if right := t.grow(w); right != nil {
		return newInner([]*claimTree{t, right})
	}
	return t
}

// grow adds w below t and returns what no longer fits, nil if all does.
func (t *claimTree) grow(w *storedClaim) *claimTree {
	r, node := w.bounds(), w.node.name
	if t.isLeaf() {
		i := t.search(&r, node)
		t.unseek()
		t.claims = slices.Insert(t.claims, i, *w)
		if len(t.claims) > treeWidth {
			return t.splitLeaf(splitAt(i, treeWidth))
		}
		t.checkOrder(i)
	} else {
		i := t.childOf(&r, node)
		if right := t.children[i].grow(w); right != nil {
			t.unseek()
			t.children = slices.Insert(t.children, i+1, right)
			if len(t.children) > treeWidth {
				return t.splitInner(splitAt(i+1, treeWidth))
			}
			t.checkOrder(i + 1)
		}
		t.checkOrder(i)
	}
	t.size++
	t.end = later(t.end, r.To)
	if w.isBefore(&t.low) {
		t.low = *w
	}
	return nil
}

// checkOrder restores T5 after the end of what is i-th directly below t has
// changed.
func (t *claimTree) checkOrder(i int) {
	n, end := t.len(), t.endAt(i)
	t.ordered = t.ordered && (i == 0 || t.endAt(i-1).Compare(end) <= 0) && (i+1 == n || end.Compare(t.endAt(i+1)) <= 0)
}

// splitAt returns where to split a node of width+1 elements of which the
// i-th is new: in the middle, unless it was appended, so that claims added in
// ascending order leave full nodes behind.
func splitAt(i, width int) int {
	if i == width {
		return width
	}
	return width / 2
}

func (t *claimTree) splitLeaf(at int) *claimTree {
	right := newLeaf(slices.Clone(t.claims[at:]))
	t.claims = slices.Clone(t.claims[:at])
	t.refresh()
	return right
}

func (t *claimTree) splitInner(at int) *claimTree {
	right := newInner(slices.Clone(t.children[at:]))
	t.children = slices.Clone(t.children[:at])
	t.refresh()
	return right
}

// remove takes w away, which must be there, and returns the new root. O(log n).
func (t *claimTree) remove(w *storedClaim) *claimTree {
	t.shrink(w)
	for len(t.children) == 1 {
		t = t.children[0]
	}
	if t.size == 0 {
		return nil
	}
	return t
}

func (t *claimTree) shrink(w *storedClaim) {
	r, node := w.bounds(), w.node.name
	if t.isLeaf() {
		i := t.search(&r, node)
		t.claims = slices.Delete(t.claims, i, i+1)
	} else {
		i := t.childOf(&r, node)
		t.children[i].shrink(w)
		if t.children[i].size == 0 {
			t.children = slices.Delete(t.children, i, i+1)
		}
		t.join(i)
		t.join(i - 1)
	}
	t.refresh()
}

// join makes one child of the i-th and the next if there are such and they fit
// into half a node: removals leave few sparse nodes behind, and the insertions
// that follow do not split again at once.
func (t *claimTree) join(i int) {
	if i < 0 || i+1 >= len(t.children) {
		return
	}
	a, b := t.children[i], t.children[i+1]
	if a.len()+b.len() > treeWidth/2 {
		return
	}
	a.claims = append(a.claims, b.claims...)
	a.children = append(a.children, b.children...)
	a.refresh()
	t.children = slices.Delete(t.children, i+1, i+2)
}
