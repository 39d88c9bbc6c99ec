package ranges

import (
	"iter"
	"slices"
)

// Coverage is how well the keys of a keyspace are served.
type Coverage struct {
	// Min is the number of servers asked for.
	Min int
	// Subranges is the number of subranges, gaps included.
	Subranges int
	// Gaps are the subranges that nobody serves, in key order.
	Gaps []Range
	// Thin are the subranges with at least one server but fewer than Min, in
	// key order.
	Thin []Subrange
}

// IsComplete reports whether every key has at least Min servers.
func (c Coverage) IsComplete() bool { return c.Min <= 0 || len(c.Gaps) == 0 && len(c.Thin) == 0 }

// Coverage reports the gaps and the subranges with fewer than min servers.
// O(subranges).
func (t *Table) Coverage(min int) Coverage {
	c := Coverage{Min: min, Subranges: t.Len()}
	for s := range t.All() {
		switch {
		case s.IsGap():
			c.Gaps = append(c.Gaps, s.Range)
		case len(s.Servers) < min:
			c.Thin = append(c.Thin, s)
		}
	}
	return c
}

// Gaps iterates over the ranges that nobody serves, in key order. O(subranges).
func (t *Table) Gaps() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for s := range t.All() {
			if s.IsGap() && !yield(s.Range) {
				return
			}
		}
	}
}

// UncoveredBy returns the parts of r that none of the claims has a key of, in
// key order: the gaps that would be left if these were all claims. O(n·log n).
func UncoveredBy(r Range, claims []Weighted) []Range {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b Weighted) int {
		return a.Range.Compare(b.Range)
	})
	var out []Range
	for _, c := range claims {
		if r.IsEmpty() {
			return out
		}
		if !c.Range.Overlaps(r) {
			continue
		}
		if c.Range.From > r.From {
			out = append(out, Range{From: r.From, To: Before(c.Range.From)})
		}
		if c.Range.To.Unbounded {
			return out
		}
		r.From = c.Range.To.Key
	}
	if !r.IsEmpty() {
		out = append(out, r)
	}
	return out
}
