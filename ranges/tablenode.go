package ranges

import (
	"fmt"
	"strings"
	"unsafe"
)

// tableNode is a node of the B-tree that a table is. Tables share the nodes
// that did not change between them, so a node is never written to after the
// table it was made for is out (see weaver).
//
//	N1  an inner node has for every child its first start, a leaf a server
//	    list for every start, and no block beyond them; there is at least one
//	    start, and at most the width of the weaver; all leaves are equally deep
//	N2  starts ascend strictly over all leaves
//	N3  size is the number of starts in the leaves
//	N4  the ladder is that of the starts
//	N5  there is little room to spare
type tableNode struct {
	// blocks are those of a leaf, which has at least one. They come first, and what it
	// is searched by next, so that all of them is in the cache when the place is found.
	blocks [(tableWidth + blockSize) / blockSize]*listBlock
	ladder
	starts   []start
	children []*tableNode // of an inner node; nil in a leaf
	// epoch is the weaving, or the raising, that made the node and may write to it.
	epoch uint64
	// size has 32 bits as nodes are what changes copy most: they take 192 bytes, and the
	// allocator has 208 for any more.
	size uint32
	// While weaving: owned says that no other node has the same slice of starts, and
	// stale that the ladder is not that of the starts yet.
	owned, stale bool
	ownedBlocks  uint8 // a bit for each that no other node has
}

func (n *tableNode) isLeaf() bool { return n.blocks[0] != nil }

// low returns the first start of n.
func (n *tableNode) low() string { return n.start(0) }

func (n *tableNode) start(i int) string { return n.starts[i].key() }

// servers returns the i-th server list of a leaf.
func (n *tableNode) servers(i int) []Server {
	return unsafe.Slice(n.list(i), n.starts[i].servers)
}

// locate returns the last start that is not after key. The first one must not
// be. The key begins with what all starts of the table have in common, its first
// known bytes; rung is the rung of the rest.
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

// locateRest is locate where the starts have more or less in common than the
// known bytes of the key.
func (n *tableNode) locateRest(key string, known int) int {
	if common := n.common; len(common) > known && !strings.HasPrefix(key, common) {
		if key < common {
			return 0
		}
		return len(n.starts) - 1
	}
	rung := rungOf(key[len(n.common):])
	i := n.lowerBound(rung)
	if i < len(n.rungs) && n.rungs[i] == rung {
		i = n.locateBetween(key, i, n.tied(i))
	}
	return i - 1
}

// locateBetween returns the first start after key, given bounds for it.
func (n *tableNode) locateBetween(key string, low, high int) int {
	for low < high {
		middle := int(uint(low+high) >> 1)
		if n.start(middle) <= key {
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
		return n.locateBetween(key, 1, len(n.starts)) - 1
	}
	return n.locateRest(key, 0)
}

// leafBefore returns the leaf of the last start before key, which
// is the start of some node below n and not of n.
func (n *tableNode) leafBefore(key string) *tableNode {
	for !n.isLeaf() {
		i := n.locateUnsealed(key)
		if n.start(i) == key {
			i--
		}
		n = n.children[i]
	}
	return n
}

// ascend calls yield for the starts in the leaves and their servers, in order,
// beginning with the last start that is not after key, until it returns false.
func (n *tableNode) ascend(key string, yield func(start string, servers []Server) bool) bool {
	for i := n.locateUnsealed(key); i < len(n.starts); i++ {
		if n.isLeaf() {
			if !yield(n.start(i), n.servers(i)) {
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
	n.ascend("", func(start string, _ []Server) bool {
		second, seen = start, seen+1
		return seen < 2
	})
	for !n.isLeaf() {
		n = n.children[len(n.children)-1]
	}
	return second, n.start(len(n.starts) - 1)
}

// valid reports which of N1 and N3…N5 is violated, or nil; the table looks at N2.
func (n *tableNode) valid(width int) (depth int, err error) {
	size, lists := uint32(0), 0
	if n.isLeaf() {
		size, lists = uint32(len(n.starts)), len(n.starts)
	}
	if len(n.starts) == 0 || len(n.starts) > width || lists+len(n.children) != len(n.starts) || !n.validBlocks(lists) {
		return 0, fmt.Errorf("N1: a node has %d starts, %d children and the blocks %v", len(n.starts), len(n.children), n.blocks)
	}
	for i, child := range n.children {
		size += child.size
		if err := n.validChild(i, width, &depth); err != nil {
			return 0, err
		}
	}
	if n.size != size || n.owned || n.stale {
		return 0, fmt.Errorf("N3: a node has %d starts and says %d; owned: %v, stale: %v", size, n.size, n.owned, n.stale)
	}
	if hasRoom(n.starts) || hasRoom(n.children) {
		return 0, fmt.Errorf("N5: %d starts have room for %d, children for %d", len(n.starts), cap(n.starts), cap(n.children))
	}
	return depth, n.ladder.valid(n.starts)
}

func (n *tableNode) validChild(i, width int, depth *int) error {
	child := n.children[i]
	below, err := child.valid(width)
	switch {
	case err != nil:
		return err
	case i > 0 && below+1 != *depth:
		return fmt.Errorf("N1: leaves at depths %d and %d", *depth, below+1)
	case child.low() != n.start(i):
		return fmt.Errorf("N1: %q is said to start at %q", child.low(), n.start(i))
	}
	*depth = below + 1
	return nil
}
