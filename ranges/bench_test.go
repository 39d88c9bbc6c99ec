package ranges

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"testing"
	"time"
)

// benchKeys returns n distinct ascending random keys: prefix and 16 bytes.
func benchKeys(n int, prefix string) []string {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	keys := make([]string, n)
	for i := range keys {
		b := binary.BigEndian.AppendUint64([]byte(prefix), random.Uint64())
		keys[i] = string(binary.BigEndian.AppendUint64(b, random.Uint64()))
	}
	slices.Sort(keys)
	return keys
}

// benchClaims sets claims on the ranges between neighbouring keys, of nodes
// in turn: n claims, n subranges and a gap.
func benchClaims(x *Index, keys []string) {
	for i := range keys {
		benchClaim(x, keys, i)
	}
}

func benchClaim(x *Index, keys []string, i int) {
	r := Range{From: keys[i], To: Unbounded()}
	if i+1 < len(keys) {
		r.To = Before(keys[i+1])
	}
	x.Set(r, benchNodes[i%len(benchNodes)], 1+int64(i%7))
}

var benchNodes = func() (names []string) {
	for i := range 100 {
		names = append(names, fmt.Sprintf("node-%03d", i))
	}
	return names
}()

var benchPrefixes = []struct{ name, prefix string }{
	{"random16", ""},
	{"prefix24", "a common prefix of 24 by"},
}

var benchSizes = []int{1e3, 1e5, 1e6}

// BenchmarkTable_Lookup takes turns with sort.Search over the same boundaries,
// ten thousand fresh keys at a time, and reports the medians and their ratio: the
// ratio is what counts, and turns keep it honest on a busy machine.
func BenchmarkTable_Lookup(b *testing.B) {
	for _, n := range benchSizes {
		for _, p := range benchPrefixes {
			b.Run(fmt.Sprintf("%d/%s", n, p.name), func(b *testing.B) {
				keys := benchKeys(n, p.prefix)
				x := NewIndex("ks")
				benchClaims(x, keys)
				benchLookup(b, x.Table(), keys, benchQueries(1<<20, p.prefix))
			})
		}
	}
}

func benchLookup(b *testing.B, table *Table, keys, queries []string) {
	const turn = 10_000
	var ours, theirs []float64
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		at := done % (len(queries) - turn)
		some := queries[at : at+turn]
		begin := time.Now()
		for _, q := range some {
			benchSink += len(table.Lookup(q).Servers)
		}
		between := time.Now()
		for _, q := range some {
			benchSink += sort.Search(len(keys), func(i int) bool { return keys[i] > q })
		}
		ours = append(ours, float64(between.Sub(begin))/turn)
		theirs = append(theirs, float64(time.Since(between))/turn)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	our, their := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(our, "ns/lookup")
	b.ReportMetric(their, "ns/search")
	b.ReportMetric(our/their, "ratio")
}

var benchSink int

// benchQueries returns random keys, in memory in the order in which they are
// asked for, so that what is measured is not the reading of the question.
func benchQueries(n int, prefix string) []string {
	random := rand.New(rand.NewPCG(2, uint64(n)))
	var b []byte
	for range n {
		b = append(b, prefix...)
		b = binary.BigEndian.AppendUint64(b, random.Uint64())
		b = binary.BigEndian.AppendUint64(b, random.Uint64())
	}
	all, size := string(b), len(b)/n
	queries := make([]string, n)
	for i := range queries {
		queries[i] = all[i*size : (i+1)*size]
	}
	return queries
}

// BenchmarkIndex_Table_OneNarrowClaim changes one claim and makes the table
// that readers see, at 1e6 claims.
func BenchmarkIndex_Table_OneNarrowClaim(b *testing.B) {
	for _, p := range benchPrefixes {
		keys := benchKeys(1e6, p.prefix)
		x := NewIndex("ks")
		benchClaims(x, keys)
		x.Table()
		random := rand.New(rand.NewPCG(3, 3))
		b.Run("priority/"+p.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				i := random.IntN(len(keys) - 1)
				x.Set(Range{From: keys[i], To: Before(keys[i+1])}, "node-other", 1+random.Int64N(1e6))
				x.Table()
			}
		})
		b.Run("new-and-gone/"+p.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				r := Single(keys[random.IntN(len(keys))] + "x")
				x.Set(r, "node-new", 5)
				x.Table()
				x.Remove(r, "node-new")
				x.Table()
			}
		})
	}
}

// BenchmarkIndex_Table_Increases is what the write path asks for: batches of
// random narrow claims, side by side among 1e5, become a little more preferred,
// and one table shows it.
func BenchmarkIndex_Table_Increases(b *testing.B) {
	const n = 1e5
	x, claims := NewIndex("ks"), make([]Weighted, n)
	bound := func(i int) string { return fmt.Sprintf("%016x", uint64(i)<<20) }
	for i := range claims {
		r := Range{From: bound(i), To: Before(bound(i + 1))}
		claims[i] = Weighted{Claim: Claim{Node: benchNodes[i%len(benchNodes)], Range: r}, Priority: 10}
	}
	x.SetAll(n, func(i int) *Weighted { return &claims[i] })
	x.Table()
	random := rand.New(rand.NewPCG(5, 5))
	raised := func(int) *Weighted {
		w := &claims[random.IntN(n)]
		w.Priority++
		return w
	}
	for _, batch := range []int{1, 46, 130} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			before := allocatedBytes()
			b.ResetTimer()
			for range b.N {
				x.SetAll(batch, raised)
				x.Table()
			}
			changes := float64(b.N * batch)
			b.ReportMetric(float64(b.Elapsed())/changes, "ns/claim")
			b.ReportMetric(float64(allocatedBytes()-before)/changes, "B/claim")
		})
	}
}

func allocatedBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// BenchmarkIndex_Build loads 1e6 claims in ascending order, in random order and
// on single keys with a gap after each, and reports the memory of index and
// table together, without the keys.
func BenchmarkIndex_Build(b *testing.B) {
	keys := benchKeys(1e6, "")
	singles := make([]Range, len(keys))
	for i, key := range keys {
		singles[i] = Single(key)
	}
	order := rand.New(rand.NewPCG(4, 4)).Perm(len(keys))
	b.Run("sorted", func(b *testing.B) {
		benchBuild(b, func(x *Index) { benchClaims(x, keys) })
	})
	b.Run("shuffled", func(b *testing.B) {
		benchBuild(b, func(x *Index) {
			for _, i := range order {
				benchClaim(x, keys, i)
			}
		})
	})
	b.Run("gaps", func(b *testing.B) {
		benchBuild(b, func(x *Index) {
			for i, r := range singles {
				x.Set(r, benchNodes[i%len(benchNodes)], 1+int64(i%7))
			}
		})
	})
}

func benchBuild(b *testing.B, load func(*Index)) {
	for range b.N {
		b.StopTimer()
		before := heapBytes()
		x := NewIndex("ks")
		b.StartTimer()
		load(x)
		x.Table()
		b.StopTimer()
		b.ReportMetric(float64(heapBytes()-before)/float64(x.Len()), "B/claim")
		b.StartTimer()
	}
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
