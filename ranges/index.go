package ranges

import (
	"fmt"
	"iter"
	"slices"
)

// Index holds the claims of one keyspace and derives its routing table. It
// has one owner, who changes it and publishes the tables; the tables it
// returned stay as they are.
//
// A change costs O(log n) and is noted; Table then sweeps only the ranges that
// have changed since the last one, and of those on which nothing happened but that
// claims were given higher priorities not even these. So a narrow claim costs the
// subranges it covers and a copy of bounded size, whatever n is, and a batch costs
// little more than its largest change.
//
//	X1  outside the ranges in dirty, table is that of the claims as they were before
//	    the raises in raises, and nothing else has happened to claims there
//	X2  names has exactly the names of the claims, each with their number
type Index struct {
	keyspace string
	claims   *claimTree
	names    nodeNames
	table    *Table
	raises   []storedClaim // claims with the priorities they were raised to
	dirty    []Range
	lists    serverLists
	raiser   raiser
	sweeper  sweeper
	epoch    uint64 // of the last raiser or weaver
	width    int    // of table nodes
}

// NewIndex returns the index of a keyspace without claims.
func NewIndex(keyspace string) *Index {
	x := &Index{
		keyspace: keyspace,
		names:    nodeNames{},
		table:    emptyTable(),
		width:    tableWidth,
	}
	x.raiser.lists = &x.lists
	return x
}

// Keyspace returns the keyspace whose claims these are.
func (x *Index) Keyspace() string { return x.keyspace }

// Len returns the number of claims.
func (x *Index) Len() int {
	if x.claims == nil {
		return 0
	}
	return x.claims.size
}

// Set makes node serve r with the given priority, whatever it was before. It
// copies the bounds of a new claim, which may be parts of something larger. The
// range must not be empty and the priority be at least 1: the gate is
// Claim.Validate, and a violation here panics. Claims set in ascending order
// take the least time and memory.
func (x *Index) Set(r Range, node string, priority int64) {
	if r.IsEmpty() || priority < 1 {
		panic(fmt.Sprintf("ranges: claim of %q on %q…%q with priority %d set without validation", node, r.From, r.To.Key, priority))
	}
	if c := x.claims.find(&r, node); c != nil {
		x.prioritize(c, priority)
		return
	}
	c := newStoredClaim(r, x.names.take(node), priority)
	x.claims = x.claims.insert(&c)
	x.touch(c.bounds())
}

// SetAll sets n claims as Set does, one after the other, or removes those whose
// priority is 0. It takes less time than so many calls where most only change a
// priority. The keyspace of the claims is not looked at.
func (x *Index) SetAll(n int, claim func(i int) *Weighted) {
	var group [lockstep]claimSearch
	for first := 0; first < n; first += lockstep {
		some := group[:min(lockstep, n-first)]
		for i := range some {
			some[i] = claimSearch{of: claim(first + i)}
		}
		x.setGroup(some)
	}
}

func (x *Index) setGroup(group []claimSearch) {
	x.claims.findAll(group)
	moved := false // by a claim that has come or gone; what was found may be elsewhere
	for i := range group {
		switch w, found := group[i].of, group[i].found; {
		case w.Priority == 0:
			x.Remove(w.Range, w.Node)
			moved = true
		case moved || found == nil || w.Priority < 0:
			x.Set(w.Range, w.Node, w.Priority)
			moved = true
		default:
			x.prioritize(found, w.Priority)
		}
	}
}

// prioritize makes a claim have a priority, which is at least 1.
func (x *Index) prioritize(c *storedClaim, priority int64) {
	before := c.priority
	c.priority = priority
	switch {
	case before < priority:
		x.touchRaised(c)
	case before > priority:
		x.touch(c.bounds())
	}
}

// Remove takes the claim of node on exactly r away, if there is one.
func (x *Index) Remove(r Range, node string) {
	c := x.claims.find(&r, node)
	if c == nil {
		return
	}
	removed := *c
	x.claims = x.claims.remove(&removed)
	x.names.drop(removed.node)
	x.touch(removed.bounds())
}

// Get returns the priority of the claim of node on exactly r.
func (x *Index) Get(r Range, node string) (priority int64, ok bool) {
	c := x.claims.find(&r, node)
	if c == nil {
		return 0, false
	}
	return c.priority, true
}

// All iterates over the claims in Claim order. The index must not be changed
// meanwhile.
func (x *Index) All() iter.Seq[Weighted] { return x.Overlapping(Everything()) }

// Overlapping iterates over the claims that have a key in r, in Claim order.
// The index must not be changed meanwhile.
func (x *Index) Overlapping(r Range) iter.Seq[Weighted] {
	return func(yield func(Weighted) bool) {
		x.claims.overlapping(r, func(c *storedClaim) bool { return yield(x.weighted(c)) })
	}
}

