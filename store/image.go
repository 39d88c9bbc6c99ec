package store

import (
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// image is what one of the last commits has made of an entry.
type image struct {
	key delta.Key
	// sealed is what is stored of the entry once it is in its place, nil if there is
	// no entry any more.
	sealed []byte
	// standing changes, and belongs to who holds Store.file: nobody else looks at it. Those
	// that the tables do not have are unplaced.
	standing standing
	// isUnchunked says that it was put in its place at once, and no chunk has it. It
	// belongs to the same.
	isUnchunked bool
	// position is that in its generation.
	position uint32
}

// newImages returns the images of what entries have become.
func newImages(changes []delta.EntryChange) []image {
	images := make([]image, len(changes))
	var key []byte // reused: to make one each time is an allocation
	for i := range changes {
		x := &changes[i]
		images[i].key = x.Key
		if after := x.After(); !after.IsZero() {
			key = append(key[:0], x.Key...)
			images[i].sealed = unsealed(delta.AppendEntry(unsealedRoom(delta.EntryRoom(after)), after)).seal(bucketEntries, key)
		}
	}
	return images
}

// isGone reports whether there is no entry any more.
func (x *image) isGone() bool { return x.sealed == nil }

// payload returns what is stored of the entry, nil if there is none.
func (x *image) payload() []byte {
	if x.isGone() {
		return nil
	}
	return x.sealed[checksumBytes:]
}

// bytes returns what it takes in a chunk, about.
func (x *image) bytes() int { return len(x.key) + len(x.payload()) }

// standing is what is still to be done for an image. An image is told where it stands,
// and not replaced by one that says so: that spares a search for each image that is
// placed, and for each that goes, and a copy of what the overlay is made of.
type standing uint8

const (
	// unplaced is one that counts and waits for its place.
	unplaced standing = iota
	// inPlace is one that counts, and the bucket entries has the same.
	inPlace
	// replaced is one that does not count: there is a newer one.
	replaced
)

// standings are what a transaction has changed, with what was before.
type standings []formerStanding

type formerStanding struct {
	image  *image
	before standing
}

func (s *standings) change(x *image, to standing) {
	*s = append(*s, formerStanding{x, x.standing})
	x.standing = to
}

// takeBack undoes the changes, when the transaction fails.
func (s standings) takeBack() {
	for _, x := range slices.Backward(s) {
		x.image.standing = x.before
	}
}
