package antientropy

import (
	"github.com/scalesmall/ssnode/delta"
)

// FingerprintsBuilder takes the entries of a state in order.
type FingerprintsBuilder struct {
	shape  Shape
	blocks []item
	sketch symbols
	whole  delta.Fingerprint
	last   delta.Key
}

// NewFingerprintsBuilder returns a builder that has seen nothing.
func NewFingerprintsBuilder(s Shape) *FingerprintsBuilder {
	return &FingerprintsBuilder{shape: s, sketch: newSymbols(s.Symbols), blocks: []item{{place: placeOf("")}}}
}

// Add takes the next entry, ascending by key: its key and its fingerprint.
func (b *FingerprintsBuilder) Add(k delta.Key, f delta.Fingerprint) {
	if b.shape.isAnchor(k) {
		b.blocks = append(b.blocks, blockAt(k, b.last))
	}
	x := &b.blocks[len(b.blocks)-1]
	x.sum = x.sum.Plus(f)
	b.whole = b.whole.Plus(f)
	b.sketch.add(elementOf(x.place, f))
	b.last = k
}

// blockAt returns an empty block that begins at an anchor, the entry before
// which has the key last, "" if there is none.
func blockAt(anchor, last delta.Key) item {
	return item{from: anchor, place: placeOf(anchor), apart: uint16(len(separator(last, anchor)))}
}

// Done returns the fingerprints of what was added.
func (b *FingerprintsBuilder) Done() *Fingerprints {
	f := &Fingerprints{shape: b.shape, blocks: newTree(b.blocks), sketch: b.sketch.begin(0), whole: b.whole}
	f.blocks.weightMax = b.shape.Symbols / lateBlocksShare
	return f
}

// Next returns the fingerprints after changes, ascending by key, that led to
// the entries of after. It reads blocks that begin or end, one in BlockEntries
// changes of keys, each once. O(changes·log n).
//
// The blocks are first told what has changed in them, and cut where anchors
// have come. Then those are joined whose anchors have gone, by what is there
// now: each of these steps leads from sums that are right to sums that are.
func (f *Fingerprints) Next(changes []delta.EntryChange, after delta.Reader) (*Fingerprints, error) {
	next := &Fingerprints{shape: f.shape, blocks: f.blocks.begin(len(changes)), sketch: f.sketch.begin(2 * len(changes)), whole: f.whole}
	var gone []delta.Key
	for rest := changes; len(rest) > 0; {
		w := next.blocks.look(rest[0].Key)
		run := rest[:w.leading(rest)]
		rest = rest[len(run):]
		come, left := f.shape.anchorsOf(run)
		gone = append(gone, left...)
		if !come {
			next.change(w, run)
		} else if err := next.cut(w, run, after); err != nil {
			return nil, err
		}
	}
	for _, anchor := range gone {
		if err := next.join(anchor, after); err != nil {
			return nil, err
		}
	}
	next.blocks.compact()
	return next, nil
}

// Reads reports whether Next reads entries for these changes, which it does if
// anchors come or go; else it cannot fail. O(changes).
func (f *Fingerprints) Reads(changes []delta.EntryChange) bool {
	come, gone := f.shape.anchorsOf(changes)
	return come || len(gone) > 0
}

// leading returns how many of the changes, ascending, of which the first does,
// lie in the block.
func (w where) leading(changes []delta.EntryChange) int {
	if w.next == nil {
		return len(changes)
	}
	n := 1
	for n < len(changes) && changes[n].Key < w.next.from {
		n++ // few have more than one
	}
	return n
}

// anchorsOf reports whether changes bring anchors, and which have gone by them.
func (s Shape) anchorsOf(changes []delta.EntryChange) (come bool, gone []delta.Key) {
	for _, x := range changes {
		switch {
		case x.Before().IsZero() == x.After().IsZero() || !s.isAnchor(x.Key):
		case x.Before().IsZero():
			come = true
		default:
			gone = append(gone, x.Key)
		}
	}
	return come, gone
}

