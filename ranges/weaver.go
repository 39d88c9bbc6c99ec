package ranges

import "slices"

// tableWidth is the largest number of subranges in a leaf and of children in an
// inner node of a table. A change copies a pointer for each child of one inner node
// of every level, two at 1e6 subranges, 2 KiB together, and a block of lists in a leaf;
// where boundaries change, the starts and the ladder of the leaf too, 3 KiB more. Such
// a copy has roomForNarrow, and the allocator adds a word: together 128, or the next
// size up would be taken, an eighth larger. Tests use smaller widths.
const tableWidth = 128 - roomForNarrow - 1

// weaver makes a new table of an old one, range by range. It copies the nodes
// on the way to what changes, once each, and writes to the copies (as in the
// shadowing B-trees of Rodeh, 2008). The ranges must ascend and not touch each
// other:
//
//	begin → emit → … → emit → end      for every range
//	seal                               once
//
//	W1  a node whose epoch is that of the weaver is in no table yet, nor are
//	    its starts if it is owned, and its ownedBlocks; all others are only read
//	W2  before ahead the new tree has the new boundaries, from ahead on those
//	    of old
//	W3  before is the list of the last start before ahead; none if !hasBefore
//	W4  at is the last subrange of old that starts before ahead, where it ends;
//	    none if ahead is the beginning of the key space
type weaver struct {
	old       *Table
	root      *tableNode
	lists     *serverLists
	width     int
	epoch     uint64
	fresh     []*tableNode // the nodes of this epoch
	before    []Server
	hasBefore bool
	ahead     End
	at        place
}

// begin prepares for new subranges from key on.
func (w *weaver) begin(key string) {
	w.before, w.hasBefore, w.ahead = nil, false, Before(key)
	if key != "" {
		w.at = w.old.before(key)
		w.before, w.hasBefore, w.ahead = w.at.servers(), true, w.at.end()
	}
}

// emit begins a subrange at from, unless the one before has the same servers. It
// does not keep the list.
func (w *weaver) emit(from string, servers []Server) {
	w.dropUntil(Before(from))
	if w.hasBefore && slices.Equal(w.before, servers) {
		return // and a boundary that old has here is dropped with the next ones
	}
	w.before, w.hasBefore = w.lists.share(servers), true
	w.put(from, w.before)
	if w.ahead == Before(from) {
		w.advance()
	}
}

// end goes back to the subranges of old at the end of the new ones.
func (w *weaver) end(end End) {
	w.dropUntil(end)
	switch {
	case end.Unbounded:
	case w.ahead != end && !slices.Equal(w.before, w.at.servers()):
		w.put(end.Key, w.at.servers())
	case w.ahead == end && slices.Equal(w.before, w.old.after(w.at).servers()):
		w.drop(end.Key)
	}
}

// dropUntil removes the boundaries of old before end.
func (w *weaver) dropUntil(end End) {
	for w.ahead.Compare(end) < 0 {
		w.drop(w.ahead.Key)
		w.advance()
	}
}

// advance goes to the next boundary of old.
func (w *weaver) advance() {
	if w.ahead.Key == "" {
		w.at = w.old.locate("")
	} else {
		w.at = w.old.after(w.at)
	}
	w.ahead = w.at.end()
}

// seal makes what was written ready to be read, and returns it.
func (w *weaver) seal() *Table {
	t := &Table{root: w.root}
	if t.root.size > 1 {
		t.common = commonPrefix(t.root.edges())
	}
	for _, n := range w.fresh {
		n.seal(len(t.common))
	}
	return t
}

// seal makes the ladder of n new if need be and gives spare memory back.
func (n *tableNode) seal(known int) {
	n.starts, n.children = trim(n.starts), trim(n.children)
	if n.stale && len(n.starts) > 0 {
		n.ladder = newLadder(n.starts, known)
	}
	n.owned, n.stale = false, false
}

// trim returns s, or a copy of it if it has much room to spare.
func trim[T any](s []T) []T {
	if hasRoom(s) {
		return slices.Clone(s)
	}
	return s
}

// hasRoom reports whether s has much room to spare: more than the allocator
// rounds up to.
func hasRoom[T any](s []T) bool { return cap(s) > len(s)+len(s)/4+8 }
