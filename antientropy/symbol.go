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
	for w, end := x.walk(), float64(n); w.at < end; w = w.next() {
		visit(int(w.at))
	}
}

// walk goes from one symbol of an element to the next.
type walk struct {
	state uint64
	at    float64 // a whole number, below 2⁵³: to convert it takes longer than the rest
}

func (x Element) walk() walk { return walk{state: uint64(x)} }

func (w walk) next() walk {
	w.state += golden
	u := float64(mix(w.state)>>11+1) / (1 << 53) // in (0, 1]
	gap := math.Ceil((w.at + 1.5) * (1/math.Sqrt(u) - 1))
	if gap < 1 {
		gap = 1
	}
	w.at += gap
	return w
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

// How much a version keeps beside what it shares with those before: a change of an
// element for so many symbols, 4,096 in production, and a block whose sum has changed
// for so many, or 1,024; 32 KiB of each, and five times as much with their lists where
// every version has one change. More of them save copying, and cost who reads symbols,
// or sums, a look at each.
const (
	lateShare       = 8
	lateBlocksShare = 32
)

// late are the elements that one version has put into symbols which lack them, or
// taken out, and what was late before.
type late struct {
	added, taken []Element
	before       *late
}

// newLate returns one with room for so many elements, half of which are taken out.
func newLate(elements int, before *late) *late {
	room := make([]Element, elements)
	half := elements / 2
	return &late{added: room[:0:half], taken: room[half:half], before: before}
}

// each visits all that is late, with what it adds to every symbol that the element
// is part of.
func (l *late) each(visit func(x Element, by Symbol)) {
	for ; l != nil; l = l.before {
		for _, x := range l.added {
			visit(x, x.symbol())
		}
		for _, x := range l.taken {
			visit(x, Symbol{}.minus(x.symbol()))
		}
	}
}

// symbol returns the symbol of the element alone.
func (x Element) symbol() Symbol { return Symbol{Sum: uint64(x), Check: x.check()} }

// symbols are the first symbols of a sketch that is kept up to date. A version
// is immutable once it was shared: begin makes the next, which shares the
// symbols, and lists what has changed until that is much. To change symbols for
// each element would copy all of the some twenty places it is part of.
type symbols struct {
	n      int
	sums   []uint64 // nil: zeros
	checks []uint32
	// owned says that no other version has sums and checks.
	owned bool
	// late is what they lack, mine if that of this version; lates is how many
	// elements that are, expected how many the version may change.
	late, mine      *late
	lates, expected int
}

// newSymbols returns n symbols of no element.
func newSymbols(n int) symbols { return symbols{n: n} }

func (s *symbols) len() int { return s.n }

// begin returns a version in which so many elements may change.
func (s *symbols) begin(elements int) symbols {
	next := *s
	next.owned, next.mine = false, nil
	next.expected = min(elements, s.n/lateShare)
	return next
}

// add makes x part of the sketch, remove the contrary. O(log n) for n symbols,
// and in the mean O(lateShare) for the copying.
func (s *symbols) add(x Element) {
	if s.owned {
		s.apply(x, x.symbol())
		return
	}
	l := s.expect()
	l.added = append(l.added, x)
	s.settleIfMuch()
}

func (s *symbols) remove(x Element) {
	if s.owned {
		s.apply(x, Symbol{}.minus(x.symbol()))
		return
	}
	l := s.expect()
	l.taken = append(l.taken, x)
	s.settleIfMuch()
}

// expect returns what is late of this version, to be added to.
func (s *symbols) expect() *late {
	if s.mine == nil {
		s.mine = newLate(s.expected, s.late)
		s.late = s.mine
	}
	s.lates++
	return s.mine
}

func (s *symbols) settleIfMuch() {
	if s.lates > s.n/lateShare {
		s.settle()
	}
}

// settle makes symbols of its own, with all that has changed.
func (s *symbols) settle() {
	sums, checks := make([]uint64, s.n), make([]uint32, s.n)
	copy(sums, s.sums)
	copy(checks, s.checks)
	s.sums, s.checks, s.owned = sums, checks, true
	for l := s.late; l != nil; l = l.before {
		both := min(len(l.added), len(l.taken))
		for i := range both {
			s.exchange(l.taken[i], l.added[i])
		}
		(&late{added: l.added[both:], taken: l.taken[both:]}).each(s.apply)
	}
	s.late, s.mine, s.lates = nil, nil, 0
}

// exchange takes one element out of its symbols and adds another to those of its own.
// Both walks at once take little longer than one, each step of which waits for the
// one before.
func (s *symbols) exchange(out, in Element) {
	minus, plus := Symbol{}.minus(out.symbol()), in.symbol()
	a, b, end := out.walk(), in.walk(), float64(s.n)
	for ; a.at < end && b.at < end; a, b = a.next(), b.next() {
		s.addTo(int(a.at), minus)
		s.addTo(int(b.at), plus)
	}
	s.addAlong(a, minus)
	s.addAlong(b, plus)
}

// apply adds to every symbol that an element is part of.
func (s *symbols) apply(x Element, by Symbol) { s.addAlong(x.walk(), by) }

func (s *symbols) addAlong(w walk, by Symbol) {
	for end := float64(s.n); w.at < end; w = w.next() {
		s.addTo(int(w.at), by)
	}
}

func (s *symbols) addTo(i int, by Symbol) {
	s.sums[i] += by.Sum
	s.checks[i] += by.Check
}

// slice returns symbols from one to another, or to the end.
func (s *symbols) slice(from, to int) []Symbol {
	to = min(to, s.n)
	if from >= to {
		return nil
	}
	out := make([]Symbol, to-from)
	if s.sums != nil {
		for i := range out {
			out[i] = Symbol{Sum: s.sums[from+i], Check: s.checks[from+i]}
		}
	}
	s.late.each(func(x Element, by Symbol) {
		x.each(to, func(i int) {
			if i >= from {
				out[i-from].Sum += by.Sum
				out[i-from].Check += by.Check
			}
		})
	})
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
