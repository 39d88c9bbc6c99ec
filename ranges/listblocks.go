package ranges

// blockSize is the number of server lists in a block. What changes most is a
// priority, that is one list: its block is copied then, 128 bytes, and the node
// with where its blocks are. Smaller ones would make the node larger, and a lookup
// reads that first.
const blockSize = 16

// listBlock says of some server lists where the first server is.
type listBlock [blockSize]*Server

// listBlocks are the server lists of a leaf, whose number the leaf knows. They are
// in blocks, which leaves share where they have the same. Where the blocks are is
// in the node itself, so that a lookup takes no more steps to a list than if there
// were one slice of them.
//
//	B1  the i-th list is in the block i/blockSize, where i is less than their
//	    number; there are no other blocks, and nil is all else in these
//	B2  a block is written to only if it is owned: by no other leaf
type listBlocks struct {
	blocks [(tableWidth + blockSize) / blockSize]*listBlock
	owned  uint8 // a bit for each
}

func (l *listBlocks) at(i int) *Server { return l.blocks[uint(i)/blockSize][uint(i)%blockSize] }

// shared says that another leaf has the same blocks from now on.
func (l *listBlocks) shared() { l.owned = 0 }

// own returns a block that may be written to: it is copied if need be, or made.
func (l *listBlocks) own(b int) *listBlock {
	if l.owned&(1<<b) == 0 {
		block := new(listBlock)
		if l.blocks[b] != nil {
			*block = *l.blocks[b]
		}
		l.blocks[b], l.owned = block, l.owned|1<<b
	}
	return l.blocks[b]
}

// set replaces the i-th list.
func (l *listBlocks) set(i int, list *Server) { l.own(i / blockSize)[i%blockSize] = list }

// insert makes a list the i-th of n, which become n+1. The last one of every block
// from there on moves to the next.
func (l *listBlocks) insert(n, i int, list *Server) {
	for b := i / blockSize; b*blockSize <= n; b++ {
		block, at := l.own(b), i%blockSize
		last := block[blockSize-1]
		copy(block[at+1:], block[at:])
		block[at], list, i = list, last, 0
	}
}

// delete removes the i-th of n lists. The first one of every block after it moves
// to the one before.
func (l *listBlocks) delete(n, i int) {
	var moved *Server
	for b := (n - 1) / blockSize; b >= i/blockSize; b-- {
		block, at := l.own(b), max(0, i-b*blockSize)
		first := block[at]
		copy(block[at:], block[at+1:])
		block[blockSize-1], moved = moved, first
	}
	l.cut(n - 1)
}

// cut leaves the first n lists.
func (l *listBlocks) cut(n int) {
	end := (n + blockSize - 1) / blockSize
	for b := end; b < len(l.blocks); b++ {
		l.blocks[b], l.owned = nil, l.owned&^(1<<b)
	}
	if rest := n % blockSize; rest != 0 {
		clear(l.own(end - 1)[rest:])
	}
}

// append adds some lists of another leaf to n lists.
func (l *listBlocks) append(n int, other *listBlocks, from, to int) {
	for i := from; i < to; i++ {
		l.insert(n, n, other.at(i))
		n++
	}
}

// has reports whether B1 holds of n lists.
func (l *listBlocks) has(n int) bool {
	for i := range len(l.blocks) * blockSize {
		block := l.blocks[i/blockSize]
		if i >= n && block != nil && (i%blockSize == 0 || block[i%blockSize] != nil) || i < n && block == nil {
			return false
		}
	}
	return true
}
