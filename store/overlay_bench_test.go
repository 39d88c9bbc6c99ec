package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// BenchmarkOverlay is what the overlay does for one write of 130 that share a commit,
// to random ones of 100,000 claims: it is looked up, added, and for it another is
// placed and one goes with its chunk. Nothing is encoded, and nothing stored.
func BenchmarkOverlay(b *testing.B) {
	for _, waiting := range []int{freshMax / 4, freshMax} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			l := newOverlayLoad(130)
			for l.commits*l.together < 4*waiting {
				l.commit(waiting)
			}
			b.ReportAllocs()
			writes := 0
			for b.Loop() {
				if writes++; writes%l.together == 0 {
					l.commit(waiting)
				}
			}
		})
	}
}

// BenchmarkOverlay_Scan is a scan of ten neighbours, of which the overlay has some two
// or three, and one of all, after each commit of so many writes.
func BenchmarkOverlay_Scan(b *testing.B) {
	for _, together := range []int{1, 130} {
		l := newOverlayLoad(together)
		for l.commits*l.together < 4*freshMax {
			l.commit(freshMax)
		}
		for _, keys := range []int{10, len(l.keys) - 1} {
			b.Run(fmt.Sprintf("%d/%d", together, keys), func(b *testing.B) {
				b.ReportAllocs()
				seen := 0
				for b.Loop() {
					b.StopTimer()
					l.commit(freshMax)
					b.StartTimer()
					at := l.random.IntN(len(l.keys) - keys)
					seen += l.countIn(delta.Span{From: l.keys[at], To: l.keys[at+keys]})
				}
				b.ReportMetric(float64(seen)/float64(b.N), "images/op")
			})
		}
	}
}

// overlayLoad changes an overlay as commits do.
type overlayLoad struct {
	overlay  chunked
	keys     []delta.Key
	random   *rand.Rand
	together int
	commits  int
	found    int
}

func newOverlayLoad(together int) *overlayLoad {
	l := &overlayLoad{overlay: newChunked(1, 1), random: rand.New(rand.NewPCG(1, 2)), together: together}
	for i := range uint64(100_000) {
		l.keys = append(l.keys, delta.ClaimKey(benchClaim(i)))
	}
	return l
}

func (l *overlayLoad) commit(waiting int) {
	o := l.overlay.begin()
	at := make([]int, 0, l.together)
	for range l.together {
		i := l.random.IntN(len(l.keys))
		if o.get(l.keys[i]) != nil {
			l.found++
		}
		at = append(at, i)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	for some := range slices.Chunk(at, 8) {
		images := make([]image, len(some))
		for i, k := range some {
			images[i] = image{key: l.keys[k]}
			if before := o.add(&images[i]); before != nil {
				before.standing = replaced
			}
		}
		o.endChunk(true)
	}
	if o.unplaced >= waiting {
		for _, x := range o.nextUnplaced(sweepBatch + len(at)) {
			x.standing, o.sweep = inPlace, x.key
			o.unplaced--
		}
	}
	for o.held() > 2*waiting {
		if _, images := o.dropChunk(); images == 0 {
			break
		}
	}
	l.overlay, l.commits = o, l.commits+1
}

func (l *overlayLoad) countIn(s delta.Span) (n int) {
	a := newAscent(false)
	l.overlay.ascend(a, s.From)
	a.begin()
	for x := a.next(); x != nil && x.key < s.To; x = a.next() {
		n++
	}
	return n
}
