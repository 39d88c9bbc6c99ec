package antientropy

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// manyKeys returns the keys of n claims of random ranges of 16-byte bounds,
// ascending.
func manyKeys(n int) []delta.Key {
	random := rand.New(rand.NewPCG(1, 2))
	keys := make([]delta.Key, n)
	for i := range keys {
		from := fmt.Sprintf("%016x", random.Uint64())
		keys[i] = delta.ClaimKey(ranges.Claim{
			Keyspace: "default", Node: fmt.Sprintf("node-%d", i%50),
			Range: ranges.Range{From: from, To: ranges.Before(from + "~")},
		})
	}
	slices.Sort(keys)
	return keys
}

func buildOf(keys []delta.Key) *Fingerprints {
	b := NewFingerprintsBuilder(DefaultShape)
	for i, k := range keys {
		b.Add(k, delta.Fingerprint{Count: 1, Sum: delta.Sum{Hi: mix(uint64(i)), Lo: mix(uint64(i) + golden)}})
	}
	return b.Done()
}

// TestFingerprints_BytesPerClaim: a million claims cost at most 4 bytes of
// memory each, the sketch included.
func TestFingerprints_BytesPerClaim(t *testing.T) {
	const n = 1_000_000
	keys := manyKeys(n)
	for i := range keys { // of their own, as they come from the disk
		keys[i] = delta.Key([]byte(keys[i]))
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	f := buildOf(keys)
	blocks := f.Blocks()
	after := held()
	runtime.KeepAlive(keys)
	// The anchors are held by keys as well, so they are counted by hand.
	anchors := 0
	f.blocks.all(func(x *item) bool { anchors += (len(x.from) + 15) / 16 * 16; return true })
	perClaim := float64(after-before+uint64(anchors)) / n
	t.Logf("%.2f bytes for a claim, %d blocks", perClaim, blocks)
	if perClaim > 4 || f.Whole().Count != n {
		t.Errorf("%.2f bytes for a claim, want at most 4", perClaim)
	}
}

func BenchmarkFingerprints_Build(b *testing.B) {
	keys := manyKeys(1_000_000)
	for b.Loop() {
		buildOf(keys)
	}
}

// BenchmarkFingerprints_Next is one changed claim among a million, each in a
// version of its own.
func BenchmarkFingerprints_Next(b *testing.B) {
	keys := manyKeys(1_000_000)
	f := buildOf(keys)
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(keys)
		x := delta.NewEntryChange(keys[i], delta.Entry{Key: keys[i]}, delta.Entry{Key: keys[i]})
		f, _ = f.Next([]delta.EntryChange{x}, nil)
	}
}
