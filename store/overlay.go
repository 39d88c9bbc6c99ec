package store

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// overlay are the entries that were written last. Writes come to keys all over
// the state, and to put each entry in its place at once would dirty a page for
// each. So a commit appends images of the entries that it has changed to the
// bucket fresh, in chunks and by way of the tail (S15), and images are put in their
// places later, neighbours together, some with each commit (sweep):
//
//	S7  The entries of a state are those in the bucket entries, but where a chunk
//	    has an image of one: the one in the highest chunk counts.
//	S8  The overlay has exactly the images that count, and what a placed one says
//	    is in the bucket entries, too.
//	S9  A chunk goes when each of its images is placed, or does not count; chunks
//	    go in the order in which they came. So none that is left is older than
//	    what has taken its place.
//
// An overlay is never changed: who holds one keeps it. Only where its images stand is
// as the last transaction has left it, whoever holds it.
type overlay struct {
	// generations are the images, also those that do not count, in the order of
	// writing; of the first generation so many were dropped.
	generations []generation
	dropped     int
	seed        maphash.Seed
	// first and next bound the chunks: state stores them. chunks are the images in
	// them.
	first, next uint64
	chunks      [][]image
	// written is how many images the chunks have, bytes what these take, unplaced
	// how many of those that count wait for their places: of the journal none do.
	written, bytes, unplaced int
	// sweep is from where on the next images are placed.
	sweep delta.Key
}

func newOverlay(first, next uint64) overlay {
	return overlay{seed: maphash.MakeSeed(), first: first, next: next}
}

// begin returns a copy that may be changed until it is held by anybody else, by one
// alone. It may be begun again where a transaction has failed.
func (o overlay) begin() overlay {
	o.generations = slices.Clone(o.generations)
	if n := len(o.generations); n > 0 {
		o.generations[n-1] = o.generations[n-1].begin(o.seed)
	}
	return o
}

// get returns the image that counts for a key, nil if there is none.
func (o *overlay) get(k delta.Key) *image {
	if len(o.generations) == 0 {
		return nil
	}
	return o.find(o.hash(k), k)
}

func (o *overlay) hash(k delta.Key) uint64 { return maphash.String(o.seed, string(k)) }

// find looks at all generations at once before it looks at one after the other: so what
// it needs of each is on its way from memory at the same time.
func (o *overlay) find(hash uint64, k delta.Key) *image {
	found := uint32(0)
	for i := range o.generations {
		found |= o.generations[i].table.firstSlot(hash)
	}
	if found == 0 {
		return nil
	}
	for i := len(o.generations) - 1; i >= 0; i-- {
		g := &o.generations[i]
		if x := g.table.find(hash, k, g.n); x != nil {
			if i == 0 && int(x.position) < o.dropped {
				return nil
			}
			return x
		}
	}
	return nil
}

// nextUnplaced returns the first n images that are not placed, from where the
// sweep is, and around.
func (o *overlay) nextUnplaced(n int) []*image {
	n = min(n, o.unplaced)
	out := o.ascendUnplaced().take(make([]*image, 0, n), n)
	if len(out) < n {
		o.sweep = ""
		for i := range o.generations {
			o.generations[i].swept = unknown
		}
		out = o.ascendUnplaced().take(out, n)
	}
	return out
}

// add makes an image the one that counts for its key, and returns the one that did,
// nil if there was none. It waits for its place, and the other no more.
func (o *overlay) add(x *image) (before *image) {
	hash := o.hash(x.key)
	before = o.find(hash, x.key)
	if before != nil && before.standing == unplaced {
		o.unplaced--
	}
	o.unplaced++
	o.put(hash, x)
	return before
}

// put makes an image, of a key with this hash, the one that counts for that.
func (o *overlay) put(hash uint64, x *image) {
	if n := len(o.generations); n == 0 || o.generations[n-1].isFull() {
		o.generations = append(o.generations, newGeneration(o.written))
	}
	o.generations[len(o.generations)-1].add(hash, x)
}

// addChunk takes in the images of the next chunk, which were added.
func (o *overlay) addChunk(images []image) {
	for i := range images {
		o.bytes += images[i].bytes()
	}
	o.chunks, o.written = append(o.chunks, images), o.written+len(images)
}

