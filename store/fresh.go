package store

import (
	"context"
	"fmt"
	"slices"

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

// putEntries makes the entries after a commit of so many deltas part of the tables,
// and of the overlay. For those that are not put in place makeRoom was called.
func (t *tables) putEntries(s *state, images []image, deltas int) error {
	if len(images) == 0 {
		return nil
	}
	s.fresh = s.fresh.begin()
	if err := t.appendImages(s, images, isBatch(len(images), deltas)); err != nil {
		return err
	}
	limit := t.freshLimit(s.fingerprint.Count)
	if s.fresh.unplaced < limit && s.fresh.written < 2*limit && s.fresh.bytes < imageBytes*limit {
		return nil
	}
	// As many as come are placed, and some more, so that most commits need not.
	n := min(sweepBatch, max(1, limit/freshShare)) + len(images)
	if err := t.placeImages(&s.fresh, n); err != nil {
		return err
	}
	return t.dropChunks(s, 2*n)
}

// appendImages appends what commits have changed to the chunks, in their order. A batch,
// and what is large, it puts in place, unless an older image would count then (S7): one of
// the overlay, or one of these that is on its way to a chunk.
func (t *tables) appendImages(s *state, images []image, isBatch bool) error {
	var chunk []image
	size := 0
	for i := range images {
		x := &images[i]
		if (isBatch || len(x.sealed) > checksumBytes+t.chunkMax) && s.fresh.get(x.key) == nil && !isAmong(chunk, x.key) {
			if err := t.putInPlace(x); err != nil {
				return err
			}
			continue
		}
		chunk, size = append(chunk, image{key: x.key, sealed: x.sealed}), size+x.bytes()
		if size >= t.chunkMax {
			if err := t.appendChunk(s, chunk, size); err != nil {
				return err
			}
			chunk, size = chunk[:0], 0
		}
	}
	if len(chunk) == 0 {
		return nil
	}
	return t.appendChunk(s, chunk, size)
}

// isAmong reports whether one of some images is of a key.
func isAmong(images []image, k delta.Key) bool {
	return slices.ContainsFunc(images, func(x image) bool { return x.key == k })
}

func (t *tables) appendChunk(s *state, chunk []image, size int) error {
	images := slices.Clone(chunk) // for the overlay, which leads to each
	for i := range images {
		if before := s.fresh.add(&images[i]); before != nil {
			t.standings.change(before, replaced)
		}
	}
	s.fresh.addChunk(images)
	return t.putChunk(s, encodeChunk(images, size))
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
func (t *tables) placeImages(o *overlay, n int) error {
	for _, x := range o.nextUnplaced(n) {
		if err := t.putInPlace(x); err != nil {
			return err
		}
		t.standings.change(x, inPlace)
		o.unplaced, o.sweep = o.unplaced-1, x.key
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
		next.fresh = next.fresh.begin()
		if err := t.placeImages(&next.fresh, placeBatch); err != nil {
			return state{}, err
		}
		if err := t.dropChunks(&next, 2*placeBatch); err != nil {
			return state{}, err
		}
		left = next.fresh.written
		return next, nil
	})
	return left, err
}

// dropChunks takes away the chunks that are needed no more, the first of them:
// those of about n images, if there are as many.
func (t *tables) dropChunks(s *state, n int) error {
	for n > 0 && s.fresh.first < s.fresh.next {
		dropped := s.fresh.drop()
		if dropped == 0 {
			return nil
		}
		n -= dropped
		if err := t.deleteChunk(s, s.fresh.first-1); err != nil {
			return err
		}
	}
	return nil
}
