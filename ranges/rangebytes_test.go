package ranges

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRangeBytes_StandForTheRange: ranges in bytes give back what they were made of, with
// memory of its own, and end where it does.
func TestRangeBytes_StandForTheRange(t *testing.T) {
	key := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 0, 3, -1)
	end := rapid.Custom(func(t *rapid.T) End {
		if rapid.Bool().Draw(t, "unbounded") {
			return Unbounded()
		}
		return Before(key.Draw(t, "end"))
	})
	rapid.Check(t, func(t *rapid.T) {
		r, other := Range{From: key.Draw(t, "from"), To: end.Draw(t, "to")}, end.Draw(t, "other")
		b := BytesOf(r)
		again := b.Range()
		for _, bound := range [][]byte{b.From, b.To} {
			copy(bound, slices.Repeat([]byte("x"), len(bound)))
		}
		if again != r {
			t.Fatalf("%v is given back as %v", r, again)
		}
		if b = BytesOf(r); b.EndsIn(other) != (r.To.Compare(other) <= 0) {
			t.Fatalf("%v ends in %v: %t", r, other, b.EndsIn(other))
		}
	})
}

// TestRangeBytes_Range_IsOnePiece: both bounds, however long, take one allocation.
func TestRangeBytes_Range_IsOnePiece(t *testing.T) {
	for _, size := range []int{1, 32, 33, KeyBytesMax} {
		bound := strings.Repeat("a", size)
		b := BytesOf(Range{From: bound, To: Before(bound + "b")})
		if n := testing.AllocsPerRun(100, func() { kept = b.Range() }); n != 1 {
			t.Errorf("bounds of %d bytes take %v allocations", size, n)
		}
	}
}

var kept Range
