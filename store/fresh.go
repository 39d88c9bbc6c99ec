package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/scalesmall/ssnode/delta"
)

const (
	// freshMax is how many images wait at most for their places, before they are
	// placed as fast as new ones come: with as many, neighbours share pages also
	// in a state of a million. Of a smaller state a quarter waits, but freshMin:
	// the file stays small, and some ten share a page. There are twice as many in
	// chunks at most, before chunks go as fast as they come.
	freshMax, freshMin, freshShare = 64 << 10, 256, 4
	// sweepBatch is how many are placed together at least: fewer would dirty as
	// many pages as if each were placed at once.
	sweepBatch = 64
	// imageBytes is how much an image takes on average at most.
	imageBytes = 256
	// imagesMemoryMin is how much all may take at least: twice what a ring has.
	imagesMemoryMin = 2 * journalPages * pageBytes
	// batchMin is how many entries a commit changes with each delta if it is
	// a batch, or with all if they come without deltas: these have neighbours among
	// themselves, so they are put in place at once. What many writers have written
	// one by one has not.
	batchMin = 32
)

// freshLimit returns how many images may wait for their places.
func (t *tables) freshLimit(records uint64) int {
	return min(t.freshMax, max(freshMin, int(min(records/freshShare, freshMax))))
}

// putEntries makes the entries after frames of so many deltas part of the tables. Those of
// frames that were journaled the overlay has already. makeRoom was called.
func (t *tables) putEntries(s *state, frames []*frame, deltas int) error {
	images := imagesOf(frames)
	if images == 0 {
		return nil
	}
	w, err, memory := chunkWriter{tables: t, state: s}, error(nil), s.fresh.memory()
	if s.fresh.taken < s.fresh.end() {
		err = w.takeAll()
	} else {
		for _, f := range frames {
			err = errors.Join(err, w.addAll(f.images, isBatch(images, deltas)))
		}
	}
	if err := errors.Join(err, w.end()); err != nil {
		return err
	}
	limit := t.freshLimit(s.fingerprint.Count)
	bytesMax, memoryMax := imageBytes*limit, max(imagesMemoryMin, 2*imageBytes*limit)
	if s.fresh.unplaced < limit && s.fresh.held() < 2*limit && s.fresh.bytes < bytesMax && s.fresh.memory() < memoryMax {
		return nil
	}
	// As many as come are placed, and some more, so that most commits need not. None goes
	// before older ones are placed: where a few take much, the sweep is round before as
	// much comes again as there may be.
	n := min(sweepBatch, max(1, limit/freshShare)) + images
	if s.fresh.memory() >= memoryMax {
		n += s.fresh.unplaced * max(0, s.fresh.memory()-memory) / bytesMax
	}
	if err := t.placeImages(&s.fresh, n); err != nil {
		return err
	}
	return t.dropChunks(s, 2*n, memoryMax)
}

// chunkWriter appends what updates have changed to the chunks, in their order. A batch, and
// what is large, it puts in place, unless an older image in a chunk would count then (S7).
type chunkWriter struct {
	tables *tables
	state  *state
	// images are on their way to a chunk, and take so many bytes.
	images []*image
	bytes  int
}

// takeAll takes the images of frames from the overlay.
func (w *chunkWriter) takeAll() error {
	c := &w.state.fresh
	for c.taken < c.end() {
		x, before := c.take()
		if err := w.put(x, before, w.isLarge(x)); err != nil {
			return err
		}
	}
	return nil
}

// addAll adds those of an update that goes into the tables at once. They have no memory in
// common with what need not be kept.
func (w *chunkWriter) addAll(images []image, isBatch bool) error {
	c := &w.state.fresh
	*c = c.begin()
	for i := range images {
		x := &images[i]
		atOnce := isBatch || w.isLarge(x)
		if atOnce && c.get(x.key) == nil {
			if err := w.tables.putInPlace(x); err != nil {
				return err
			}
			continue
		}
		x = &image{key: x.key, sealed: x.sealed}
		if err := w.put(x, c.add(x), atOnce); err != nil {
			return err
		}
	}
	return nil
}

func (w *chunkWriter) isLarge(x *image) bool { return len(x.sealed) > checksumBytes+w.tables.chunkMax }

