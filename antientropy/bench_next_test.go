package antientropy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// benchClaims is how many claims the benchmark of versions changes some of.
const benchClaims = 100_000

// benchState returns a replica that has registered many narrow claims, side by
// side with bounds of 16 bytes, its state, and the fingerprints of that.
func benchState() (*delta.Replica, *delta.Memory, *antientropy.Fingerprints) {
	r, memory := delta.NewReplica(crdt.ReplicaID{1}), &delta.Memory{}
	built := antientropy.NewFingerprintsBuilder(antientropy.DefaultShape)
	var e delta.Effects
	for i := range benchClaims {
		k := delta.ClaimKey(benchClaim(i))
		x := delta.Entry{Key: k, Counter: crdt.PNCounter{crdt.PNCounter(nil).Registering(r.ID, uint64(i+1), 10)}}
		e.Entries = append(e.Entries, delta.NewEntryChange(k, delta.Entry{}, x))
		built.Add(k, delta.FingerprintOf(x))
	}
	memory.Write(&e)
	r.Context[r.ID] = benchClaims
	return r, memory, built.Done()
}

func benchClaim(i int) ranges.Claim {
	return ranges.Claim{
		Keyspace: ranges.DefaultKeyspace, Node: fmt.Sprintf("node%d", i%100),
		Range: ranges.Range{From: fmt.Sprintf("%016x", uint64(i)<<20), To: ranges.Before(fmt.Sprintf("%016x", uint64(i+1)<<20))},
	}
}

// BenchmarkFingerprints_Next_Changes is what one changed claim costs where a
// version has several, at random among all.
func BenchmarkFingerprints_Next_Changes(b *testing.B) {
	r, memory, start := benchState()
	random := rand.New(rand.NewPCG(1, 2))
	for _, changes := range []int{1, 32, 128} {
		commits := make([]*delta.Effects, 1<<15/changes)
		for i := range commits {
			commits[i] = benchCommit(b, r, memory, random, changes)
		}
		b.Run(fmt.Sprintf("%d in a version", changes), func(b *testing.B) {
			b.ReportAllocs()
			f, i := start, 0
			for b.Loop() {
				if i++; i%changes == 0 {
					f, _ = f.Next(commits[i/changes%len(commits)].Entries, nil)
				}
			}
		})
	}
}

// benchCommit increases claims at random, and makes the effects part of the state.
func benchCommit(b *testing.B, r *delta.Replica, memory *delta.Memory, random *rand.Rand, changes int) *delta.Effects {
	c := r.Begin(delta.Env{Read: memory})
	for range changes {
		o := delta.Operation{Verb: delta.VerbIncrease, Claim: benchClaim(random.IntN(benchClaims)), Amount: 1}
		if _, _, err := c.Write([]delta.Operation{o}); err != nil {
			b.Fatal(err)
		}
	}
	e, err := c.Finish()
	if err != nil {
		b.Fatal(err)
	}
	memory.Write(e)
	r.Adopt(e)
	return e
}

// BenchmarkFingerprints_Symbols is what reading symbols costs, of a version that has
// little or much beside those it shares.
func BenchmarkFingerprints_Symbols(b *testing.B) {
	r, memory, f := benchState()
	random := rand.New(rand.NewPCG(1, 2))
	for _, versions := range []int{0, 15} {
		for range versions {
			f, _ = f.Next(benchCommit(b, r, memory, random, 128).Entries, nil)
		}
		for _, symbols := range []int{64, 4096} {
			b.Run(fmt.Sprintf("%d of the %dth version", symbols, versions), func(b *testing.B) {
				for b.Loop() {
					f.Symbols(0, symbols)
				}
			})
		}
		b.Run(fmt.Sprintf("a span of the %dth version", versions), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				from := delta.ClaimKey(benchClaim(i % (benchClaims - 1000)))
				if _, err := f.FingerprintOf(memory, delta.Span{From: from, To: delta.ClaimKey(benchClaim(benchClaims - 1))}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
