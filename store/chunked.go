package store

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// chunked are the newest entries of the tables. Writes come to keys all over
// the state, and to put each entry in its place at once would dirty a page for
// each. So images of entries that have changed are appended to the
// bucket fresh, in chunks and by way of the tail (S15), and images are put in their
// places later, neighbours together, some with each fold (sweep):
//
//	S7  The entries of a state are those in the bucket entries, but where a chunk
//	    has an image of one: the one in the highest chunk counts.
//	S8  The overlay has all images that count, and finds them. What a placed one says is
//	    in the bucket entries, too; of one that no chunk has, it is, and no chunk has an
//	    older one of its key.
//	S9  A chunk goes when each of its images is placed, or does not count; chunks
//	    go in the order in which they came. So none that is left is older than
//	    what has taken its place.
//
// What frames have that the tables do not have yet is in the same overlay behind these
// images (journaled). A fold takes them in where they are.
type chunked struct {
	overlay
	// taken is the number of the image behind those of the tables, in the order of which
	// orders has them, by generation.
	taken  int
	orders []order
	// first and next bound the chunks in the file: state stores them. chunks has the
	// images by them.
	first, next uint64
	chunks      []chunk
	// bytes is what the images in chunks take, beside what others do, and unplaced how many
	// of those that count wait for their places.
	bytes, beside, unplaced int
	// sweep is from where on the next images are placed.
	sweep delta.Key
}

// chunk are some images, up to before a number. Of those that were put in place at once
// there may be more than a chunk of the file has, or no such chunk.
type chunk struct {
	end    int
	inFile bool
}

func newChunked(first, next uint64) chunked {
	return chunked{overlay: newOverlay(), first: first, next: next}
}

// begin returns a copy that may be changed, and added to, until it is held by anybody else,
// by who holds Store.write, too. It may be begun again where a transaction has failed.
func (c chunked) begin() chunked {
	c.overlay = c.overlay.begin()
	return c.ordered()
}

// ordered returns a copy whose orders may be changed.
func (c chunked) ordered() chunked {
	c.orders = slices.Clone(c.orders)
	for i := range c.orders {
		c.orders[i].runs = slices.Clone(c.orders[i].runs)
	}
	return c
}

// follow is ordered for who takes in the images that an overlay has beyond these. It may
// still have some that have gone.
func (c chunked) follow(o overlay) chunked {
	o.drop(c.dropped)
	orders := make([]order, len(o.generations))
	for i := range o.generations {
		begins := o.generations[i].begins
		orders[i] = order{tail: max(0, c.taken-begins), swept: unknown}
		for j := range c.orders {
			if c.generations[j].begins == begins {
				orders[i] = c.orders[j]
			}
		}
	}
	c.overlay, c.orders = o, orders
	return c.ordered()
}

// add makes an image the last one, and takes it in.
func (c *chunked) add(x *image) (before *image) {
	c.put(x)
	if len(c.orders) < len(c.generations) {
		c.orders = append(c.orders, order{swept: unknown})
	}
	_, before = c.take()
	return before
}

// take has the next image of the overlay wait for its place, and the one that counted
// before no more. It returns both, nil for none.
func (c *chunked) take() (x, before *image) {
	i := c.of(c.taken)
	g := &c.generations[i]
	at := c.taken - g.begins
	c.orders[i].add(g.room(), at)
	x, before = g.table.images[at], c.before(c.taken)
	if before != nil && before.standing == unplaced {
		c.unplaced--
	}
	x.isUnchunked = false // it may be taken in again
	c.unplaced, c.bytes, c.taken = c.unplaced+1, c.bytes+x.bytes(), c.taken+1
	return x, before
}

// place has it that an image is in its place.
func (c *chunked) place(s *standings, x *image) {
	s.change(x, inPlace)
	c.unplaced--
}

// memory is what all images take.
func (c *chunked) memory() int { return c.bytes + c.beside }

// unchunk has it that no chunk has an image, which was taken in last.
func (c *chunked) unchunk(x *image) {
	x.isUnchunked = true
	c.bytes, c.beside = c.bytes-x.bytes(), c.beside+x.bytes()
}

// nextUnplaced returns the first n images that are not placed, from where the
// sweep is, and around.
func (c *chunked) nextUnplaced(n int) []*image {
	n = min(n, c.unplaced)
	out := c.ascendUnplaced().take(make([]*image, 0, n), n)
	if len(out) < n {
		c.sweep = ""
		for i := range c.orders {
			c.orders[i].swept = unknown
		}
		out = c.ascendUnplaced().take(out, n)
	}
	return out
}

// endChunk makes a chunk of the images that were taken in since the last.
func (c *chunked) endChunk(inFile bool) { c.chunks = append(c.chunks, chunk{c.taken, inFile}) }

// isChunked reports whether all images that were taken in are in chunks.
func (c *chunked) isChunked() bool {
	if n := len(c.chunks); n > 0 {
		return c.chunks[n-1].end == c.taken
	}
	return c.dropped == c.taken
}

// dropChunk forgets the first chunk, of so many images, unless one of them counts and
// is not placed.
func (c *chunked) dropChunk() (dropped chunk, images int) {
	first, bytes, beside, isPlaced := c.chunks[0], 0, 0, true
	images = first.end - c.dropped
	c.eachPart(c.dropped, first.end, func(part []*image) {
		for _, x := range part {
			if x.isUnchunked {
				beside += x.bytes()
			} else {
				bytes += x.bytes()
			}
			isPlaced = isPlaced && x.standing != unplaced
		}
	})
	if !isPlaced {
		return chunk{}, 0
	}
	generations := len(c.generations)
	c.drop(first.end)
	c.bytes, c.beside = c.bytes-bytes, c.beside-beside
	c.chunks, c.orders = c.chunks[1:], c.orders[generations-len(c.generations):]
	if len(c.chunks) == 0 {
		c.chunks = nil
	}
	if first.inFile {
		c.first++
	}
	return first, images
}

// readOverlay reads the chunks, which files of some version have: O(images), of which
// there are twice freshMax or little more.
func (t *tables) readOverlay(version uint64, s *state) error {
	s.moved = s.fresh.next
	if version < 3 {
		return nil
	}
	c := newChunked(s.fresh.first, s.fresh.next)
	if chunks := c.next - c.first; chunks > 0 {
		// Else there would be no more than a few in the first ones, and more of these
		// than there were before.
		n := int(min(chunks, 4*generationMax/chunkImages))
		c.generations = []generation{newGeneration(0, n*chunkImages, n*chunkBytes)}
		c.orders = []order{{swept: unknown}}
	}
	want := c.first
	read := func(key, payload []byte) error {
		number, images, err := decodeChunk(key, payload)
		switch {
		case err != nil:
			return err
		case number != want || number >= c.next:
			return fmt.Errorf("%w: chunk %d of the newest entries is where chunk %d of those before %d should be", ErrCorrupt, number, want, c.next)
		}
		want++
		c.read(images)
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
	if err == nil && want != c.next {
		err = fmt.Errorf("%w: the newest entries end with chunk %d, want %d", ErrCorrupt, want-1, c.next-1)
	}
	s.fresh = c
	return err
}

// read takes in the images of the next chunk of a file.
func (c *chunked) read(chunk []keyedImage) {
	images := make([]image, len(chunk))
	for i, x := range chunk {
		images[i].key = x.key
		if x.payload != nil {
			images[i].sealed = unsealedOf(x.payload).seal(bucketEntries, []byte(x.key))
		}
		if before := c.add(&images[i]); before != nil {
			before.standing = replaced
		}
	}
	c.endChunk(true)
}
