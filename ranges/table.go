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
//	R1  the first start is "", and starts ascend strictly
//	R2  neighbouring subranges have different server lists
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
	leaf := &tableNode{starts: make([]start, 1)}
	leaf.insertList(0, nil)
	leaf.ladder = newLadder(leaf.starts, 0)
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
	return int(t.root.size)
}

// Lookup returns the subrange that key belongs to. It neither blocks nor
// allocates. O(log n).
func (t *Table) Lookup(key string) Subrange {
	if t.root == nil {
		return Subrange{Range: Everything()}
	}
	return t.locate(key).subrange()
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
		var at Subrange // seen, but not yet where it ends
		seen := false
		complete := t.root.ascend(r.From, func(start string, servers []Server) bool {
			at.Range.To = Before(start)
			if seen && !yield(at) {
				return false
			}
			at, seen = Subrange{Range: Range{From: start}, Servers: servers}, true
			return r.To.After(start)
		})
		if complete {
			at.Range.To = Unbounded()
			yield(at)
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
	if _, err := t.root.valid(width); err != nil {
		return err
	}
	if t.root.low() != "" {
		return fmt.Errorf("R1: the first start is %q", t.root.low())
	}
	var last Subrange
	for s := range t.All() {
		start := s.Range.From
		switch {
		case start == "":
		case start <= last.Range.From:
			return fmt.Errorf("R1, N2: %q follows %q", start, last.Range.From)
		case slices.Equal(s.Servers, last.Servers):
			return fmt.Errorf("R2: %q has the servers of %q", start, last.Range.From)
		case !strings.HasPrefix(start, t.common):
			return fmt.Errorf("R3: %q does not begin with %q", start, t.common)
		}
		last = s
	}
	return nil
}
