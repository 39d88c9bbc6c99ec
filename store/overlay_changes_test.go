package store

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
)

var overlayChangesSeed = flag.Uint64("overlay-changes-seed", 0, "seed of the changes of an overlay; 0: by the time of day")

// changing are the newest entries of tables, and what is journaled beyond these, beside a
// model of both: which image counts for each key.
type changing struct {
	random    *rand.Rand
	keys      []delta.Key
	tables    chunked
	journaled journaled
	counts    map[delta.Key]*image
	standings standings
	limit     int    // about how many images the chunks have
	sequence  uint64 // of the next frame
}

func newChanging(seed uint64) *changing {
	c := &changing{random: rand.New(rand.NewPCG(seed, 3)), tables: newChunked(1, 1), counts: map[delta.Key]*image{}, limit: 1500, sequence: 1}
	c.journaled = journaled{images: c.tables.overlay}
	for i := range 2000 {
		c.keys = append(c.keys, delta.Key(fmt.Sprintf("k%04d", i)))
	}
	return c
}

// commit does what an update does that is journaled, or a transaction of the tables: which
// folds, and may add more, and may fail.
func (c *changing) commit() error {
	if c.random.IntN(3) > 0 {
		c.append()
		return nil
	}
	t, counts := c.tables.follow(c.journaled.images), maps.Clone(c.counts)
	c.standings = nil
	c.take(&t)
	if c.random.IntN(2) == 0 {
		t = t.begin()
		for range c.random.IntN(3) {
			c.add(&t, counts)
		}
	}
	err := c.place(&t, counts)
	c.drop(&t, counts)
	if c.random.IntN(6) == 0 {
		c.standings.takeBack()
		return err
	}
	isAlone := t.end() != c.journaled.images.end()
	c.tables, c.counts = t, counts
	switch {
	case isAlone:
		c.journaled = journaled{images: t.overlay}
	case c.random.IntN(2) == 0:
		c.journaled = c.journaled.without(folded{c.sequence, t.dropped})
	} // else the next does so
	return err
}

// images returns some new ones, one, or some, or many, of keys that ascend.
func (c *changing) images() []image {
	keys := map[delta.Key]bool{}
	for range 1 + c.random.IntN([]int{1, 20, 20, 20, 700}[c.random.IntN(5)]) {
		among := []int{10, len(c.keys)}[c.random.IntN(2)]
		keys[c.keys[c.random.IntN(among)]] = true
	}
	var images []image
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		images = append(images, image{key: k})
	}
	return images
}

// append journals a frame, which may be given up.
func (c *changing) append() {
	f := &frame{effects: &delta.Effects{}, images: c.images()}
	f.at.sequence = c.sequence
	next := c.journaled.with(f, folded{c.foldedBelow(), c.tables.dropped})
	if c.random.IntN(5) == 0 {
		return
	}
	c.journaled, c.counts = next, maps.Clone(c.counts)
	for i := range f.images {
		c.counts[f.images[i].key] = &f.images[i]
	}
	c.sequence++
}

// foldedBelow returns the sequence below which the tables have all frames.
func (c *changing) foldedBelow() uint64 {
	for _, f := range c.journaled.frames {
		if f.number >= c.tables.taken {
			return f.at.sequence
		}
	}
	return c.sequence
}

// take takes in what is journaled, chunk by chunk, and some of it in no chunk.
func (c *changing) take(t *chunked) {
	for n := 1; t.taken < t.end(); n++ {
		if _, before := t.take(); before != nil {
			c.standings.change(before, replaced)
		}
		if n%8 == 0 || t.taken == t.end() {
			t.endChunk(c.random.IntN(4) > 0)
		}
	}
}

// add adds images that were not journaled, chunk by chunk.
func (c *changing) add(t *chunked, counts map[delta.Key]*image) {
	images := c.images()
	for i := range images {
		if before := t.add(&images[i]); before != nil {
			c.standings.change(before, replaced)
		}
		counts[images[i].key] = &images[i]
		if i%8 == 7 || i == len(images)-1 {
			t.endChunk(true)
		}
	}
}

// place places what the sweep gives, and holds that against the model.
func (c *changing) place(t *chunked, counts map[delta.Key]*image) error {
	var waiting []*image
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if x := counts[k]; x.standing == unplaced {
			waiting = append(waiting, x)
		}
	}
	if len(waiting) != t.unplaced {
		return fmt.Errorf("%d images wait, not %d", len(waiting), t.unplaced)
	}
	at := slices.IndexFunc(waiting, func(x *image) bool { return x.key >= t.sweep })
	want := slices.Concat(waiting[max(0, at):], waiting[:max(0, at)])
	n := c.random.IntN(60)
	got := t.nextUnplaced(n)
	if want = want[:min(n, len(want))]; !slices.Equal(got, want) {
		return fmt.Errorf("the sweep comes to %d images %v, want %d %v", len(got), keysOf(got), len(want), keysOf(want))
	}
	for _, x := range got {
		t.place(&c.standings, x)
		t.sweep = x.key
	}
	return nil
}

