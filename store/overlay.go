package store

import (
	"bytes"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"github.com/tidwall/btree"
)

// image is what one of the last commits has made of an entry.
type image struct {
	// payload is what is stored of the entry, nil if there is none any more.
	payload []byte
	// chunk is the chunk that it is in.
	chunk uint64
	// placed says that the bucket entries has the same.
	placed bool
}

// overlay are the entries that were written last. Writes come to keys all over
// the state, and to put each entry in its place at once would dirty a page for
// each. So a commit appends images of the entries that it has changed to the
// bucket fresh, in chunks, and images are put in their places later, neighbours
// together, some with each commit (sweep):
//
//	S7  The entries of a state are those in the bucket entries, but where the
//	    bucket fresh has images of one: the one in the highest chunk counts.
//	S8  The overlay has exactly the images that count, and what a placed one says
//	    is in the bucket entries, too.
//	S9  A chunk goes when each of its images is placed, or does not count; chunks
//	    go in the order in which they came. So none that is left is older than
//	    what has taken its place.
//
// An overlay is never changed: who holds one keeps it.
type overlay struct {
	images *btree.Map[delta.Key, *image]
	// first and next bound the chunks: state stores them.
	first, next uint64
	// written is how many images the chunks have, bytes what these take, unplaced
	// how many of those that count are not placed.
	written, bytes, unplaced int
	// sweep is from where on the next images are placed.
	sweep delta.Key
}

// overlayDegree makes nodes small: what a commit changes of them it copies.
const overlayDegree = 8

func newOverlay(first, next uint64) overlay {
	return overlay{images: btree.NewMap[delta.Key, *image](overlayDegree), first: first, next: next}
}

// begin returns a copy that may be changed until it is held by anybody else.
func (o overlay) begin() overlay {
	o.images = o.images.Copy()
	return o
}

// set makes an image the one that counts for a key.
func (o *overlay) set(k delta.Key, x *image) {
	if before, ok := o.images.Set(k, x); ok && !before.placed {
		o.unplaced--
	}
	if !x.placed {
		o.unplaced++
	}
}

func (o *overlay) has(k delta.Key) bool {
	_, ok := o.images.Get(k)
	return ok
}

// unplacedImage is one that waits for its place.
type unplacedImage struct {
	key delta.Key
	*image
}

// nextUnplaced returns the first n images that are not placed, from where the
// sweep is, and around.
func (o *overlay) nextUnplaced(n int) []unplacedImage {
	out := make([]unplacedImage, 0, n)
	collect := func(k delta.Key, x *image) bool {
		if !x.placed {
			out = append(out, unplacedImage{k, x})
		}
		return len(out) < n
	}
	o.images.Ascend(o.sweep, collect)
	if len(out) < n {
		o.images.Scan(func(k delta.Key, x *image) bool { return k < o.sweep && collect(k, x) })
	}
	return out
}

// add takes in an image that a chunk has.
func (o *overlay) add(k delta.Key, x *image) {
	o.written, o.bytes = o.written+1, o.bytes+len(k)+len(x.payload)
	o.set(k, x)
}

// drop forgets the images of the first chunk, unless one of them counts and is not
// placed, which it reports.
func (o *overlay) drop(images []keyedImage) (dropped bool) {
	var counting []delta.Key
	for _, x := range images {
		held, ok := o.images.Get(x.key)
		switch {
		case !ok || held.chunk != o.first:
		case !held.placed:
			return false
		default:
			counting = append(counting, x.key)
		}
	}
	for _, k := range counting {
		o.images.Delete(k)
	}
	for _, x := range images {
		o.written, o.bytes = o.written-1, o.bytes-len(x.key)-len(x.payload)
	}
	o.first++
	return true
}

// readOverlay reads the bucket fresh, which files of some version have: O(images),
// of which there are twice freshMax or little more.
func (t *tables) readOverlay(version uint64, s *state) error {
	if version < 3 {
		return nil
	}
	o := newOverlay(s.fresh.first, s.fresh.next)
	want := o.first
	err := t.fresh.each(nil, nil, func(key, payload []byte) error {
		number, images, err := decodeChunk(key, payload)
		switch {
		case err != nil:
			return err
		case number != want || number >= o.next:
			return fmt.Errorf("%w: chunk %d of the newest entries is where chunk %d of those before %d should be", ErrCorrupt, number, want, o.next)
		}
		want++
		for _, x := range images {
			o.add(x.key, &image{payload: bytes.Clone(x.payload), chunk: number})
		}
		return nil
	})
	if err == nil && want != o.next {
		err = fmt.Errorf("%w: the newest entries end with chunk %d, want %d", ErrCorrupt, want-1, o.next-1)
	}
	s.fresh = o
	return err
}

// keyedImage is an image in a chunk.
type keyedImage struct {
	key     delta.Key
	payload []byte
}

// chunkBytes is how large a chunk becomes, unless one image is larger: several fit
// in a page.
const chunkBytes = 900

// chunkValuesMax bounds the keys and images in one: each but the last takes a byte.
const chunkValuesMax = 2 * (chunkBytes + 1)

// encodeChunk returns the payload of a chunk: key after image, null for none.
func encodeChunk(images []keyedImage) []byte {
	values, size := make([][]byte, 0, 2*len(images)), 0
	for _, x := range images {
		values = append(values, []byte(x.key), x.payload)
		size += len(x.key) + len(x.payload) + 6
	}
	return delta.AppendList(make([]byte, 0, size+6), values)
}

// decodeChunk returns the number of a chunk and its images. Their payloads share
// the memory of that of the chunk.
func decodeChunk(key, payload []byte) (number uint64, images []keyedImage, err error) {
	if number, err = parseIndexKey(key); err != nil {
		return 0, nil, err
	}
	values, err := delta.DecodeList(payload, chunkValuesMax)
	if err != nil {
		return 0, nil, corrupt(fmt.Sprintf("fresh: chunk %d", number), err)
	}
	if len(values)%2 != 0 || len(values) == 0 {
		return 0, nil, fmt.Errorf("%w: fresh: chunk %d has %d values", ErrCorrupt, number, len(values))
	}
	for i := 0; i < len(values); i += 2 {
		if len(values[i]) == 0 {
			return 0, nil, fmt.Errorf("%w: fresh: chunk %d has an image without a key", ErrCorrupt, number)
		}
		images = append(images, keyedImage{delta.Key(values[i]), values[i+1]})
	}
	return number, images, nil
}