// drop forgets the images of the first chunk and returns how many there are, or 0
// where one of them counts and is not placed.
func (o *overlay) drop() (dropped int) {
	images := o.chunks[0]
	for i := range images {
		if images[i].standing == unplaced {
			return 0
		}
	}
	o.dropFirst()
	return len(images)
}

// dropFirst forgets the images of the first chunk, wherever they stand.
func (o *overlay) dropFirst() {
	images := o.chunks[0]
	for i := range images {
		o.bytes -= images[i].bytes()
	}
	o.chunks, o.first, o.written = o.chunks[1:], o.first+1, o.written-len(images)
	if len(o.chunks) == 0 {
		o.chunks = nil // what is before the first is held until there is no more room behind the last
	}
	for o.dropped += len(images); len(o.generations) > 0 && o.generations[0].n <= o.dropped; {
		o.dropped -= o.generations[0].n
		o.generations = o.generations[1:]
	}
}

// readOverlay reads the chunks, which files of some version have: O(images), of which
// there are twice freshMax or little more.
func (t *tables) readOverlay(version uint64, s *state) error {
	s.moved = s.fresh.next
	if version < 3 {
		return nil
	}
	o := newOverlay(s.fresh.first, s.fresh.next)
	if chunks := o.next - o.first; chunks > 0 {
		// Else there would be no more than a few in the first ones, and more of these
		// than there were before.
		o.generations = []generation{newGeneration(int(min(chunks*chunkImages, 4*generationMax)))}
	}
	want := o.first
	read := func(key, payload []byte) error {
		number, images, err := decodeChunk(key, payload)
		switch {
		case err != nil:
			return err
		case number != want || number >= o.next:
			return fmt.Errorf("%w: chunk %d of the newest entries is where chunk %d of those before %d should be", ErrCorrupt, number, want, o.next)
		}
		want++
		o.read(images)
		return nil
	}
	err := t.fresh.each(nil, nil, read)
	if err == nil {
		s.moved = want
		err = t.tail.each(chunkKey(0), nil, func(key, payload []byte) error {
			s.tailBytes += chunkTakes(payload)
			return read(freshKey(key), payload)
		})
	}
	if err == nil && want != o.next {
		err = fmt.Errorf("%w: the newest entries end with chunk %d, want %d", ErrCorrupt, want-1, o.next-1)
	}
	s.fresh = o
	return err
}

// read takes in the images of the next chunk of a file.
func (o *overlay) read(chunk []keyedImage) {
	images := make([]image, len(chunk))
	for i, x := range chunk {
		images[i].key = x.key
		if x.payload != nil {
			images[i].sealed = unsealedOf(x.payload).seal(bucketEntries, []byte(x.key))
		}
		if before := o.add(&images[i]); before != nil {
			before.standing = replaced
		}
	}
	o.addChunk(images)
}

// keyedImage is an image as a chunk has it.
type keyedImage struct {
	key     delta.Key
	payload []byte
}

// chunkBytes is how large a chunk becomes, unless one image is larger: several fit
// in a page.
const chunkBytes = 900

// chunkImages is how many images a chunk has about, where keys are short: too many cost no
// more than room in a table.
const chunkImages = 16

// chunkValuesMax bounds the keys and images in one: each but the last takes a byte.
const chunkValuesMax = 2 * (chunkBytes + 1)

// encodeChunk returns the payload of a chunk of so many bytes: key after image, null
// for none, a list as delta.DecodeList reads it.
func encodeChunk(images []image, size int) unsealed {
	return appendImages(delta.AppendArray(unsealedRoom(size+6*len(images)+6), uint64(2*len(images))), images)
}

// appendImages appends the values of a list: key after image, null for none.
func appendImages[T ~[]byte](b T, images []image) T {
	for i := range images {
		x := &images[i]
		b = delta.AppendBytes(b, string(x.key))
		if x.isGone() {
			b = delta.AppendNull(b)
		} else {
			b = delta.AppendBytes(b, x.payload())
		}
	}
	return b
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
