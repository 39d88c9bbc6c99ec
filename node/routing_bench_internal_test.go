package node

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// BenchmarkRouting_Prepare is what one write of many in a commit costs until the
// table is there that shows it: random narrow claims, side by side among 1e5,
// become a little more preferred.
func BenchmarkRouting_Prepare(b *testing.B) {
	const n, batch = 1e5, 46
	r := newRouting()
	keys, priorities := make([]delta.Key, n), make([]int64, n)
	bound := func(i int) string { return fmt.Sprintf("%016x", uint64(i)<<20) }
	load := &delta.Effects{}
	for i := range keys {
		claim := ranges.Range{From: bound(i), To: ranges.Before(bound(i + 1))}
		keys[i] = delta.ClaimKey(ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node-%03d", i%100), Range: claim})
		load.Entries = append(load.Entries, raised(keys[i], &priorities[i]))
	}
	r.prepare(load)
	random := rand.New(rand.NewPCG(5, 5))
	which, e := make([]int, batch), &delta.Effects{}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range which {
			which[i] = random.IntN(n)
		}
		slices.Sort(which)
		e.Entries = e.Entries[:0]
		for _, i := range slices.Compact(slices.Clone(which)) {
			e.Entries = append(e.Entries, raised(keys[i], &priorities[i]))
		}
		b.StartTimer()
		p := r.prepare(e)
		if p.err != nil {
			b.Fatal(p.err)
		}
		r.reuse(p.changes)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N*batch), "ns/claim")
}

// raised returns the change of a claim of this priority to the next.
func raised(key delta.Key, priority *int64) delta.EntryChange {
	entry := func() delta.Entry {
		x := crdt.Contribution{Origin: crdt.ReplicaID{1}, Era: 1, Last: 1, Added: 1, Register: 1, Amount: *priority}
		return delta.Entry{Key: key, Counter: crdt.PNCounter{}.Merge(x)}
	}
	before := delta.Entry{}
	if *priority > 0 {
		before = entry()
	}
	*priority++
	return delta.NewEntryChange(key, before, entry())
}
