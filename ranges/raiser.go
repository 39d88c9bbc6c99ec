package ranges

import (
	"slices"
	"unsafe"
)

// raiser makes a new table of an old one in which claims have higher priorities. It
// looks at no other claims, and moves no boundary:
//
// Say the table lists a node with priority m at a key of a claim of it that is raised
// to p. Of the node's claims there m was the largest, and since then nothing has
// happened to them but raises. So with this one it is max(m, p), whatever the other
// claims are, and whichever raise comes first. (After a change to a lower priority it
// may be that of another claim, which the table does not tell.)
//
// What cannot be done so is left to a sweep:
//
//	Q1  a subrange starts where the claim does, and one where it ends. It need not be
//	    so: another claim of the node may have the same priority beyond the bound, or
//	    a higher one on both sides of it
//	Q2  neighbours stay different (R2). Their lists may become equal, as those with
//	    the other claims of the node have been raised before
//	Q3  lists keep their lengths, so starts and ladders are as they were: what is
//	    being made can be searched like any table
type raiser struct {
	table *Table // what is being made
	lists *serverLists
	epoch uint64
	after [][]Server // of the subranges of a claim
	list  []Server   // one of them, as it is made
}

// raisedSubrangesMax bounds the subranges of a claim that is raised without a
// sweep, as they are derived before anything is written.
const raisedSubrangesMax = 16

// begin prepares for raises of claims in a table.
func (r *raiser) begin(old *Table, epoch uint64) {
	r.table, r.epoch = &Table{common: old.common, root: old.root}, epoch
}

// raiseAll raises claims, and tells of those that it could not raise.
func (r *raiser) raiseAll(claims []storedClaim, couldNot func(*storedClaim)) {
	var group [lockstep]raiseSearch
	for len(claims) > 0 {
		n := min(lockstep, len(claims))
		for i := range n {
			group[i] = raiseSearch{of: &claims[i]}
		}
		r.table.findAll(group[:n])
		for i := range n {
			if !r.raise(&group[i]) {
				couldNot(&claims[i])
			}
		}
		claims = claims[n:]
	}
}

// raise gives the subranges of a claim the lists that they have after its raise,
// and reports whether it could. O(log n).
func (r *raiser) raise(s *raiseSearch) bool {
	first, ok := s.place(r.table)
	if !ok || !r.derive(first, s.of) {
		return false
	}
	leaf := r.own(s)
	for i, servers := range r.after {
		leaf.setList(first.i+i, unsafe.SliceData(servers))
	}
	return true
}

// derive notes the lists after a raise of the subranges from p on, where the claim
// starts. It reports whether one of them ends where the claim does (Q1), neighbours stay
// different (Q2), and they are few and in one leaf.
func (r *raiser) derive(p place, c *storedClaim) bool {
	var before []Server
	isFirst, to := c.from == 0, c.end()
	if !isFirst {
		before = r.table.preceding(p).servers()
	}
	r.after = r.after[:0]
	for range raisedSubrangesMax {
		servers, ok := r.raised(p.servers(), c)
		if !ok || !isFirst && slices.Equal(before, servers) {
			return false
		}
		r.after = append(r.after, servers)
		end := p.end()
		switch {
		case end == to:
			return end.Unbounded || !slices.Equal(servers, r.table.after(p).servers())
		case end.Compare(to) > 0 || p.i+1 == len(p.leaf.starts):
			return false
		}
		before, isFirst, p.i = servers, false, p.i+1
	}
	return false
}

// raised returns what a list becomes by the raise of a claim on its keys. It is false
// if the node is not in it, as where the claim is new and yet to be swept.
func (r *raiser) raised(servers []Server, c *storedClaim) ([]Server, bool) {
	i := slices.IndexFunc(servers, func(s Server) bool { return s.Node == c.node.name })
	if i < 0 || servers[i].Priority >= c.priority {
		return servers, i >= 0
	}
	r.list = append(r.list[:0], servers...)
	raised := Server{Node: servers[i].Node, Priority: c.priority}
	for ; i > 0 && raised.Compare(r.list[i-1]) < 0; i-- {
		r.list[i] = r.list[i-1]
	}
	r.list[i] = raised
	return r.lists.share(r.list), true
}

// own returns the leaf that was found, which may be written to as all on the path to
// it may.
func (r *raiser) own(s *raiseSearch) *tableNode {
	n := r.ownNode(&r.table.root)
	for _, i := range s.path[:s.depth] {
		n = r.ownNode(&n.children[i])
	}
	return n
}

func (r *raiser) ownNode(at **tableNode) *tableNode {
	if (*at).epoch != r.epoch {
		*at = (*at).copy(r.epoch)
	}
	return *at
}

// end returns what was made.
func (r *raiser) end() *Table {
	t := r.table
	r.table = nil
	clear(r.after)
	clear(r.list)
	return t
}
