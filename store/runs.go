package store

import (
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/delta"
)

// order is that of the images of a generation that the tables have. A write shall not
// cost a search among keys, so it is made of what was written in order:
//
//	S14 The images from tail on ascend by key, and each run does. The others are in the
//	    runs, but where a later one of the same run has the same key. Runs are in the
//	    order of writing.
type order struct {
	runs [][]*image
	tail int
	// swept is how many images of the first run the sweep has passed by: of those that
	// are behind it in order none waits. It is unknown if this was not counted.
	swept int
}

// add takes in the image of a generation at a position, the next one.
func (r *order) add(images []*image, at int) {
	if at > r.tail && images[at-1].key >= images[at].key {
		r.endRun(images[:at], false)
	}
	if at+1 == len(images) {
		r.endRun(images, true)
	}
}

// endRun makes a run of the images from tail on. It merges it with those before that are
// not twice as long, or with all, when the generation is full. So there are as many runs
// as the logarithm of their images, and an image is merged as often, a compare each time.
// The longest merge is one of generationMax images, some milliseconds.
func (r *order) endRun(images []*image, all bool) {
	run := slices.Clip(images[r.tail:])
	r.tail = len(images)
	first, size := len(r.runs), len(run)
	for first > 0 && (all || len(r.runs[first-1]) < 2*size) {
		first--
		size += len(r.runs[first])
	}
	if first < len(r.runs) {
		run = mergeRuns(r.runs[first:], run, size)
	}
	if first == 0 {
		r.swept = unknown
	}
	r.runs = append(r.runs[:first], run)
}

// mergeRuns returns what runs have of which each was written after the one before, and
// last of all newest. They have so many images. Of those with the same key the last one
// is kept. What has been merged is at the end of the memory for the result, and moves
// forward as one more is merged with it: what is written is never beyond what was read.
func mergeRuns(runs [][]*image, newest []*image, images int) []*image {
	out := make([]*image, images)
	at := images - len(newest)
	merged := out[at:]
	copy(merged, newest)
	for _, older := range slices.Backward(runs) {
		at -= len(older)
		merged = mergeInto(out[at:], older, merged)
	}
	return merged
}

func mergeInto(out, older, newer []*image) []*image {
	n := 0
	for len(older) > 0 && len(newer) > 0 {
		x := newer[0]
		order := strings.Compare(string(older[0].key), string(x.key))
		if order < 0 {
			x = older[0]
		}
		if order <= 0 {
			older = older[1:]
		}
		if order >= 0 {
			newer = newer[1:]
		}
		out[n] = x
		n++
	}
	n += copy(out[n:], older)
	n += copy(out[n:], newer)
	return out[:n]
}

// ascent goes through images of an overlay in the order of their keys: each run by
// itself, and always on with the one whose next key is least. That is found by a
// tournament (Knuth, The Art of Computer Programming 3, 5.4.1), in which only the runs
// that the last winner has beaten play again.
type ascent struct {
	runs []ascendingRun
	// losers are which runs have lost, at which match; the first one is the winner.
	losers []int
	// onlyUnplaced leaves out images that are in place or do not count. It is for who
	// may look at where an image stands.
	onlyUnplaced bool
}

// ascendingRun is what is left of a run. Images below gone have been dropped.
type ascendingRun struct {
	key    delta.Key // that of the first
	images []*image
	gone   int
	// passed counts what is left behind, if it is not nil.
	passed *int
}

// ascend adds to an ascent the images that count, from a key on. It searches each
// run, those of some five generations and as many parts of the last: some 100 compares
// for 32,768 images. That is what a scan of a small span pays, some 10 µs; each further
// image costs four compares. No scan pays for the writes since the one before.
func (c *chunked) ascend(a *ascent, from delta.Key) {
	for i := range c.orders {
		g, order := &c.generations[i], &c.orders[i]
		gone := c.dropped - g.begins
		for _, run := range order.runs {
			a.add(ascendingRun{images: seek(run, from), gone: gone})
		}
		a.add(ascendingRun{images: seek(g.tailOf(order), from), gone: gone})
	}
}

