package ranges

import "slices"

// sweeper derives the subranges of a range from the claims that overlap it,
// given in Claim order. It is Sweep for part of the key space, with heaps in
// place of scans: O(n·log n) for n claims, plus the lengths of the server
// lists.
//
// At any time current is the server list of the keys from position on, up to
// the next claim that begins or ends.
type sweeper struct {
	position string
	current  []Server
	ends     heap[withinEnd]
	// emit takes the server list of the keys from from on. Neighbours may have
	// equal lists. It must not keep the list.
	emit func(from string, servers []Server)
}

// withinEnd says at which key a sweep leaves a claim of node.
type withinEnd struct {
	to   End
	node *nodeName
}

func (w withinEnd) before(other withinEnd) bool { return w.to.Compare(other.to) < 0 }

// sweep emits the server lists of r, given the claims of the tree.
func (s *sweeper) sweep(t *claimTree, r Range) {
	s.position = r.From
	t.overlapping(r, func(c *storedClaim) bool {
		s.leaveUntil(c.start())
		s.moveTo(c.start())
		s.enter(c)
		return true
	})
	s.leaveAll(r.To)
}

// moveTo emits what was current up to key and goes on from there.
func (s *sweeper) moveTo(key string) {
	if s.position < key {
		s.emit(s.position, s.current)
		s.position = key
	}
}

// leaveUntil leaves every claim that ends at key or before it.
func (s *sweeper) leaveUntil(key string) {
	for len(s.ends) > 0 && !s.ends.top().to.After(key) {
		s.leaveOne()
	}
}

// leaveAll leaves every claim, and emits up to the bound of the sweep, end.
func (s *sweeper) leaveAll(end End) {
	for len(s.ends) > 0 && s.ends.top().to.Compare(end) < 0 {
		s.leaveOne()
	}
	s.emit(s.position, s.current)
	for _, e := range s.ends {
		clear(e.node.within)
		e.node.within = e.node.within[:0]
	}
	clear(s.ends)
	s.ends, s.current = s.ends[:0], s.current[:0]
}

// leaveOne moves to the next end and leaves the claim that ends there.
func (s *sweeper) leaveOne() {
	e := s.ends.pop()
	s.moveTo(e.to.Key)
	within := &e.node.within
	before := priorityOf(*within)
	for len(*within) > 0 && within.top().to.Compare(e.to) <= 0 {
		within.pop()
	}
	s.change(e.node.name, before, priorityOf(*within))
}

// enter goes into a claim that begins at the position or before it.
func (s *sweeper) enter(c *storedClaim) {
	before, to := priorityOf(c.node.within), c.end()
	c.node.within.push(withinClaim{priority: c.priority, to: to})
	s.ends.push(withinEnd{to: to, node: c.node})
	s.change(c.node.name, before, priorityOf(c.node.within))
}

// priorityOf returns the priority of a node within these claims, 0 if there
// are none: no claim has that.
func priorityOf(within heap[withinClaim]) int64 {
	if len(within) == 0 {
		return 0
	}
	return within.top().priority
}

// change moves node to where its new priority belongs in the current list.
func (s *sweeper) change(node string, before, after int64) {
	if before == after {
		return
	}
	if i, ok := s.find(Server{node, before}); ok {
		s.current = slices.Delete(s.current, i, i+1)
	}
	if after != 0 {
		i, _ := s.find(Server{node, after})
		s.current = slices.Insert(s.current, i, Server{node, after})
	}
}

func (s *sweeper) find(server Server) (int, bool) {
	return slices.BinarySearchFunc(s.current, server, Server.Compare)
}
