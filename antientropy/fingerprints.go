package antientropy

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// Shape says how fingerprints are kept. All members of a cluster must have the
// same BlockEntries: it decides where elements say that they are.
type Shape struct {
	// BlockEntries is how many entries a block has on average.
	// Fewer cost memory, more cost reads.
	BlockEntries int
	// Symbols is how many symbols of the sketch are kept. 0 keeps none.
	Symbols int
}

// DefaultShape is the one of production: 3 bytes for a claim in blocks, and 384
// KiB of symbols, which tell apart states that differ in some 12,000 claims.
var DefaultShape = Shape{BlockEntries: 40, Symbols: 32 << 10}

// Fingerprints are what follows from the entries of one instant so that spans
// are compared without reading them: the fingerprints of blocks of neighbours,
// and the first symbols of a sketch of all entries. They are immutable: Next
// makes those of the next instant and shares what is the same.
//
//	F1  A block begins at an anchor: an entry whose key hashes to a multiple of
//	    BlockEntries. Every anchor begins one, and "" the first. So blocks
//	    depend on the keys alone, and are the same on every replica that has the
//	    same neighbours there, whatever it went through.
//	F2  The fingerprint of a block is that of the entries in it.
//	F3  A block's low key is above every entry before the block.
//	F4  The sketch is of the element of every entry.
//
// The length of a block is bounded in expectation only, as that of a bucket of
// a hash table; the keys that lie in one were chosen without regard to their
// hashes. What a long block costs is reading it.
type Fingerprints struct {
	shape  Shape
	blocks tree
	sketch symbols
	whole  delta.Fingerprint
}

// hashKey decides about anchors and places. It need not resist anybody: whoever
// may write may make longer blocks, which cost reads.
func hashKey(k delta.Key) uint64 {
	h := uint64(0xcbf29ce484222325) // FNV-1a
	for i := range len(k) {
		h = (h ^ uint64(k[i])) * 0x100000001b3
	}
	return mix(h)
}

func placeOf(anchor delta.Key) uint32 { return uint32(hashKey(anchor)>>32) & placeMask }

func (s Shape) isAnchor(k delta.Key) bool { return hashKey(k)%uint64(s.BlockEntries) == 0 }

// Whole returns the fingerprint of all entries.
func (f *Fingerprints) Whole() delta.Fingerprint { return f.whole }

// FingerprintOf returns the fingerprint of the entries in a span. read must be
// of the same instant. It reads the entries of the blocks that the bounds lie
// in, none if they separate blocks. O(log n + entries of a block).
func (f *Fingerprints) FingerprintOf(read delta.Reader, s delta.Span) (delta.Fingerprint, error) {
	if s.IsEmpty() {
		return delta.Fingerprint{}, nil
	}
	from, to := f.blocks.find(s.From), f.blocks.find(s.To)
	if from.item == to.item && !from.isPast(s.From) && !to.isPast(s.To) {
		return sumOf(read, s)
	}
	low, err := f.upTo(read, from, s.From)
	if err != nil {
		return delta.Fingerprint{}, err
	}
	high, err := f.upTo(read, to, s.To)
	return high.Minus(low), err
}

// isPast reports whether k, which lies in the block, is behind all its entries.
func (w where) isPast(k delta.Key) bool {
	return w.next != nil && k >= w.next.low() || w.next == nil && k >= delta.Whole.To
}

// upTo returns the fingerprint of all entries before k, which lies in w.
func (f *Fingerprints) upTo(read delta.Reader, w where, k delta.Key) (delta.Fingerprint, error) {
	switch {
	case k == w.from:
		return w.before, nil
	case w.isPast(k):
		return w.before.Plus(w.sum), nil
	}
	part, err := sumOf(read, delta.Span{From: w.from, To: k})
	return w.before.Plus(part), err
}

// sumOf returns the fingerprint of a span by reading it.
func sumOf(read delta.Reader, s delta.Span) (delta.Fingerprint, error) {
	var sum delta.Fingerprint
	err := read.Scan(s, func(e delta.Entry) error {
		sum = sum.Plus(delta.FingerprintOf(e))
		return nil
	})
	return sum, err
}

