package ranges

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unsafe"
)

// Table is the routing table of one keyspace: its subranges, ready to be
// looked up. It is immutable, so any number of readers may use it while the
// writer derives the next one, which shares with it what did not change. The
// zero Table has no claims.
//
//	R1  the first entry starts at "", and starts ascend strictly
//	R2  neighbouring entries have different server lists
//	R3  every start but the first begins with common
//
// Memory: about 36 bytes a subrange, 24 a server in a list of its own, and the
// bounds, which it shares with the claims.
type Table struct {
	common string
	root   *tableNode // nil only in the zero Table
}

// emptyTable returns the table without claims: one gap.
func emptyTable() *Table {
	leaf := &tableNode{entries: make([]entry, 1), size: 1}
	leaf.ladder = newLadder(leaf.entries, 0)
	return &Table{root: leaf}
}

// NewTable returns the routing table of claims, which may come in any order.
// Their keyspace is not looked at; of claims with equal node and range the
// last one counts.
func NewTable(claims []Weighted) *Table {
	x := NewIndex(DefaultKeyspace)
	for _, c := range claims {
		x.Set(c.Range, c.Node, c.Priority)
	}
	return x.Table()
}

// Len returns the number of subranges, gaps included.
func (t *Table) Len() int {
	if t.root == nil {
		return 1
	}
	return t.root.size
}

// Lookup returns the subrange that key belongs to. It neither blocks nor
// allocates. O(log n).
func (t *Table) Lookup(key string) Subrange {
	n := t.root
	if n == nil {
		return Subrange{Range: Everything()}
	}
	known := len(t.common)
	if known > 0 && !strings.HasPrefix(key, t.common) {
		return t.lookupBeside(key)
	}
	rung := rungOf(key[known:])
	var next *tableNode // starts where the last entry below n ends
	for !n.isLeaf() {
		i := n.locate(key, known, rung)
		if i+1 < len(n.children) {
			next = n.children[i+1]
		}
		n = n.children[i]
	}
	return n.subrange(n.locate(key, known, rung), next)
}

// lookupBeside is Lookup for a key without what all starts have in common: it
// is before all of them but the first, or after all of them.
func (t *Table) lookupBeside(key string) Subrange {
	n, at, next := t.root, 0, (*tableNode)(nil)
	for {
		if key > t.common {
			at = len(n.entries) - 1
		} else if len(n.children) > 1 {
			next = n.children[1]
		}
		if n.isLeaf() {
			return n.subrange(at, next)
		}
		n = n.children[at]
	}
}

// subrange returns the i-th subrange of a leaf before next.
func (n *tableNode) subrange(i int, next *tableNode) Subrange {
	e := &n.entries[i]
	s := Subrange{Range: Range{From: e.start()}, Servers: e.servers()}
	switch {
	case i+1 < len(n.entries):
		s.Range.To.Key = n.entries[i+1].start()
	case next != nil:
		s.Range.To.Key = next.low()
	default:
		s.Range.To.Unbounded = true
	}
	return s
}

// LookupBytes is Lookup for a key in a byte slice, which it neither keeps nor
// copies.
func (t *Table) LookupBytes(key []byte) Subrange {
	return t.Lookup(unsafe.String(unsafe.SliceData(key), len(key)))
}

// All iterates over the subranges in key order; they tile the key space.
func (t *Table) All() iter.Seq[Subrange] { return t.Overlapping(Everything()) }

// Overlapping iterates over the subranges that have a key in r, in key order
// and whole: the first and the last may reach beyond r. Use Range.Intersect to
// clip them. O(log n) to the first one.
func (t *Table) Overlapping(r Range) iter.Seq[Subrange] {
	return func(yield func(Subrange) bool) {
		if r.IsEmpty() {
			return
		}
		if t.root == nil {
			yield(Subrange{Range: Everything()})
			return
		}
		var at *entry // seen, but not yet where it ends
		complete := t.root.ascend(r.From, func(e *entry) bool {
			if at != nil && !yield(at.until(Before(e.start()))) {
				return false
			}
			at = e
			return r.To.After(e.start())
		})
		if complete {
			yield(at.until(Unbounded()))
		}
	}
}

// Equal reports whether both tables have the same subranges. O(n).
func (t *Table) Equal(other *Table) bool {
	return t.Len() == other.Len() && slices.EqualFunc(
		slices.Collect(t.All()), slices.Collect(other.All()), Subrange.Equal)
}

// valid reports which invariant of t and of its nodes is violated, or nil.
func (t *Table) valid(width int) error {
	var last *entry
	if _, err := t.root.valid(width, &last); err != nil {
		return err
	}
	if t.root.low() != "" {
		return fmt.Errorf("R1: the first entry starts at %q", t.root.low())
	}
	for s := range t.All() {
		if s.Range.From != "" && !strings.HasPrefix(s.Range.From, t.common) {
			return fmt.Errorf("R3: %q does not begin with %q", s.Range.From, t.common)
		}
	}
	return nil
}
