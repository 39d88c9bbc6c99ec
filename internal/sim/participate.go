package sim

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// participate tells the core of a member which spans it takes part in.
func (m *member) participate() {
	where := m.dir.participation(m.name)
	keyspaces := map[string]struct{}{}
	for _, x := range m.claims {
		keyspaces[x.claim.Keyspace] = struct{}{}
	}
	var spans []delta.Span
	for _, keyspace := range slices.Sorted(maps.Keys(keyspaces)) {
		for _, r := range where.Ranges(keyspace) {
			spans = append(spans, delta.StartingIn(keyspace, r))
		}
	}
	m.markIf(MarkParticipated, len(spans) > 0)
	m.core.SetParticipated(spans)
}

// partners returns who takes part where a member does, ascending.
func (m *member) partners() []string {
	where := m.dir.participation(m.name)
	names := map[string]struct{}{}
	_ = m.dir.memory.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		claim, err := e.Key.Claim()
		overlaps := func(r ranges.Range) bool { return r.Overlaps(claim.Range) }
		if err == nil && e.Counter.IsVisible() && claim.Node != m.name && slices.ContainsFunc(where.Ranges(claim.Keyspace), overlaps) {
			names[claim.Node] = struct{}{}
		}
		return err
	})
	return slices.Sorted(maps.Keys(names))
}
