package ranges

import (
	"slices"
	"strings"
	"unsafe"
)

// raiser makes a new table of an old one in which claims have got higher
// priorities. It looks at no other claims, and moves no boundary:
//
// Say a table lists a node with priority m at a key of the claim. That is the
// largest of its claims there. The claim is one of them and raised to p; others may
// have been raised, too, none is lower than it was or gone. So max(m, p) is the
// largest after this raise, whatever the others are and whichever raise comes first.
// (After one to a lower priority it may be that of another claim, which no table
// has.)
//
//	Q1  a subrange starts where the claim does, and one where it ends. That is not
//	    so where a claim of the same node hides the bound; then it is swept
//	Q2  no neighbours are made equal: where they would be, it is swept
//	Q3  lists keep their lengths. So starts are as they were, and what is being
//	    made can be searched like any table
type raiser struct {
	table *Table // what is being made
	lists *serverLists
	epoch uint64
	path  []int      // to the leaf where the claim starts
	after [][]Server // of the subranges of the claim
	list  []Server   // one of them, as it is made
}

// raisedSubrangesMax bounds the subranges of a claim that is raised without a
// sweep, which is not much slower with more of them.
const raisedSubrangesMax = 16

// begin prepares for raises of claims in a table.
func (r *raiser) begin(old *Table, epoch uint64) {
	r.table, r.epoch = &Table{common: old.common, root: old.root}, epoch
}

// raise gives the subranges of a claim the lists that they have after its raise,
// and reports whether it could. O(log n).
func (r *raiser) raise(c *storedClaim) bool {
	first, ok := r.find(c.start())
	if !ok || !r.derive(first, c) {
		return false
	}
	leaf := r.own()
	for i, servers := range r.after {
		leaf.setList(first.i+i, unsafe.SliceData(servers))
	}
	return true
}

// find returns the place of the subrange that starts at key, if one does, and
// notes the path there.
func (r *raiser) find(key string) (p place, ok bool) {
	known := len(r.table.common)
	if !strings.HasPrefix(key, r.table.common) {
		return place{}, false
	}
	rung := rungOf(key[known:])
	p.leaf, r.path = r.table.root, r.path[:0]
	for !p.leaf.isLeaf() {
		i := p.leaf.locate(key, known, rung)
		if i+1 < len(p.leaf.children) {
			p.next = p.leaf.children[i+1]
		}
		p.leaf, r.path = p.leaf.children[i], append(r.path, i)
	}
	p.i = p.leaf.locate(key, known, rung)
	return p, p.start() == key
}

// derive notes the lists of the subranges from p on after the raise. It reports
// whether the claim ends with one of them (Q1), neighbours stay different (Q2), and
// they are few and in one leaf.
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

// raised returns what a list becomes by the raise of a claim on its keys. It is
// false if the claim is not in it, being new.
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

// own returns the leaf at the end of the path, which may be written to as all on
// the path may.
func (r *raiser) own() *tableNode {
	n := r.ownNode(&r.table.root)
	for _, i := range r.path {
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
