package delta_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// benchClaims is how many claims the benchmarks of writes choose from.
const benchClaims = 100_000

// benchClaim returns the i-th of narrow claims side by side, with bounds of 16
// bytes.
func benchClaim(i int) ranges.Claim {
	c := claim(fmt.Sprintf("%016x", uint64(i)<<20), fmt.Sprintf("%016x", uint64(i+1)<<20))
	c.Node = fmt.Sprintf("node%d", i%100)
	return c
}

// benchState returns a replica and the state it reads: every claim was
// registered by another, and every second one increased by the replica itself.
func benchState() (*delta.Replica, *delta.Memory) {
	r, other, memory := delta.NewReplica(replicaID(1)), replicaID(2), &delta.Memory{}
	var e delta.Effects
	for i := range benchClaims {
		k, at := delta.ClaimKey(benchClaim(i)), uint64(i+1)
		counter := crdt.PNCounter{crdt.PNCounter(nil).Registering(other, at, 10)}
		if i%2 == 0 {
			counter = counter.Put(counter.Adding(r.ID, at, 1))
		}
		e.Entries = append(e.Entries, delta.NewEntryChange(k, delta.Entry{}, delta.Entry{Key: k, Counter: counter}))
	}
	memory.Write(&e)
	r.Context[r.ID], r.Context[other] = benchClaims, benchClaims
	return r, memory
}

// BenchmarkCommit_Write is what one batch of one Increase costs in a commit of
// several, up to its being adopted: all but what the disk does. What is read
// stays as it was, so that no run leans on how long it is.
func BenchmarkCommit_Write(b *testing.B) {
	r, memory := benchState()
	random := rand.New(rand.NewPCG(1, 2))
	batches := make([][]delta.Operation, 1<<16)
	for i := range batches {
		batches[i] = []delta.Operation{increase(benchClaim(random.IntN(benchClaims)), 1)}
	}
	for _, writes := range []int{1, 46, 128} {
		b.Run(fmt.Sprintf("%d in a commit", writes), func(b *testing.B) {
			b.ReportAllocs()
			env := delta.Env{Read: memory, Now: 1 << 40}
			c, i := r.Begin(env), 0
			for b.Loop() {
				if _, _, err := c.Write(batches[i%len(batches)]); err != nil {
					b.Fatal(err)
				}
				if i++; i%writes == 0 {
					effects, err := c.Finish()
					if err != nil {
						b.Fatal(err)
					}
					r.Adopt(effects)
					c = r.Begin(env)
				}
			}
		})
	}
}

// BenchmarkEncodeContext_OfOneDelta is what the token of a write costs before it is
// text.
func BenchmarkEncodeContext_OfOneDelta(b *testing.B) {
	b.ReportAllocs()
	d := delta.Delta{Origin: replicaID(1), First: benchClaims, Events: make([]delta.Event, 1)}
	for b.Loop() {
		delta.EncodeContext(d.Context())
	}
}

// BenchmarkDecodeValue is what reading an entry costs beside looking for it.
func BenchmarkDecodeValue(b *testing.B) {
	_, memory := benchState()
	keys, values := make([]delta.Key, 1<<10), make([][]byte, 1<<10)
	for i := range keys {
		keys[i] = delta.ClaimKey(benchClaim(i))
		e, _ := memory.Get(keys[i])
		values[i] = delta.EncodeEntry(e)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := delta.DecodeValue(keys[i%len(keys)], values[i%len(keys)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendEntry is what the form of an entry costs in which it is stored, in room of
// its own.
func BenchmarkAppendEntry(b *testing.B) {
	_, memory := benchState()
	entries := make([]delta.Entry, 1<<10)
	for i := range entries {
		entries[i], _ = memory.Get(delta.ClaimKey(benchClaim(2 * i)))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := entries[i%len(entries)]
		delta.AppendEntry(make([]byte, 0, delta.EntryRoom(e)), e)
	}
}

// BenchmarkOutline_Decode is what a decision about a record of the log reads, beside all
// of it.
func BenchmarkOutline_Decode(b *testing.B) {
	r, memory := benchState()
	c := r.Begin(delta.Env{Read: memory})
	written, _, err := c.Write([]delta.Operation{{Verb: delta.VerbIncrease, Claim: benchClaim(1), Amount: 1}})
	if err != nil {
		b.Fatal(err)
	}
	encoded, err := delta.EncodeDelta(written)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("outline", func(b *testing.B) {
		b.ReportAllocs()
		var o delta.Outline
		for b.Loop() {
			if err := o.Decode(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all of it", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := delta.DecodeDelta(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
}