func (x *Index) weighted(c *storedClaim) Weighted {
	return Weighted{
		Claim:    Claim{Keyspace: x.keyspace, Node: c.node.name, Range: c.bounds()},
		Priority: c.priority,
	}
}

// Covering returns the claims that have a key in r, in Claim order.
func (x *Index) Covering(r Range) []Weighted { return slices.Collect(x.Overlapping(r)) }

// dirtyMax is how many changed ranges are noted one by one; beyond it they
// are taken together. It exceeds what one commit can change.
const dirtyMax = 1 << 16

// touch notes that the servers of r may have changed. Claims that come in ascending order,
// as when they are loaded, make few ranges.
func (x *Index) touch(r Range) {
	if n := len(x.dirty); n > 0 && x.dirty[n-1].extend(r) {
		return
	}
	if len(x.dirty) == dirtyMax {
		x.dirty = []Range{hull(x.dirty)}
	}
	x.dirty = append(x.dirty, r)
}

// touchRaised notes that a claim has a higher priority than it had.
func (x *Index) touchRaised(c *storedClaim) {
	if len(x.raises) == dirtyMax {
		x.touch(c.bounds())
		return
	}
	x.raises = append(x.raises, *c)
}

// Table returns the routing table of the claims as they are now. It returns
// the same one as long as nothing changes.
func (x *Index) Table() *Table {
	if len(x.raises)+len(x.dirty) == 0 {
		return x.table
	}
	x.lists.resize(x.Len())
	if len(x.raises) > 0 {
		x.raise()
	}
	if len(x.dirty) > 0 {
		x.sweep()
	}
	x.forget()
	return x.table
}

// raise takes the raises into the table. What it could not raise becomes dirty. In ranges
// that are, the raises make some list or other, which the sweep does not look at.
func (x *Index) raise() {
	x.epoch++
	x.raiser.begin(x.table, x.epoch)
	x.raiser.raiseAll(x.raises, func(c *storedClaim) { x.touch(c.bounds()) })
	x.table = x.raiser.end()
}

// sweep makes the table of the claims on the ranges in dirty.
func (x *Index) sweep() {
	x.epoch++
	changed := merge(x.dirty)
	w := weaver{
		old: x.table, root: x.table.root, lists: &x.lists, width: x.width, epoch: x.epoch,
		fresh: make([]*tableNode, 0, 2*len(changed)),
	}
	x.sweeper.emit = w.emit
	for _, r := range changed {
		w.begin(r.From)
		x.sweeper.sweep(x.claims, r)
		w.end(r.To)
	}
	x.table, x.sweeper.emit = w.seal(), nil
}

// forget takes note that nothing has changed.
func (x *Index) forget() { x.raises, x.dirty = emptied(x.raises), emptied(x.dirty) }

// emptied returns s without elements, and with the memory that batches need.
func emptied[T any](s []T) []T {
	const kept = 256
	if cap(s) > kept {
		return nil
	}
	clear(s)
	return s[:0]
}

// merge returns the ranges that together have the same keys, ascending, none
// of them touching another. It sorts its argument.
func merge(list []Range) []Range {
	slices.SortFunc(list, Range.Compare)
	out := list[:1]
	for _, r := range list[1:] {
		if !out[len(out)-1].extend(r) {
			out = append(out, r)
		}
	}
	return out
}

// extend makes r have the keys of other too, and reports true, if other starts in r or
// where it ends.
func (r *Range) extend(other Range) bool {
	if other.From < r.From || r.To.Compare(Before(other.From)) < 0 {
		return false
	}
	r.To = later(r.To, other.To)
	return true
}

// hull returns the smallest range that covers all of a list that is not empty.
func hull(list []Range) Range {
	out := list[0]
	for _, r := range list[1:] {
		out.From, out.To = min(out.From, r.From), later(out.To, r.To)
	}
	return out
}

// valid reports which invariant is violated, or nil. X1 it takes on trust.
func (x *Index) valid() error {
	counts := map[string]int{}
	for w := range x.All() {
		counts[w.Node]++
	}
	for name, entry := range x.names {
		if entry.claims != counts[name] || len(entry.within) != 0 {
			return fmt.Errorf("X2: %q has %d claims, not %d; within %d", name, counts[name], entry.claims, len(entry.within))
		}
	}
	if len(counts) != len(x.names) {
		return fmt.Errorf("X2: %d names, not %d", len(counts), len(x.names))
	}
	if err := x.claims.valid(); err != nil {
		return err
	}
	return x.table.valid(x.width)
}
