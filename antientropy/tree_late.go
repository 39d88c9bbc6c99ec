package antientropy

import (
	"fmt"
	"slices"
	"sort"

	"github.com/scalesmall/ssnode/delta"
)

// Most versions of a tree are read by nobody: to copy a path of it for every block
// whose sum has changed would be for nothing. So a version lists these beside the
// nodes, which it shares, until that is much; then it makes nodes of its own. Only
// sums are late: where blocks begin and end, the nodes say (edit).
//
//	T4  The sum of a block is what its item has, and what late adds to it; of all
//	    blocks before one, as well. Late leads to items of the nodes it is of.

// lateSums are the blocks whose sums one version has changed, and what was late
// before.
type lateSums struct {
	// blocks ascend.
	blocks []lateSum
	before *lateSums
}

// lateSum says how much the sums of a block and of all before it in the list, taken
// together, have grown, modulo 2¹²⁸ and 2⁶⁴.
type lateSum struct {
	block *item
	upTo  delta.Fingerprint
}

// runWeight is how many late blocks a version weighs in itself: who reads looks into
// the list of each.
const runWeight = 8

// adjust adds to the sum of a block, which look has found. Of one version, blocks
// ascend.
func (t *tree) adjust(block *item, by delta.Fingerprint) {
	if t.isSettled() {
		t.add(block.from, by)
		return
	}
	if t.mine == nil {
		t.late = &lateSums{blocks: make([]lateSum, 0, t.expected), before: t.late}
		t.mine, t.weight = t.late, t.weight+runWeight
	}
	if n := len(t.mine.blocks); n > 0 {
		by = by.Plus(t.mine.blocks[n-1].upTo)
	}
	t.mine.blocks = append(t.mine.blocks, lateSum{block, by})
	if t.weight++; t.weight > t.weightMax {
		t.settle()
	}
}

// compact gives back room for blocks that have not changed: where changes lie side by
// side there were fewer than expected, and later versions keep the list.
func (t *tree) compact() {
	if t.mine != nil && cap(t.mine.blocks) > 2*len(t.mine.blocks) {
		t.mine.blocks = slices.Clone(t.mine.blocks)
	}
}

// settle makes what is late part of the nodes. From then on the version changes
// nodes of its own.
func (t *tree) settle() {
	t.edition = new(edition)
	for l := t.late; l != nil; l = l.before {
		var before delta.Fingerprint
		for _, x := range l.blocks {
			t.add(x.block.from, x.upTo.Minus(before))
			before = x.upTo
		}
	}
	t.late, t.mine, t.weight = nil, nil, 0
}

// add adds to the sum of a block, and of what is above, in nodes of this version.
func (t *tree) add(from delta.Key, by delta.Fingerprint) {
	t.root = t.own(t.root)
	for n := t.root; ; {
		x := &n.items[n.index(from)]
		x.sum = x.sum.Plus(by)
		if x.child == nil {
			return
		}
		x.child = t.own(x.child)
		n = x.child
	}
}

// addLate completes the sums of a block that was found, and of what is before it.
func (t *tree) addLate(w *where) {
	for l := t.late; l != nil; l = l.before {
		i := sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].block.from >= w.from })
		var below delta.Fingerprint
		if i > 0 {
			below = l.blocks[i-1].upTo
		}
		w.before = w.before.Plus(below)
		if i < len(l.blocks) && l.blocks[i].block == w.item {
			w.sum = w.sum.Plus(l.blocks[i].upTo.Minus(below))
		}
	}
}

// allSettled returns a tree of the same blocks of which nothing is late.
func (t tree) allSettled() tree {
	t.settle()
	return t
}

// validLate checks T4 as far as the tree can tell. O(late·log n).
func (t tree) validLate() error {
	for l := t.late; l != nil; l = l.before {
		for i, x := range l.blocks {
			if i > 0 && l.blocks[i-1].block.from >= x.block.from {
				return fmt.Errorf("T4: late block %q follows %q", x.block.from, l.blocks[i-1].block.from)
			}
			if t.look(x.block.from).item != x.block {
				return fmt.Errorf("T4: late block %q is of other nodes", x.block.from)
			}
		}
	}
	return nil
}
