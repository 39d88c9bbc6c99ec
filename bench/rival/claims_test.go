package rival

import (
	"fmt"
	"testing"
)

// TestClaim_Bound_IsHexadecimal: bounds are what they were when fmt wrote them, so that
// figures of different days are about the same bytes.
func TestClaim_Bound_IsHexadecimal(t *testing.T) {
	for _, i := range []int{0, 1, 15, 16, 99_999, 1_000_000, 1<<43 - 1} {
		if got, want := bound(i), fmt.Sprintf("%016x", uint64(i)<<20); got != want {
			t.Errorf("bound %d is %q, want %q", i, got, want)
		}
	}
}