// Split partitions a span into at most fanOut children of about as many records
// each, none without any: a long one between blocks, a short one, or one of few long
// blocks, exactly, by reading it. Where much is late a child may be much longer than
// another.
func (f *Fingerprints) Split(read delta.Reader, s delta.Span, fanOut int) ([]Child, error) {
	whole, err := f.FingerprintOf(read, s)
	if err != nil {
		return nil, err
	}
	if whole.Count <= uint64(fanOut*f.shape.BlockEntries) {
		return splitByReading(read, s, whole.Count, fanOut)
	}
	start, err := f.upTo(read, f.blocks.find(s.From), s.From)
	if err != nil {
		return nil, err
	}
	var out []Child
	from, done, end := s.From, start, start.Plus(whole)
	for i := 1; i < fanOut; i++ {
		w := f.blocks.findRecord(start.Count + uint64(i)*whole.Count/uint64(fanOut))
		if to := w.low(); to > from && to < s.To && w.before.Count > done.Count && w.before.Count < end.Count {
			out = append(out, Child{Span: delta.Span{From: from, To: to}, Digest: DigestOf(w.before.Minus(done))})
			from, done = to, w.before
		}
	}
	if len(out) < fanOut/2 {
		return splitByReading(read, s, whole.Count, fanOut)
	}
	return append(out, Child{Span: delta.Span{From: from, To: s.To}, Digest: DigestOf(end.Minus(done))}), nil
}

// Symbols returns symbols of the sketch from one to another, or to the last
// that is kept.
func (f *Fingerprints) Symbols(from, to int) []Symbol { return f.sketch.slice(from, to) }

// Locate visits the entries that elements stand for, in the order of places. It
// reads the blocks at these places: those of others are but looked over.
// Elements that there are no entries for are left out.
func (f *Fingerprints) Locate(read delta.Reader, elements []Element, visit func(Element, delta.Entry) error) error {
	byPlace := map[uint32][]Element{}
	for _, x := range elements {
		byPlace[x.place()] = append(byPlace[x.place()], x)
	}
	var found []delta.Span
	var last *item
	f.blocks.all(func(x *item) bool {
		if last != nil {
			found[len(found)-1].To, last = x.from, nil
		}
		if byPlace[x.place] != nil {
			found, last = append(found, delta.Span{From: x.from, To: delta.Whole.To}), x
		}
		return true
	})
	for _, s := range found {
		place := placeOf(s.From)
		wanted := byPlace[place]
		err := read.Scan(s, func(e delta.Entry) error {
			x := elementOf(place, delta.FingerprintOf(e))
			for _, y := range wanted {
				if x == y {
					return visit(x, e)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Blocks returns how many blocks there are, for those who measure.
func (f *Fingerprints) Blocks() int {
	n := 0
	f.blocks.all(func(*item) bool { n++; return true })
	return n
}

// Valid checks F1 to F4 and the tree against the entries of the same instant.
// It is the slow truth that Next is held against. O(state).
func (f *Fingerprints) Valid(read delta.Reader) error {
	if err := f.blocks.valid(); err != nil {
		return err
	}
	b := NewFingerprintsBuilder(f.shape)
	err := read.Scan(delta.Whole, func(e delta.Entry) error {
		b.Add(e.Key, delta.FingerprintOf(e))
		return nil
	})
	if err != nil {
		return err
	}
	return f.sameAs(b.Done())
}

// sameAs compares with fingerprints that were built of the entries anew.
func (f *Fingerprints) sameAs(fresh *Fingerprints) error {
	var want []*item
	fresh.blocks.all(func(x *item) bool { want = append(want, x); return true })
	i, err := 0, error(nil)
	f.blocks.allSettled().all(func(x *item) bool {
		switch {
		case i == len(want) || want[i].from != x.from:
			err = fmt.Errorf("F1: no block begins at %q", x.from)
		case want[i].sum != x.sum || want[i].place != x.place:
			err = fmt.Errorf("F2: the block at %q is %s, its entries are %s", x.from, x.sum, want[i].sum)
		case x.apart < want[i].apart || int(x.apart) > len(x.from):
			err = fmt.Errorf("F3: %q does not separate the block at %q", x.low(), x.from)
		}
		i++
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case i != len(want):
		return fmt.Errorf("F1: %d blocks, want %d", i, len(want))
	case f.whole != fresh.whole:
		return fmt.Errorf("F2: the whole is %s, its entries are %s", f.whole, fresh.whole)
	}
	mine, theirs := f.sketch.slice(0, f.sketch.len()), fresh.sketch.slice(0, f.sketch.len())
	for i := range theirs {
		if mine[i] != theirs[i] {
			return fmt.Errorf("F4: symbol %d is %v, want %v", i, mine[i], theirs[i])
		}
	}
	return nil
}
