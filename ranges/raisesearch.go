package ranges

import "strings"

// raiseSearch is one of many searches for where in a table a claim starts.
type raiseSearch struct {
	of *storedClaim
	// path leads to the leaf, and next is where that ends, if not beyond every key.
	// Both stay right while claims are raised (Q3); leaf does not, of which a copy may
	// be made then.
	path  [raiseDepthMax]uint8
	depth int
	next  *tableNode
	leaf  *tableNode // nil if it was not sought
	ahead lookAhead
	start string
	lists [3]*Server
}

// raiseDepthMax is how many inner nodes may be above a leaf in which claims are raised.
// In deeper tables, which none of less than 5e8 subranges is, they are swept.
const raiseDepthMax = 5

// findAll goes to the leaves where claims start, in lockstep, and reads ahead there.
func (t *Table) findAll(searches []raiseSearch) {
	depth := t.depth()
	if depth > raiseDepthMax {
		return
	}
	for i := range searches {
		searches[i].descend(t, depth)
	}
	for i := range searches {
		searches[i].aim()
	}
	for i := range searches {
		searches[i].step()
	}
	for i := range searches {
		searches[i].arrive()
	}
	for i := range searches {
		searches[i].read()
	}
}

// depth returns how many inner nodes are above each leaf.
func (t *Table) depth() int {
	depth := 0
	for n := t.root; !n.isLeaf(); n = n.children[0] {
		depth++
	}
	return depth
}

// descend goes to the leaf of the last start that is not after that of the claim. It
// does not read there.
func (s *raiseSearch) descend(t *Table, depth int) {
	key, known := s.of.start(), len(t.common)
	if !strings.HasPrefix(key, t.common) {
		return
	}
	rung, n := rungOf(key[known:]), t.root
	for s.depth = range depth {
		i := n.locate(key, known, rung)
		if i+1 < len(n.children) {
			s.next = n.children[i+1]
		}
		n, s.path[s.depth] = n.children[i], uint8(i)
	}
	s.leaf, s.depth = n, depth
}

// place returns where t has the subrange that starts with the claim, if one does.
func (s *raiseSearch) place(t *Table) (place, bool) {
	if s.leaf == nil {
		return place{}, false
	}
	p := place{leaf: t.root, next: s.next}
	for _, i := range s.path[:s.depth] {
		p.leaf = p.leaf.children[i]
	}
	key, known := s.of.start(), len(t.common)
	p.i = p.leaf.locate(key, known, rungOf(key[known:]))
	return p, p.start() == key
}

// aim, and what follows, read ahead, each where the one before has found that to be.
func (s *raiseSearch) aim() {
	if s.leaf != nil {
		s.ahead.aim(&s.leaf.ladder, s.of.start())
		s.ahead.read = uint64(s.leaf.ownedBlocks) // far behind the ladder
	}
}

func (s *raiseSearch) step() {
	if s.leaf != nil {
		s.ahead.step(&s.leaf.ladder)
	}
}

func (s *raiseSearch) arrive() {
	if s.leaf == nil {
		return
	}
	s.ahead.arrive(&s.leaf.ladder)
	at, last := s.ahead.at, len(s.leaf.starts)-1
	s.start = s.leaf.start(at)
	s.lists = [3]*Server{s.leaf.list(max(at-1, 0)), s.leaf.list(at), s.leaf.list(min(at+1, last))}
}

func (s *raiseSearch) read() {
	if s.start != "" {
		s.ahead.read = uint64(s.start[0])
	}
	for _, list := range s.lists {
		if list != nil {
			s.ahead.read = uint64(list.Priority)
		}
	}
}
