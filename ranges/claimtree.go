package ranges

import (
	"fmt"
	"sort"
)

// treeWidth is the largest number of claims in a leaf and of children in an
// inner node. Wide enough that the tree of 1e6 claims has four levels and
// little overhead, narrow enough that scanning a node costs about as much as
// reaching it.
const treeWidth = 64

// claimTree holds the claims of a keyspace in Claim order and finds those that
// overlap a range: a B-tree whose nodes know the largest end below them, that
// is an interval tree (Cormen et al., Introduction to Algorithms, 14.3) with
// wide nodes. The nil tree is empty.
//
//	T1  claims are strictly ascending over the whole tree
//	T2  low is the first claim below a node (its range and node name; not its
//	    priority, which changes in place), end the largest To below it
//	T3  a leaf has 1…treeWidth claims, an inner node 1…treeWidth children, and
//	    all leaves are equally deep
//	T4  size is the number of claims below a node
//	T5  where ordered, what is directly below a node ends in the order in which
//	    it starts, as claims side by side do, and replicas of them
//	T6  the ladder, where there is one, is that of the starts of what is directly
//	    below a node
type claimTree struct {
	ladder
	claims   []storedClaim // of a leaf
	children []*claimTree  // of an inner node
	// sought counts, up to worthLadder, how often something was sought here since
	// the ladder was lost.
	sought  uint8
	ordered bool
	low     storedClaim
	end     End
	size    int
}

func newLeaf(claims []storedClaim) *claimTree {
	t := &claimTree{claims: claims}
	t.refresh()
	return t
}

func newInner(children []*claimTree) *claimTree {
	t := &claimTree{children: children}
	t.refresh()
	return t
}

func (t *claimTree) isLeaf() bool { return len(t.children) == 0 }

// refresh restores T2, T4, T5 and T6 after what is directly below has changed.
func (t *claimTree) refresh() {
	t.unseek()
	t.end, t.size, t.ordered = End{}, 0, true
	if t.isLeaf() {
		t.size = len(t.claims)
		for i := range t.claims {
			t.extend(t.claims[i].end())
		}
		if t.size > 0 {
			t.low = t.claims[0]
		}
		return
	}
	t.low = t.children[0].low
	for _, c := range t.children {
		t.extend(c.end)
		t.size += c.size
	}
}

// extend takes into account that the next below t ends at end.
func (t *claimTree) extend(end End) {
	if end.Compare(t.end) < 0 {
		t.ordered = false
	} else {
		t.end = end
	}
}

func later(a, b End) End {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// find returns the stored claim of node on r, nil if there is none. It stays valid
// until the next insert or remove. O(log n).
func (t *claimTree) find(r *Range, node string) *storedClaim {
	if t == nil {
		return nil
	}
	for t.seek(); !t.isLeaf(); t.seek() {
		t = t.children[t.childOf(r, node)]
	}
	return t.findHere(r, node)
}

// findHere is find in a leaf.
func (t *claimTree) findHere(r *Range, node string) *storedClaim {
	if i := t.search(r, node); i < len(t.claims) && t.claims[i].compare(r, node) == 0 {
		return &t.claims[i]
	}
	return nil
}

// search returns where a leaf has the claim of node on r, or would have it.
func (t *claimTree) search(r *Range, node string) int {
	low, high := t.between(r, node)
	return low + sort.Search(high-low, func(i int) bool { return t.claims[low+i].compare(r, node) >= 0 })
}

// childOf returns the child of an inner node that the claim of node on r belongs
// into.
func (t *claimTree) childOf(r *Range, node string) int {
	low, high := t.between(r, node)
	after := low + sort.Search(high-low, func(i int) bool { return t.children[low+i].low.compare(r, node) > 0 })
	return max(0, after-1)
}

// endAt returns where what is i-th directly below t ends.
func (t *claimTree) endAt(i int) End {
	if t.isLeaf() {
		return t.claims[i].end()
	}
	return t.children[i].end
}

// lowAt returns the i-th claim of a leaf, or the first below the i-th child.
func (t *claimTree) lowAt(i int) *storedClaim {
	if t.isLeaf() {
		return &t.claims[i]
	}
	return &t.children[i].low
}

// len returns how much is directly below t.
func (t *claimTree) len() int { return len(t.claims) + len(t.children) }

// reaching returns the first directly below t that may reach beyond key.
func (t *claimTree) reaching(key string) int {
	if !t.ordered {
		return 0
	}
	return sort.Search(t.len(), func(i int) bool { return t.endAt(i).After(key) })
}

// overlapping calls yield for the claims that have a key in r, ascending,
// until it returns false. O(log n + k·treeWidth) for k claims, O(log n + k) if
// nodes are ordered.
func (t *claimTree) overlapping(r Range, yield func(*storedClaim) bool) bool {
	if t == nil {
		return true
	}
	first := t.reaching(r.From)
	if t.isLeaf() {
		return overlappingOf(t.claims[first:], r, yield)
	}
	for _, c := range t.children[first:] {
		if !r.To.After(c.low.start()) {
			return true
		}
		if c.end.After(r.From) && !c.overlapping(r, yield) {
			return false
		}
	}
	return true
}

// overlappingOf is overlapping for the claims of a leaf.
func overlappingOf(claims []storedClaim, r Range, yield func(*storedClaim) bool) bool {
	for i := range claims {
		c := &claims[i]
		if !r.To.After(c.start()) {
			return true
		}
		if c.end().After(r.From) && !yield(c) {
			return false
		}
	}
	return true
}

// valid reports which of T1…T6 is violated, or nil.
func (t *claimTree) valid() error {
	if t == nil {
		return nil
	}
	var before *storedClaim
	_, err := t.validBelow(&before)
	return err
}

// validBelow returns the depth below t as well; before is the claim that
// precedes those below t, and afterwards the last of them.
func (t *claimTree) validBelow(before **storedClaim) (depth int, err error) {
	n := t.len()
	if n == 0 || n > treeWidth || len(t.claims) > 0 && len(t.children) > 0 {
		return 0, fmt.Errorf("T3: a node has %d claims and %d children", len(t.claims), len(t.children))
	}
	for i := range t.claims {
		if *before != nil && !(*before).isBefore(&t.claims[i]) {
			return 0, fmt.Errorf("T1: %v follows %v", t.claims[i].bounds(), (*before).bounds())
		}
		*before = &t.claims[i]
	}
	for i, c := range t.children {
		d, err := c.validBelow(before)
		if err != nil {
			return 0, err
		}
		if i > 0 && d+1 != depth {
			return 0, fmt.Errorf("T3: leaves at depths %d and %d", depth, d+1)
		}
		depth = d + 1
	}
	fresh := claimTree{claims: t.claims, children: t.children}
	fresh.refresh()
	if fresh.low.isBefore(&t.low) || t.low.isBefore(&fresh.low) || fresh.end != t.end || fresh.size != t.size {
		return 0, fmt.Errorf("T2, T4: a node says %v…%v, %d claims", t.low.bounds(), t.end, t.size)
	}
	if t.ordered && !fresh.ordered {
		return 0, fmt.Errorf("T5: a node from %v on is not ordered", t.low.bounds())
	}
	return depth, t.validLadder()
}
