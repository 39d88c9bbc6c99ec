package ranges

// blockSize is the number of server lists in a block. What changes most is a
// priority, that is one list: its block is copied then, 128 bytes, and the node that
// says where its blocks are. Smaller ones would make the node larger, which is copied
// too, and read by lookups first.
const blockSize = 16

// listBlock says where some server lists are. Those of a leaf are in blocks, which
// leaves share where they have the same; and where the blocks are is in the leaf
// itself, so that a lookup takes no more steps to a list than if they were one slice.
type listBlock [blockSize]*Server

// list returns the first server of the i-th list of a leaf.
func (n *tableNode) list(i int) *Server { return n.blocks[uint(i)/blockSize][uint(i)%blockSize] }

// ownBlock returns a block that may be written to: a copy if need be, or a new one.
func (n *tableNode) ownBlock(b int) *listBlock {
	if n.ownedBlocks&(1<<b) == 0 {
		block := new(listBlock)
		if n.blocks[b] != nil {
			*block = *n.blocks[b]
		}
		n.blocks[b], n.ownedBlocks = block, n.ownedBlocks|1<<b
	}
	return n.blocks[b]
}

func (n *tableNode) setList(i int, list *Server) { n.ownBlock(i / blockSize)[i%blockSize] = list }

// insertList makes list the i-th of a leaf, one more than it had. The last one of
// every block from there on moves to the next.
func (n *tableNode) insertList(i int, list *Server) {
	for b := i / blockSize; b*blockSize <= int(n.size); b++ {
		block, at := n.ownBlock(b), i%blockSize
		last := block[blockSize-1]
		copy(block[at+1:], block[at:])
		block[at], list, i = list, last, 0
	}
	n.size++
}

// deleteList removes the i-th list of a leaf. The first one of every block after it
// moves to the one before.
func (n *tableNode) deleteList(i int) {
	var moved *Server
	for b := (int(n.size) - 1) / blockSize; b >= i/blockSize; b-- {
		block, at := n.ownBlock(b), max(0, i-b*blockSize)
		first := block[at]
		copy(block[at:], block[at+1:])
		block[blockSize-1], moved = moved, first
	}
	n.cutLists(int(n.size) - 1)
}

// cutLists leaves the first lists of a leaf, which is one even without any.
func (n *tableNode) cutLists(size int) {
	end := max(1, (size+blockSize-1)/blockSize)
	for b := end; b < len(n.blocks); b++ {
		n.blocks[b], n.ownedBlocks = nil, n.ownedBlocks&^(1<<b)
	}
	if rest := size - (end-1)*blockSize; rest < blockSize {
		clear(n.ownBlock(end - 1)[rest:])
	}
	n.size = uint32(size)
}

// appendLists adds the lists of another leaf, from the i-th on.
func (n *tableNode) appendLists(other *tableNode, i int) {
	for ; i < int(other.size); i++ {
		n.insertList(int(n.size), other.list(i))
	}
}

// validBlocks reports whether the blocks of n have lists of that number, and nothing
// else.
func (n *tableNode) validBlocks(lists int) bool {
	for i := range len(n.blocks) * blockSize {
		block := n.blocks[i/blockSize]
		if i >= lists && block != nil && (i%blockSize == 0 || block[i%blockSize] != nil) || i < lists && block == nil {
			return false
		}
	}
	return true
}