// drop drops chunks while there are more than a limit that comes and goes.
func (c *changing) drop(t *chunked, counts map[delta.Key]*image) {
	if c.random.IntN(50) == 0 {
		c.limit = []int{0, 100, 1500, 3000}[c.random.IntN(4)]
	}
	for t.held() > c.limit {
		var images []*image
		t.eachPart(t.dropped, t.chunks[0].end, func(part []*image) { images = append(images, part...) })
		if _, dropped := t.dropChunk(); dropped == 0 {
			return
		}
		for _, x := range images {
			if counts[x.key] == x {
				delete(counts, x.key)
			}
		}
	}
}

func keysOf(images []*image) (out []delta.Key) {
	for _, x := range images {
		out = append(out, x.key)
	}
	return out
}

// reader returns one of an instant.
func (c *changing) reader() entryReader {
	p := c.journaled
	p.images.drop(c.tables.dropped)
	return entryReader{fresh: c.tables, journaled: p, folded: c.foldedBelow()}
}

// compareImages holds what readers see against what counts, by key, and in order from a
// key on.
func compareImages(r entryReader, keys []delta.Key, counts map[delta.Key]*image, from delta.Key) error {
	for _, k := range keys {
		if got := r.journaled.images.get(k); got != counts[k] {
			return fmt.Errorf("S13: for %q counts %p, not %p", k, got, counts[k])
		}
	}
	if err := errors.Join(validOrders(r.fresh), validGenerations(r.journaled.images)); err != nil {
		return err
	}
	a := r.ascend(from)
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if k < from {
			continue
		}
		if got := a.next(); got != counts[k] {
			return fmt.Errorf("S14: in order comes %v, not %q", got, k)
		}
	}
	if x := a.next(); x != nil {
		return fmt.Errorf("S14: %q comes behind the last", x.key)
	}
	return nil
}

// validOrders holds S14 for the runs.
func validOrders(c chunked) error {
	if len(c.orders) != len(c.generations) {
		return fmt.Errorf("S14: %d generations have %d orders", len(c.generations), len(c.orders))
	}
	for i, r := range c.orders {
		for _, run := range append(slices.Clone(r.runs), c.generations[i].tailOf(&r)) {
			for j := 1; j < len(run); j++ {
				if run[j-1].key >= run[j].key {
					return fmt.Errorf("S14: %q comes before %q in a run", run[j-1].key, run[j].key)
				}
			}
		}
	}
	return nil
}

// validGenerations holds S13 for what leads from an image to the one before it, and that
// nothing is kept of generations whose images have all been dropped.
func validGenerations(o overlay) error {
	for i, g := range o.generations {
		if isLast := i == len(o.generations)-1; i == 0 && g.end() <= o.dropped || !isLast && !g.isFull() {
			return fmt.Errorf("generation %d of %d has %d images of %d, dropped are %d", i, len(o.generations), g.n, len(g.table.images), o.dropped)
		}
	}
	last := map[delta.Key]*image{}
	for number := o.dropped; number < o.end(); number++ {
		x := o.at(number)
		if before := o.before(number); before != last[x.key] {
			return fmt.Errorf("S13: before image %d of %q comes %p, not %p", number, x.key, before, last[x.key])
		}
		last[x.key] = x
	}
	return nil
}

// TestOverlay_AnyChanges holds S13 and S14: whatever updates and folds add, place and drop,
// and whether they fail, each instant shows what counted then, also long after, and while
// the next is made.
func TestOverlay_AnyChanges(t *testing.T) {
	seed := *overlayChangesSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -overlay-changes-seed %d", seed)
	c := newChanging(seed)
	var reading sync.WaitGroup
	problems := make(chan error, 1000)
	for range 500 {
		if err := c.commit(); err != nil {
			problems <- err
			break
		}
		r, counts, from := c.reader(), c.counts, c.keys[c.random.IntN(len(c.keys))]
		again := c.random.IntN(10) == 0
		reading.Go(func() { problems <- compareImages(r, c.keys, counts, from) })
		if again {
			defer func() {
				if err := compareImages(r, c.keys, counts, ""); err != nil {
					t.Errorf("long after: %v", err)
				}
			}()
		}
	}
	reading.Wait()
	close(problems)
	var all error
	for err := range problems {
		all = errors.Join(all, err)
	}
	if all != nil {
		t.Error(all)
	}
}
