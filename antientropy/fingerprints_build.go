package antientropy

import "github.com/scalesmall/ssnode/delta"

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
	return &Fingerprints{shape: b.shape, blocks: newTree(b.blocks), sketch: b.sketch.begin(), whole: b.whole}
}

// Next returns the fingerprints after changes, ascending by key, that led to
// the entries of after. It reads blocks that begin or end, one in BlockEntries
// changes of keys. O(changes·log n).
//
// The blocks are first left where they are, and told what has changed in them.
// Then they are cut and joined, by what is there now: each of these steps leads
// from sums that are right to sums that are.
func (f *Fingerprints) Next(changes []delta.EntryChange, after delta.Reader) (*Fingerprints, error) {
	next := &Fingerprints{shape: f.shape, blocks: f.blocks, sketch: f.sketch.begin(), whole: f.whole}
	var anchors []delta.EntryChange
	for _, x := range changes {
		next.change(x)
		if x.Before.IsZero() != x.After.IsZero() && f.shape.isAnchor(x.Key) {
			anchors = append(anchors, x)
		}
	}
	for _, x := range anchors {
		var err error
		if x.Before.IsZero() {
			err = next.cut(x.Key, after)
		} else {
			err = next.join(x.Key, after)
		}
		if err != nil {
			return nil, err
		}
	}
	return next, nil
}

// change tells the block that an entry lies in of its change (F2, F3, F4).
func (f *Fingerprints) change(x delta.EntryChange) {
	before, after := delta.FingerprintOf(x.Before), delta.FingerprintOf(x.After)
	w := f.blocks.find(x.Key)
	if !x.Before.IsZero() {
		f.sketch.remove(elementOf(w.place, before))
	}
	if !x.After.IsZero() {
		f.sketch.add(elementOf(w.place, after))
	}
	f.whole = f.whole.Minus(before).Plus(after)
	next := w.next
	f.blocks = f.blocks.edit(x.Key, func(b item) []item {
		b.sum = b.sum.Minus(before).Plus(after)
		return []item{b}
	})
	if x.Before.IsZero() && next != nil && x.Key >= next.low() {
		f.blocks = f.blocks.edit(next.from, func(b item) []item {
			b.apart = uint16(len(separator(x.Key, b.from)))
			return []item{b}
		})
	}
}

// cut begins a block at a new anchor (F1).
func (f *Fingerprints) cut(anchor delta.Key, after delta.Reader) error {
	w := f.blocks.find(anchor)
	last, place := delta.Key(""), placeOf(anchor)
	if w.from != "" {
		last = w.from
	}
	var moved delta.Fingerprint
	err := after.Scan(delta.Span{From: w.from, To: w.end()}, func(e delta.Entry) error {
		if e.Key < anchor {
			last = e.Key
			return nil
		}
		x := delta.FingerprintOf(e)
		f.sketch.remove(elementOf(w.place, x))
		f.sketch.add(elementOf(place, x))
		moved = moved.Plus(x)
		return nil
	})
	f.blocks = f.blocks.edit(anchor, func(b item) []item {
		right := blockAt(anchor, last)
		b.sum, right.sum = b.sum.Minus(moved), moved
		return []item{b, right}
	})
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
