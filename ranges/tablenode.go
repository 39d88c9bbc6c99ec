package ranges

import (
	"fmt"
	"slices"
	"strings"
)

// tableNode is a node of the B-tree that a table is. Tables share the nodes
// that did not change between them, so a node is never written to after the
// table it was made for is out (see weaver).
//
//	N1  an inner node has a child for every entry, which says where it starts;
//	    there is at least one entry, and at most the width of the weaver; all
//	    leaves are equally deep
//	N2  starts ascend strictly over all leaves
//	N3  size is the number of entries in the leaves
//	N4  the ladder is that of the entries
//	N5  there is little room to spare
type tableNode struct {
	ladder
	entries  []entry
	children []*tableNode // nil in a leaf
	size     int
	// epoch is the weaving that made the node and may write to it.
	epoch uint64
	// owned says, while weaving, that no other node has the same entries slice,
	// and stale that the ladder is not that of the entries yet.
	owned, stale bool
}

func (n *tableNode) isLeaf() bool { return n.children == nil }

// low returns the first start of n.
func (n *tableNode) low() string { return n.entries[0].start() }

// locate returns the last entry that does not start after key. The first one
// must not. The key begins with what all starts of the table have in common,
// its first known bytes; rung is the rung of the rest.
func (n *tableNode) locate(key string, known int, rung uint64) int {
	if len(n.common) != known {
		return n.locateRest(key, known)
	}
	i := n.lowerBound(rung)
	if i < len(n.rungs) && n.rungs[i] == rung {
		i = n.locateBetween(key, i, n.tied(i))
	}
	return i - 1
}

// locateRest is locate where the entries have more or less in common than the
// known bytes of the key.
func (n *tableNode) locateRest(key string, known int) int {
	if common := n.common; len(common) > known && !strings.HasPrefix(key, common) {
		if key < common {
			return 0
		}
		return len(n.entries) - 1
	}
	rung := rungOf(key[len(n.common):])
	i := n.lowerBound(rung)
	if i < len(n.rungs) && n.rungs[i] == rung {
		i = n.locateBetween(key, i, n.tied(i))
	}
	return i - 1
}

// locateBetween returns the first entry that starts after key, given bounds
// for it.
func (n *tableNode) locateBetween(key string, low, high int) int {
	for low < high {
		middle := int(uint(low+high) >> 1)
		if n.entries[middle].start() <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// locateUnsealed is locate for any key, and without the ladder where that is
// stale.
func (n *tableNode) locateUnsealed(key string) int {
	if n.stale {
		return n.locateBetween(key, 1, len(n.entries)) - 1
	}
	return n.locateRest(key, 0)
}

// leafBefore returns the leaf of the last entry that starts before key, which
// is the start of some node below n and not of n.
func (n *tableNode) leafBefore(key string) *tableNode {
	for !n.isLeaf() {
		i := n.locateUnsealed(key)
		if n.entries[i].start() == key {
			i--
		}
		n = n.children[i]
	}
	return n
}

// ascend calls yield for the entries of the leaves in order, beginning with
// the last that does not start after key, until it returns false.
func (n *tableNode) ascend(key string, yield func(*entry) bool) bool {
	at := n.locateUnsealed(key)
	for i := at; i < len(n.entries); i++ {
		if n.isLeaf() {
			if !yield(&n.entries[i]) {
				return false
			}
		} else if !n.children[i].ascend(key, yield) {
			return false
		}
	}
	return true
}

// edges returns the second and the last start below n; there are at least two.
func (n *tableNode) edges() (second, last string) {
	seen := 0
	n.ascend("", func(e *entry) bool {
		second, seen = e.start(), seen+1
		return seen < 2
	})
	for !n.isLeaf() {
		n = n.children[len(n.children)-1]
	}
	return second, n.entries[len(n.entries)-1].start()
}

// valid reports which of N1…N5 or R2 is violated, or nil. before is the entry
// that precedes those below n, and afterwards the last of them.
func (n *tableNode) valid(width int, before **entry) (depth int, err error) {
	if len(n.entries) == 0 || len(n.entries) > width || !n.isLeaf() && len(n.children) != len(n.entries) {
		return 0, fmt.Errorf("N1: a node has %d entries and %d children", len(n.entries), len(n.children))
	}
	size := 0
	for i := range n.entries {
		if n.isLeaf() {
			size++
			err = n.validEntry(&n.entries[i], before)
		} else {
			size += n.children[i].size
			err = n.validChild(i, width, &depth, before)
		}
		if err != nil {
			return 0, err
		}
	}
	if n.size != size || n.owned || n.stale {
		return 0, fmt.Errorf("N3: a node has %d entries and says %d; owned: %v, stale: %v", size, n.size, n.owned, n.stale)
	}
	if cap(n.entries) > roomMax(len(n.entries)) || cap(n.children) > roomMax(len(n.children)) {
		return 0, fmt.Errorf("N5: %d entries have room for %d, %d children for %d", len(n.entries), cap(n.entries), len(n.children), cap(n.children))
	}
	return depth, n.ladder.valid(n.entries)
}

func (n *tableNode) validEntry(e *entry, before **entry) error {
	last := *before
	*before = e
	switch {
	case last == nil:
	case last.start() >= e.start():
		return fmt.Errorf("N2: %q follows %q", e.start(), last.start())
	case slices.Equal(last.servers(), e.servers()):
		return fmt.Errorf("R2: %q has the servers of %q", e.start(), last.start())
	}
	return nil
}

func (n *tableNode) validChild(i, width int, depth *int, before **entry) error {
	child := n.children[i]
	below, err := child.valid(width, before)
	switch {
	case err != nil:
		return err
	case i > 0 && below+1 != *depth:
		return fmt.Errorf("N1: leaves at depths %d and %d", *depth, below+1)
	case child.low() != n.entries[i].start():
		return fmt.Errorf("N1: %q is said to start at %q", child.low(), n.entries[i].start())
	}
	*depth = below + 1
	return nil
}
