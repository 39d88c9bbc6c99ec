package node

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// ownClaim returns the i-th of the claims of a node that do not touch.
func ownClaim(i int) ranges.Claim { return claimAt(fmt.Sprintf("k%07d", i)) }

// registerOwn has a node claim many ranges, in batches.
func registerOwn(t testing.TB, n *Node, from, to int) {
	t.Helper()
	for from < to {
		var ops []delta.Operation
		for ; from < to && len(ops) < 2500; from++ {
			ops = append(ops, delta.Operation{Verb: delta.VerbRegister, Claim: ownClaim(from), Amount: 1})
		}
		if _, err := n.Write(t.Context(), ops); err != nil {
			t.Fatal(err)
		}
	}
}

// bytesOf returns how many bytes a call allocates, in all goroutines.
func bytesOf(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestNode_Write_OwnClaimsCostNotByTheirNumber compares what one more claim of
// the node itself allocates beside few of them and beside many: the node looks
// at what has changed, and not at all of where it participates.
func TestNode_Write_OwnClaimsCostNotByTheirNumber(t *testing.T) {
	const few, many, writes = 200, 20_000, 40
	n := openAlone(t, Options{})
	cost := func(have int) uint64 {
		return bytesOf(func() {
			for i := range writes {
				registerOwn(t, n, have+i, have+i+1)
			}
		}) / writes
	}
	registerOwn(t, n, 0, few)
	beside := cost(few)
	registerOwn(t, n, few+writes, many)
	if got := cost(many); got > 4*beside {
		t.Errorf("one more claim allocates %d bytes beside %d of the node, and %d beside %d", got, many, beside, few)
	}
}

// BenchmarkNode_Write_OwnClaim registers and releases one more claim of the
// node itself beside others.
func BenchmarkNode_Write_OwnClaim(b *testing.B) {
	for _, claims := range []int{10, 1000, 50_000} {
		b.Run(fmt.Sprintf("claims=%d", claims), func(b *testing.B) {
			n := openAlone(b, Options{})
			registerOwn(b, n, 0, claims)
			extra := claimAt(ownClaim(claims/2).Range.From + "~~")
			b.ReportAllocs()
			for b.Loop() {
				for _, verb := range []delta.Verb{delta.VerbRegister, delta.VerbRelease} {
					if _, err := n.Write(b.Context(), []delta.Operation{{Verb: verb, Claim: extra, Amount: 1}}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
