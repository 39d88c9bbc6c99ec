package sim

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// participated returns the spans that a member takes part in, at most so many.
func (m *member) participated(limit int) []delta.Span {
	var spans []delta.Span
	for part := range m.dir.participation(m.name).All() {
		if len(spans) < limit {
			spans = append(spans, delta.StartingIn(part.Keyspace, part.Range))
		}
	}
	m.markIf(MarkParticipated, len(spans) > 0)
	return spans
}

// partners returns who takes part where a member does, ascending.
func (m *member) partners() []string {
	where := m.dir.participation(m.name)
	names := map[string]struct{}{}
	_ = m.dir.memory.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		claim, err := e.Key.Claim()
		if err == nil && e.Counter.IsVisible() && claim.Node != m.name && where.Overlaps(claim.Keyspace, claim.Range) {
			names[claim.Node] = struct{}{}
		}
		return err
	})
	return slices.Sorted(maps.Keys(names))
}
