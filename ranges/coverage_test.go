package ranges

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTable_Coverage_CountsEverySubrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, x := model{}, NewIndex("ks")
		for range rapid.IntRange(0, 10).Draw(t, "claims") {
			m.change(t, x)
		}
		min := rapid.IntRange(0, 4).Draw(t, "min")
		c := x.Table().Coverage(min)
		enough := 0
		for _, s := range Sweep(m.claims()) {
			n := len(s.Servers)
			gap := slices.Contains(c.Gaps, s.Range)
			thin := slices.ContainsFunc(c.Thin, s.Equal)
			if gap != (n == 0) || thin != (n > 0 && n < min) {
				t.Fatalf("%v: gap %v, thin %v of %d", s, gap, thin, min)
			}
			if n >= min {
				enough++
			}
		}
		if c.IsComplete() != (enough == c.Subranges) || c.Subranges != x.Table().Len() {
			t.Fatalf("%d of %d subranges have %d servers; complete: %v", enough, c.Subranges, min, c.IsComplete())
		}
		if gaps := slices.Collect(x.Table().Gaps()); !slices.Equal(gaps, c.Gaps) {
			t.Fatalf("Gaps() = %v, Coverage has %v", gaps, c.Gaps)
		}
	})
}

func TestUncoveredBy_EqualsGapsWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, x := model{}, NewIndex("ks")
		for range rapid.IntRange(0, 10).Draw(t, "claims") {
			m.change(t, x)
		}
		r := rangeGen().Draw(t, "range")
		var want []Range
		for gap := range x.Table().Gaps() {
			if part := gap.Intersect(r); !part.IsEmpty() {
				want = append(want, part)
			}
		}
		claims := rapid.Permutation(m.claims()).Draw(t, "order")
		if got := UncoveredBy(r, claims); !slices.Equal(got, want) {
			t.Fatalf("UncoveredBy(%v, %v) = %v, want %v", r, claims, got, want)
		}
		if got := UncoveredBy(r, x.Covering(r)); !slices.Equal(got, want) {
			t.Fatalf("UncoveredBy(%v, Covering) = %v, want %v", r, got, want)
		}
	})
}
