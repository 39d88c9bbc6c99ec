package compaction

import (
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/scalesmall/ssnode/ranges"
)

// Participation is where a node participates: of every keyspace the ranges
// that it claims, as disjoint ranges in ascending order. The zero
// Participation is that of a node that claims nothing.
type Participation struct{ keyspaces map[string][]ranges.Range }

// ParticipationOf returns where the visible claims of a node make it
// participate.
func ParticipationOf(claims iter.Seq[ranges.Claim]) Participation {
	p := Participation{keyspaces: map[string][]ranges.Range{}}
	for c := range claims {
		p.keyspaces[c.Keyspace] = append(p.keyspaces[c.Keyspace], c.Range)
	}
	for keyspace, claimed := range p.keyspaces {
		p.keyspaces[keyspace] = ranges.Union(claimed)
	}
	return p
}

// Overlaps reports whether the node participates in some key of r. O(log n).
func (p Participation) Overlaps(keyspace string, r ranges.Range) bool {
	claimed := p.keyspaces[keyspace]
	i := sort.Search(len(claimed), func(i int) bool { return claimed[i].To.After(r.From) })
	return i < len(claimed) && claimed[i].Overlaps(r)
}

// Keyspaces returns where the node participates at all, ascending.
func (p Participation) Keyspaces() []string { return slices.Sorted(maps.Keys(p.keyspaces)) }

// Ranges returns where the node participates in a keyspace: disjoint ranges in
// ascending order. They are not to be changed.
func (p Participation) Ranges(keyspace string) []ranges.Range { return p.keyspaces[keyspace] }
