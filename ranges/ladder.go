package ranges

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// ladder finds where keys belong among ascending starts, of which the first is
// known not to be after the key, by comparing numbers: of every start but the
// first it has the eight bytes that follow what they have in common.
//
//	L1  every start but the first begins with common
//	L2  rungs[i] is rungOf(the i-th start without common), for i ≥ 1; rungs[0]
//	    is 0
//
// Padding with zeros keeps the order, so rungs ascend with the starts, and
// only equal ones leave a question that the starts themselves must answer.
//
// Where a rung should be if rungs were spread evenly is guessed from base,
// span and scale. Hashed and random keys are spread so, and then the guess and
// its neighbours are one or two cache lines, where halving would visit four;
// where it is far off, the rest is halved.
type ladder struct {
	rungs  []uint64
	common string
	base   uint64 // rungs[1], or the largest number if there is none
	span   uint64 // the last rung less base
	scale  uint64 // see spread
}

// worthChecking is how many bytes more than the whole table some starts must
// have in common for their ladder to leave them out. To do so means to compare
// them with the key, which are likely not in the cache; not to do so leaves
// fewer bytes that tell the starts apart.
const worthChecking = 4

// newLadder returns the ladder of at least one start. All starts of the table
// begin with the same known bytes, except for the first.
func newLadder(starts []start, known int) ladder {
	n := len(starts)
	l := ladder{rungs: make([]uint64, n)}
	if n > 1 {
		l.common = commonPrefix(starts[1].key(), starts[n-1].key())
	}
	if len(l.common) < known+worthChecking {
		l.common = l.common[:min(known, len(l.common))]
	}
	for i := 1; i < n; i++ {
		l.rungs[i] = rungOf(starts[i].key()[len(l.common):])
	}
	l.base, l.span, l.scale = spread(l.rungs)
	return l
}

// spread returns what lowerBound guesses from. Shifted to the left until span
// has no leading zero, d = rung - base becomes an index, 0 for the second rung
// and len(rungs)-2 for the last, by d·scale >> 96.
func spread(rungs []uint64) (base, span, scale uint64) {
	n := uint64(len(rungs))
	if n < 2 {
		return math.MaxUint64, 0, 0
	}
	span = rungs[n-1] - rungs[1]
	if span > 0 {
		scale, _ = bits.Div64((n-2)<<32, 0, span<<bits.LeadingZeros64(span))
	}
	return rungs[1], span, scale
}

func commonPrefix(a, b string) string {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:n]
}

// guessReach is how far from a guess it is looked one by one.
const guessReach = 16

// lowerBound returns the first i ≥ 1 with rungs[i] ≥ r.
func (l *ladder) lowerBound(r uint64) int {
	if r <= l.base {
		return 1
	}
	d := r - l.base
	if d > l.span {
		return len(l.rungs)
	}
	guess := l.at(d)
	if l.rungs[guess] < r {
		return lowerBoundAfter(l.rungs, guess, r)
	}
	return lowerBoundUntil(l.rungs, guess, r)
}

// at returns about where the rung is that is d above the second one.
func (l *ladder) at(d uint64) int {
	index, _ := bits.Mul64(d<<bits.LeadingZeros64(l.span), l.scale)
	return min(1+int(index>>32), len(l.rungs)-1)
}

// guess returns about where lowerBound is, without a look at the rungs.
func (l *ladder) guess(r uint64) int { return l.at(min(max(r, l.base)-l.base, l.span)) }

// lowerBoundAfter is lowerBound where rungs[i] < r.
func lowerBoundAfter(rungs []uint64, i int, r uint64) int {
	end := min(i+guessReach, len(rungs))
	for i++; i < end; i++ {
		if rungs[i] >= r {
			return i
		}
	}
	return halve(rungs, i, len(rungs), r)
}

// lowerBoundUntil is lowerBound where rungs[i] ≥ r, which is above rungs[1].
func lowerBoundUntil(rungs []uint64, i int, r uint64) int {
	end := max(i-guessReach, 1)
	for ; i > end; i-- {
		if rungs[i-1] < r {
			return i
		}
	}
	return halve(rungs, 1, i, r)
}

// halve returns the first i of low…high with rungs[i] ≥ r, high if there is
// none. It does not branch on what it reads.
func halve(rungs []uint64, low, high int, r uint64) int {
	for n := high - low; n > 0; {
		half := (n + 1) / 2
		if rungs[low+half-1] < r {
			low += half
		}
		n -= half
	}
	return low
}

// tied returns the end of the run of rungs equal to the i-th.
func (l *ladder) tied(i int) int {
	end := i + 1
	for end < len(l.rungs) && l.rungs[end] == l.rungs[i] {
		end++
	}
	return end
}

// valid reports whether L1 or L2 is violated, or nil.
func (l *ladder) valid(starts []start) error {
	if len(l.rungs) != len(starts) || l.rungs[0] != 0 {
		return fmt.Errorf("L2: %d starts have %d rungs, the first is %x", len(starts), len(l.rungs), l.rungs[0])
	}
	for i := 1; i < len(starts); i++ {
		key := starts[i].key()
		rest, ok := strings.CutPrefix(key, l.common)
		switch {
		case !ok:
			return fmt.Errorf("L1: start %d is %q, without the prefix %q", i, key, l.common)
		case l.rungs[i] != rungOf(rest):
			return fmt.Errorf("L2: the rung of start %d, %q, is %x", i, key, l.rungs[i])
		}
	}
	if base, span, scale := spread(l.rungs); base != l.base || span != l.span || scale != l.scale {
		return fmt.Errorf("ladder spread by %x, %x, %x, not %x, %x, %x", l.base, l.span, l.scale, base, span, scale)
	}
	return nil
}
