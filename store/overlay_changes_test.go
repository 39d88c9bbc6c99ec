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

// changing is an overlay beside a model of it: which image counts for each key, and
// which images its chunks have.
type changing struct {
	random    *rand.Rand
	keys      []delta.Key
	overlay   overlay
	counts    map[delta.Key]*image
	standings standings
	limit     int // about how many images the chunks have
}

func newChanging(seed uint64) *changing {
	c := &changing{random: rand.New(rand.NewPCG(seed, 3)), overlay: newOverlay(1, 1), counts: map[delta.Key]*image{}, limit: 1500}
	for i := range 2000 {
		c.keys = append(c.keys, delta.Key(fmt.Sprintf("k%04d", i)))
	}
	return c
}

// commit changes the overlay as a transaction does, which may fail.
func (c *changing) commit() error {
	o, counts := c.overlay.begin(), maps.Clone(c.counts)
	c.standings = nil
	for range c.random.IntN(3) {
		c.add(&o, counts)
	}
	err := c.place(&o, counts)
	c.drop(&o, counts)
	if c.random.IntN(6) == 0 {
		c.standings.takeBack()
		return err
	}
	c.overlay, c.counts = o, counts
	return err
}

// add adds one image, or some, or many, of keys that ascend, chunk by chunk.
func (c *changing) add(o *overlay, counts map[delta.Key]*image) {
	keys := map[delta.Key]bool{}
	for range 1 + c.random.IntN([]int{1, 20, 20, 20, 700}[c.random.IntN(5)]) {
		among := []int{10, len(c.keys)}[c.random.IntN(2)]
		keys[c.keys[c.random.IntN(among)]] = true
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(keys)), 8) {
		images := make([]image, len(chunk))
		for i, k := range chunk {
			images[i].key = k
			if before := o.add(&images[i]); before != nil {
				c.standings.change(before, replaced)
			}
			counts[k] = &images[i]
		}
		o.addChunk(images)
		o.next++
	}
}

// place places what the sweep gives, and holds that against the model.
func (c *changing) place(o *overlay, counts map[delta.Key]*image) error {
	var waiting []*image
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if x := counts[k]; x.standing == unplaced {
			waiting = append(waiting, x)
		}
	}
	if len(waiting) != o.unplaced {
		return fmt.Errorf("%d images wait, not %d", len(waiting), o.unplaced)
	}
	at := slices.IndexFunc(waiting, func(x *image) bool { return x.key >= o.sweep })
	want := slices.Concat(waiting[max(0, at):], waiting[:max(0, at)])
	n := c.random.IntN(60)
	got := o.nextUnplaced(n)
	if want = want[:min(n, len(want))]; !slices.Equal(got, want) {
		return fmt.Errorf("the sweep comes to %d images %v, want %d %v", len(got), keysOf(got), len(want), keysOf(want))
	}
	for _, x := range got {
		c.standings.change(x, inPlace)
		o.unplaced, o.sweep = o.unplaced-1, x.key
	}
	return nil
}

// drop drops chunks while there are more than a limit that comes and goes.
func (c *changing) drop(o *overlay, counts map[delta.Key]*image) {
	if c.random.IntN(50) == 0 {
		c.limit = []int{0, 100, 1500, 3000}[c.random.IntN(4)]
	}
	for o.written > c.limit {
		images := o.chunks[0]
		if o.drop() == 0 {
			return
		}
		for i := range images {
			if x := &images[i]; counts[x.key] == x {
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

// compareOverlay holds an overlay against what counts in it, by key, and in order from
// a key on.
func compareOverlay(o overlay, keys []delta.Key, counts map[delta.Key]*image, from delta.Key) error {
	for _, k := range keys {
		if got := o.get(k); got != counts[k] {
			return fmt.Errorf("S13: for %q counts %p, not %p", k, got, counts[k])
		}
	}
	if err := validGenerations(o); err != nil {
		return err
	}
	a := o.ascend(from)
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

// validGenerations holds S14 for the runs, and that nothing is kept of generations whose
// images have all been dropped.
func validGenerations(o overlay) error {
	for i, g := range o.generations {
		for _, run := range append(slices.Clone(g.runs), g.tailImages()) {
			for j := 1; j < len(run); j++ {
				if run[j-1].key >= run[j].key {
					return fmt.Errorf("S14: %q comes before %q in a run", run[j-1].key, run[j].key)
				}
			}
		}
		if isLast := i == len(o.generations)-1; i == 0 && g.n <= o.dropped || !isLast && !g.isFull() {
			return fmt.Errorf("generation %d of %d has %d images of %d, dropped are %d", i, len(o.generations), g.n, len(g.table.images), o.dropped)
		}
	}
	return nil
}

// TestOverlay_AnyChanges holds S13 and S14: whatever commits add, place and drop, and
// whether they fail, each overlay shows what counted when it was made, also long after,
// and while the next is made.
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
		o, counts, from := c.overlay, c.counts, c.keys[c.random.IntN(len(c.keys))]
		again := c.random.IntN(10) == 0
		reading.Go(func() { problems <- compareOverlay(o, c.keys, counts, from) })
		if again {
			defer func() {
				if err := compareOverlay(o, c.keys, counts, ""); err != nil {
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
