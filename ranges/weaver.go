package ranges

import "slices"

// tableWidth is the largest number of entries in a leaf and of children in an
// inner node of a table. A change copies one node of every level: three at 1e6
// subranges, together 6 KiB. Tests use smaller widths.
const tableWidth = 128

// weaver makes a new table of an old one, range by range. It copies the nodes
// on the way to what changes, once each, and writes to the copies (as in the
// shadowing B-trees of Rodeh, 2008). The ranges must ascend and not touch each
// other:
//
//	begin → emit → … → emit → end      for every range
//	seal                               once
//
//	W1  a node whose epoch is that of the weaver is in no table yet, nor are
//	    its entries if it is owned; all others are only read
//	W2  before ahead the new tree has the new boundaries, from ahead on those
//	    of old
//	W3  before is the list of the last entry before ahead; none if !hasBefore
type weaver struct {
	old       *Table
	root      *tableNode
	lists     *serverLists
	width     int
	epoch     uint64
	fresh     []*tableNode // the nodes of this epoch
	before    []Server
	hasBefore bool
	ahead     End // a boundary of old, or the end
}

// begin prepares for new subranges from key on.
func (w *weaver) begin(key string) {
	w.before, w.hasBefore = nil, key != ""
	if w.hasBefore {
		w.before = w.old.root.before(key).servers()
	}
	w.ahead = Before(key)
	if s := w.old.Lookup(key); s.Range.From != key {
		w.ahead = s.Range.To
	}
}

// emit begins an entry at from, unless the one before has the same servers. It
// does not keep the list.
func (w *weaver) emit(from string, servers []Server) {
	w.dropUntil(Before(from))
	if w.hasBefore && slices.Equal(w.before, servers) {
		return // and a boundary that old has here is dropped with the next ones
	}
	w.before, w.hasBefore = w.lists.share(servers), true
	w.put(newEntry(from, w.before))
	if w.ahead == Before(from) {
		w.advance()
	}
}

// end goes back to the subranges of old at the end of the new ones.
func (w *weaver) end(end End) {
	w.dropUntil(end)
	if end.Unbounded {
		return
	}
	after := w.old.Lookup(end.Key)
	switch {
	case slices.Equal(w.before, after.Servers):
		w.dropAt(end.Key)
	case after.Range.From != end.Key:
		w.put(newEntry(end.Key, after.Servers))
	}
}

// dropUntil removes the boundaries of old before end.
func (w *weaver) dropUntil(end End) {
	for w.ahead.Compare(end) < 0 {
		w.drop(w.ahead.Key)
		w.advance()
	}
}

// dropAt removes the boundary of old at key, if it is the one ahead.
func (w *weaver) dropAt(key string) {
	if w.ahead == Before(key) {
		w.drop(key)
		w.advance()
	}
}

// advance goes to the next boundary of old.
func (w *weaver) advance() { w.ahead = w.old.Lookup(w.ahead.Key).Range.To }

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
	n.entries, n.children = trim(n.entries), trim(n.children)
	if n.stale && len(n.entries) > 0 {
		n.ladder = newLadder(n.entries, known)
	}
	n.owned, n.stale = false, false
}

// trim returns s, or a copy of it if it has much room to spare.
func trim[T any](s []T) []T {
	if cap(s) > roomMax(len(s)) {
		return slices.Clone(s)
	}
	return s
}

// roomMax is the largest capacity for n elements that is left as it is: more
// than the allocator rounds up to.
func roomMax(n int) int {
	return n + n/4 + 8
}