// ascendUnplaced returns an ascent through the images that are not placed, from where
// the sweep is. The first run of a generation, which is long, is not searched again
// while the sweep goes on.
func (c *chunked) ascendUnplaced() *ascent {
	a := newAscent(true)
	for i := range c.orders {
		g, order := &c.generations[i], &c.orders[i]
		for j, run := range order.runs {
			switch {
			case j > 0:
				a.add(ascendingRun{images: seek(run, c.sweep)})
				continue
			case order.swept == unknown:
				order.swept = len(run) - len(seek(run, c.sweep))
			}
			a.add(ascendingRun{images: run[order.swept:], passed: &order.swept})
		}
		a.add(ascendingRun{images: seek(g.tailOf(order), c.sweep)})
	}
	a.begin()
	return a
}

// tailOf returns the images behind the runs of an order.
func (g *generation) tailOf(r *order) []*image { return g.table.images[r.tail:g.n] }

// ascentRuns is room for as many runs as there are in most overlays.
const ascentRuns = 20

func newAscent(onlyUnplaced bool) *ascent {
	return &ascent{runs: make([]ascendingRun, 0, ascentRuns), onlyUnplaced: onlyUnplaced}
}

// seek returns what of a run is not before a key.
func seek(run []*image, k delta.Key) []*image {
	at, _ := slices.BinarySearchFunc(run, k, func(x *image, k delta.Key) int { return strings.Compare(string(x.key), string(k)) })
	return run[at:]
}

// add takes in the run that was written next. begin follows on the last.
func (a *ascent) add(r ascendingRun) {
	if a.skip(&r) {
		a.runs = append(a.runs, r)
	}
}

// begin plays all matches: match i is that of the winners of 2i and 2i+1, where those
// from len(runs) on are the runs.
func (a *ascent) begin() {
	n := len(a.runs)
	if n == 0 {
		return
	}
	a.losers = make([]int, n)
	winners := make([]int, 2*n)
	for i := range n {
		winners[n+i] = i
	}
	for i := n - 1; i > 0; i-- {
		w, l := winners[2*i], winners[2*i+1]
		if a.isBefore(l, w) {
			w, l = l, w
		}
		winners[i], a.losers[i] = w, l
	}
	a.losers[0] = winners[1]
}

// next returns the next image, nil behind the last.
func (a *ascent) next() *image {
	first := a.first()
	if first == nil {
		return nil
	}
	x := first.images[0]
	for first != nil && first.key == x.key { // others are older
		a.advance()
		first = a.first()
	}
	return x
}

// take appends images until there are so many, or no more.
func (a *ascent) take(images []*image, n int) []*image {
	for len(images) < n {
		x := a.next()
		if x == nil {
			break
		}
		images = append(images, x)
	}
	return images
}

// first returns the run with the next image, nil if there is none.
func (a *ascent) first() *ascendingRun {
	if len(a.runs) == 0 || len(a.runs[a.losers[0]].images) == 0 {
		return nil
	}
	return &a.runs[a.losers[0]]
}

// advance leaves the first image of the first run behind.
func (a *ascent) advance() {
	w := a.losers[0]
	a.runs[w].pass()
	a.skip(&a.runs[w])
	for i := (w + len(a.runs)) / 2; i > 0; i /= 2 {
		if l := a.losers[i]; a.isBefore(l, w) {
			w, a.losers[i] = l, w
		}
	}
	a.losers[0] = w
}

// isBefore reports whether a run comes before another one: by its next key, or, since
// it was written later.
func (a *ascent) isBefore(i, j int) bool {
	one, other := &a.runs[i], &a.runs[j]
	if len(one.images) == 0 || len(other.images) == 0 {
		return len(one.images) > 0
	}
	order := strings.Compare(string(one.key), string(other.key))
	return order < 0 || order == 0 && i > j
}

// skip goes on to the next image of a run that is not left out, and reports whether
// there is one.
func (a *ascent) skip(r *ascendingRun) bool {
	for ; len(r.images) > 0; r.pass() {
		x := r.images[0]
		if int(x.position) >= r.gone && !(a.onlyUnplaced && x.standing != unplaced) {
			r.key = x.key
			return true
		}
	}
	return false
}

func (r *ascendingRun) pass() {
	r.images = r.images[1:]
	if r.passed != nil {
		*r.passed++
	}
}