// put appends an image that was taken in, where another one counted before, or none.
func (w *chunkWriter) put(x, before *image, isAtOnce bool) error {
	t, c := w.tables, &w.state.fresh
	goesAtOnce := isAtOnce && (before == nil || before.isUnchunked)
	if before != nil {
		t.standings.change(before, replaced)
	}
	if goesAtOnce {
		c.place(&t.standings, x)
		c.unchunk(x)
		return t.putInPlace(x)
	}
	w.images, w.bytes = append(w.images, x), w.bytes+x.bytes()
	if w.bytes < t.chunkMax {
		return nil
	}
	return w.endChunk()
}

// end ends the last chunk.
func (w *chunkWriter) end() error {
	if c := &w.state.fresh; len(w.images) == 0 && c.isChunked() {
		return nil
	}
	return w.endChunk()
}

func (w *chunkWriter) endChunk() error {
	images, bytes := w.images, w.bytes
	w.images, w.bytes = w.images[:0], 0
	w.state.fresh.endChunk(len(images) > 0)
	if len(images) == 0 {
		return nil
	}
	room := w.tables.scratch.room(chunkRoom(len(images), bytes))
	return w.tables.putChunk(w.state, encodeChunk(room, images))
}

// putInPlace puts what an entry has become into the bucket entries.
func (t *tables) putInPlace(x *image) error {
	key := t.entries.keyOf(x.key)
	var err error
	if x.isGone() {
		err = t.entries.delete(key)
	} else {
		err = t.entries.putSealed(key, x.sealed)
	}
	if err != nil {
		return fmt.Errorf("write entry: %w", err)
	}
	return nil
}

// placeImages puts the next n images in their places, neighbours, so that pages
// are shared.
func (t *tables) placeImages(c *chunked, n int) error {
	for _, x := range c.nextUnplaced(n) {
		if err := t.putInPlace(x); err != nil {
			return err
		}
		c.place(&t.standings, x)
		c.sweep = x.key
	}
	return nil
}

// placeAll puts the newest entries in their places, but for what is written
// meanwhile, in transactions between which others get their turn. It leaves them
// where they are if the disk is so full that a transaction could fail, after which
// the store would answer nothing until it is opened anew.
func (s *Store) placeAll(ctx context.Context) error {
	for round, rounds := 0, 1; round < rounds; round++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		left, err := s.placeSome()
		if err != nil || left == 0 {
			return err
		}
		if round == 0 {
			rounds += placeRounds(left)
		}
	}
	return nil
}

// placeRounds returns how many rounds place so many images, where all may wait, as after an
// opening, and then take away the chunks, of which none may go before the last was placed.
// It is not asked again: what is written meanwhile would have no end.
func placeRounds(images int) int { return 2 + 2*images/placeBatch }

// placeBatch is how many entries placeAll places in one transaction.
const placeBatch = 512

// placeRoom returns more than such a transaction makes a file grow by, which first folds
// so many images of the journal, and has these bytes of images in chunks then: it dirties a
// page and some of the branches above for each that is placed, and two where a page is
// split.
func placeRoom(folded, bytes int) uint64 {
	return uint64(4*(placeBatch+folded)*pageBytes + growBytes + bytes)
}

// placeSome does a part of that and returns how many images the chunks have left, 0 if
// nothing more is to be done.
func (s *Store) placeSome() (left int, err error) {
	err = s.changeBeside(func(t *tables, next state, _ *delta.Replica) (state, error) {
		if next.fresh.first == next.fresh.next || s.options.room(s.path) < placeRoom(imagesOf(s.unfolded()), next.fresh.bytes) {
			return state{}, errNothing
		}
		next.fresh = next.fresh.ordered()
		if err := t.placeImages(&next.fresh, placeBatch); err != nil {
			return state{}, err
		}
		if err := t.dropChunks(&next, 2*placeBatch, math.MaxInt); err != nil {
			return state{}, err
		}
		left = next.fresh.held()
		return next, nil
	})
	return left, err
}

// dropChunks takes away the chunks that are needed no more, the first of them:
// those of about n images, if there are as many, or more while all take as many bytes of
// memory as they may.
func (t *tables) dropChunks(s *state, n, memoryMax int) error {
	for (n > 0 || s.fresh.memory() >= memoryMax) && len(s.fresh.chunks) > 0 {
		dropped, images := s.fresh.dropChunk()
		if images == 0 {
			return nil
		}
		n -= images
		if !dropped.inFile {
			continue
		}
		if err := t.deleteChunk(s, s.fresh.first-1); err != nil {
			return err
		}
	}
	return nil
}