// change tells a block of changes in it, ascending, none of which is an anchor
// that has come (F2, F3, F4).
func (f *Fingerprints) change(w where, changes []delta.EntryChange) {
	last := delta.Key("")
	var before, after delta.Fingerprint
	for i := range changes {
		x := &changes[i]
		was, is := f.exchange(w, x)
		before, after = before.Plus(was), after.Plus(is)
		if x.Before().IsZero() {
			last = x.Key
		}
	}
	f.whole = f.whole.Minus(before).Plus(after)
	f.blocks.adjust(w.item, after.Minus(before))
	f.keepApart(w, last)
}

// exchange takes what an entry was before a change out of the sketch, puts in what
// it is now, and returns the fingerprints of both, zero where there is none.
func (f *Fingerprints) exchange(w where, x *delta.EntryChange) (was, is delta.Fingerprint) {
	was = f.forget(w, x)
	if !x.After().IsZero() {
		_, is = x.Fingerprints()
		f.sketch.add(elementOf(w.place, is))
	}
	return was, is
}

// forget takes what an entry was before a change out of the sketch and returns
// its fingerprint.
func (f *Fingerprints) forget(w where, x *delta.EntryChange) delta.Fingerprint {
	if x.Before().IsZero() {
		return delta.Fingerprint{}
	}
	sum, _ := x.Fingerprints()
	f.sketch.remove(elementOf(w.place, sum))
	return sum
}

// keepApart sees that the block after w keeps apart from an entry before it
// (F3).
func (f *Fingerprints) keepApart(w where, last delta.Key) {
	if w.next == nil || last < w.next.low() {
		return
	}
	f.blocks = f.blocks.edit(w.next.from, func(b item) []item {
		b.apart = uint16(len(separator(last, b.from)))
		return []item{b}
	})
}

// cut tells a block of changes in it, ascending, and begins a new one at every
// anchor that has come (F1). It reads the block once: what was there before and
// lies behind an anchor now is elsewhere (F4).
func (f *Fingerprints) cut(w where, changes []delta.EntryChange, after delta.Reader) error {
	for i := range changes {
		f.whole = f.whole.Minus(f.forget(w, &changes[i]))
	}
	first := *w.item
	first.sum = delta.Fingerprint{}
	blocks, last := []item{first}, w.from
	err := after.Scan(delta.Span{From: w.from, To: w.end()}, func(e delta.Entry) error {
		if e.Key != w.from && f.shape.isAnchor(e.Key) {
			blocks = append(blocks, blockAt(e.Key, last))
		}
		b, sum := &blocks[len(blocks)-1], delta.FingerprintOf(e)
		b.sum, last = b.sum.Plus(sum), e.Key
		for len(changes) > 0 && changes[0].Key < e.Key {
			changes = changes[1:]
		}
		switch isChanged := len(changes) > 0 && changes[0].Key == e.Key; {
		case isChanged:
			f.whole = f.whole.Plus(sum)
		case len(blocks) == 1:
			return nil
		default:
			f.sketch.remove(elementOf(w.place, sum))
		}
		f.sketch.add(elementOf(b.place, sum))
		return nil
	})
	f.blocks = f.blocks.edit(w.from, func(item) []item { return blocks })
	f.keepApart(w, last)
	return err
}

// join ends the block of an anchor that is gone: what is left of it belongs to
// the one before (F1).
func (f *Fingerprints) join(anchor delta.Key, after delta.Reader) error {
	w := f.blocks.find(anchor)
	left := f.blocks.findBefore(anchor)
	place, moved := left.place, w.sum
	err := after.Scan(delta.Span{From: anchor, To: w.end()}, func(e delta.Entry) error {
		x := delta.FingerprintOf(e)
		f.sketch.remove(elementOf(w.place, x))
		f.sketch.add(elementOf(place, x))
		return nil
	})
	f.blocks = f.blocks.edit(anchor, func(item) []item { return nil })
	f.blocks = f.blocks.edit(left.from, func(b item) []item {
		b.sum = b.sum.Plus(moved)
		return []item{b}
	})
	return err
}
