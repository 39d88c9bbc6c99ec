package ranges

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSweep_TilesAndEqualsOracle tests S1, S2 and S3.
func TestSweep_TilesAndEqualsOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{}
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			m.change(t, NewIndex("ks"))
		}
		subranges := Sweep(rapid.Permutation(m.claims()).Draw(t, "order"))
		checkTiling(t, subranges)
		for _, key := range m.keysOf() {
			i := slices.IndexFunc(subranges, func(s Subrange) bool { return s.Range.Contains(key) })
			if got, want := subranges[i].Servers, m.serversAt(key); !slices.Equal(got, want) {
				t.Fatalf("S3: servers of %q are %v, want %v", key, got, want)
			}
		}
	})
}

// checkTiling tests S1 and S2.
func checkTiling(t *rapid.T, subranges []Subrange) {
	if len(subranges) == 0 || subranges[0].Range.From != "" || !subranges[len(subranges)-1].Range.To.Unbounded {
		t.Fatalf("S1: %v does not begin and end with the key space", subranges)
	}
	for i, s := range subranges[1:] {
		before := subranges[i]
		if before.Range.To != Before(s.Range.From) || before.Range.IsEmpty() {
			t.Fatalf("S1: %v is followed by %v", before, s)
		}
		if slices.Equal(before.Servers, s.Servers) {
			t.Fatalf("S2: %v and %v have the same servers", before, s)
		}
	}
}

// TestSweep_KeepsItsArgument: the claims are the caller's.
func TestSweep_KeepsItsArgument(t *testing.T) {
	claims := []Weighted{weigh("n2", "b", "c", 1), weigh("n1", "a", "b", 1)}
	before := slices.Clone(claims)
	Sweep(claims)
	UncoveredBy(Everything(), claims)
	if !slices.Equal(claims, before) {
		t.Fatalf("the claims became %v", claims)
	}
}

func weigh(node, from, to string, priority int64) Weighted {
	return Weighted{Claim: Claim{Keyspace: "ks", Node: node, Range: Range{From: from, To: Before(to)}}, Priority: priority}
}
