package antientropy

import (
	"math"

	"github.com/scalesmall/ssnode/delta"
)

// Element stands for one entry in a sketch: 24 bits of where it is (placeOf the
// anchor before it) and 40 of what it is. Replicas that hold the same entry
// between the same anchors have the same element for it.
type Element uint64

const (
	contentBits = 40
	placeBits   = 24
	placeMask   = 1<<placeBits - 1
	contentMask = 1<<contentBits - 1
)

func elementOf(place uint32, f delta.Fingerprint) Element {
	return Element(uint64(place&placeMask)<<contentBits | mix(f.Sum.Lo+mix(f.Sum.Hi))&contentMask)
}

func (x Element) place() uint32 { return uint32(x >> contentBits) }

func (x Element) content() uint64 { return uint64(x) & contentMask }

// golden is 2⁶⁴ divided by the golden ratio, odd: the step of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// check is what tells a single element from a sum of several.
func (x Element) check() uint32 { return uint32(mix(uint64(x)+golden) >> 32) }

// each visits the symbols that x is part of, ascending, below n: symbol 0
// always, and symbol i with a chance of 1/(1+i/2), so 2·ln n of n (Yang, Gilad,
// Alizadeh: Practical Rateless Set Reconciliation, SIGCOMM 2024). Which ones is
// a function of x alone, the same on every machine: the floating-point
// operations used are exact to the last bit, and none can be fused.
func (x Element) each(n int, visit func(i int)) {
	state := uint64(x)
	for i := 0; i < n; {
		visit(i)
		state += golden
		u := float64(mix(state)>>11+1) / (1 << 53) // in (0, 1]
		gap := math.Ceil((float64(i) + 1.5) * (1/math.Sqrt(u) - 1))
		if gap >= float64(n-i) {
			return
		}
		i += max(1, int(gap))
	}
}

// Symbol is a coded symbol of a rateless invertible Bloom lookup table: sums,
// modulo a power of two, of the elements that are part of it and of their
// checks. Sketches subtract: what two sets share cancels out. The count of the
// paper is not needed, since a single element proves itself by its check, with
// the sign of the side that has it.
type Symbol struct {
	Sum   uint64
	Check uint32
}

func (s Symbol) minus(other Symbol) Symbol {
	return Symbol{Sum: s.Sum - other.Sum, Check: s.Check - other.Check}
}

// single returns the element that a symbol is of, if it is of one only, and
// whether it was added or taken away.
func (s Symbol) single() (x Element, added, ok bool) {
	if x := Element(s.Sum); x.check() == s.Check {
		return x, true, true
	}
	if x := Element(-s.Sum); -x.check() == s.Check {
		return x, false, true
	}
	return 0, false, false
}

// chunkSymbols is how many symbols are copied together.
const chunkSymbols = 64

type chunk struct {
	sums   [chunkSymbols]uint64
	checks [chunkSymbols]uint32
}

// symbols are the first symbols of a sketch that is kept up to date. A version
// is immutable once it was shared: begin makes the next, which copies the
// chunks that it changes. A nil chunk is of zeros.
type symbols struct {
	chunks []*chunk
	owned  []bool
}

// newSymbols returns symbols of no element, as many as fill whole chunks.
func newSymbols(n int) symbols {
	k := (n + chunkSymbols - 1) / chunkSymbols
	return symbols{chunks: make([]*chunk, k), owned: make([]bool, k)}
}

func (s symbols) len() int { return len(s.chunks) * chunkSymbols }

// begin returns a version that may be changed.
func (s symbols) begin() symbols {
	next := newSymbols(s.len())
	copy(next.chunks, s.chunks)
	return next
}

// add makes x part of the sketch, remove the contrary. O(log n) for n symbols.
func (s symbols) add(x Element) { s.put(x, uint64(x), x.check()) }

func (s symbols) remove(x Element) { s.put(x, -uint64(x), -x.check()) }

func (s symbols) put(x Element, sum uint64, check uint32) {
	x.each(s.len(), func(i int) {
		c := s.own(i / chunkSymbols)
		c.sums[i%chunkSymbols] += sum
		c.checks[i%chunkSymbols] += check
	})
}

func (s symbols) own(i int) *chunk {
	if !s.owned[i] {
		c := &chunk{}
		if s.chunks[i] != nil {
			*c = *s.chunks[i]
		}
		s.chunks[i], s.owned[i] = c, true
	}
	return s.chunks[i]
}

// slice returns symbols from one to another, or to the end.
func (s symbols) slice(from, to int) []Symbol {
	to = min(to, s.len())
	if from >= to {
		return nil
	}
	out := make([]Symbol, to-from)
	for i := range out {
		if c := s.chunks[(from+i)/chunkSymbols]; c != nil {
			j := (from + i) % chunkSymbols
			out[i] = Symbol{Sum: c.sums[j], Check: c.checks[j]}
		}
	}
	return out
}

// peel returns the elements that one sketch has and another does not, and the
// contrary, if its symbols are enough to tell: it takes single elements out of
// all symbols that they are part of until nothing is left. O(d·log d).
func peel(of, without []Symbol) (added, taken []Element, ok bool) {
	left := make([]Symbol, len(of))
	todo := make([]int, 0, len(of))
	for i := range of {
		left[i] = of[i].minus(without[i])
		todo = append(todo, i)
	}
	for len(todo) > 0 && len(added)+len(taken) <= len(left) {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		x, plus, single := left[i].single()
		if left[i] == (Symbol{}) || !single {
			continue
		}
		s := Symbol{Sum: uint64(x), Check: x.check()}
		if plus {
			added = append(added, x)
		} else {
			taken = append(taken, x)
			s = Symbol{}.minus(s)
		}
		x.each(len(left), func(j int) {
			left[j] = left[j].minus(s)
			todo = append(todo, j)
		})
	}
	for _, s := range left {
		if s != (Symbol{}) {
			return nil, nil, false
		}
	}
	return added, taken, true
}
