package compaction

import (
	"iter"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/ranges"
)

// Participation is where a node participates: of every keyspace the ranges
// that it claims. It is immutable. The zero Participation is that of a node
// that claims nothing.
type Participation struct{ keyspaces map[string]*ranges.Table }

// ParticipationOf returns where the visible claims of a node make it
// participate.
func ParticipationOf(claims iter.Seq[ranges.Claim]) Participation {
	var p Participant
	for c := range claims {
		p.Claim(c.Keyspace, c.Range)
	}
	p.Settle()
	return p.Participation()
}

// Overlaps reports whether the node participates in some key of r. O(log n).
func (p Participation) Overlaps(keyspace string, r ranges.Range) bool {
	for range p.within(keyspace, r, true) {
		return true
	}
	return false
}

// OverlapsBytes is Overlaps for what is not kept. It looks no further than where the range
// begins, since where a gap ends the node participates.
func (p Participation) OverlapsBytes(keyspace string, r ranges.RangeBytes) bool {
	table, ok := p.keyspaces[keyspace]
	if !ok {
		return false
	}
	first := table.LookupBytes(r.From)
	return !first.IsGap() || !r.EndsIn(first.Range.To)
}

// Beyond returns where the node participates and did not before, ascending.
// O(n log n).
func (p Participation) Beyond(before Participation) (out []Part) {
	for part := range p.All() {
		for gap := range before.within(part.Keyspace, part.Range, false) {
			out = append(out, Part{Keyspace: part.Keyspace, Range: gap})
		}
	}
	return out
}

// within iterates over the parts of r in which the node participates, or those
// in which it does not. O(log n) to the first, or the one after it.
func (p Participation) within(keyspace string, r ranges.Range, participates bool) iter.Seq[ranges.Range] {
	return func(yield func(ranges.Range) bool) {
		table, ok := p.keyspaces[keyspace]
		if !ok {
			table = &ranges.Table{}
		}
		for s := range table.Overlapping(r) {
			if s.IsGap() != participates && !yield(s.Range.Intersect(r)) {
				return
			}
		}
	}
}

// All iterates over where the node participates: by keyspace, disjoint ranges in
// ascending order, of which none touches another.
func (p Participation) All() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for _, keyspace := range slices.Sorted(maps.Keys(p.keyspaces)) {
			for r := range p.within(keyspace, ranges.Everything(), true) {
				if !yield(Part{Keyspace: keyspace, Range: r}) {
					return
				}
			}
		}
	}
}
