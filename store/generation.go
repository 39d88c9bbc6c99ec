package store

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// A generation are images of an overlay that were written one after the other. A write
// shall cost neither a search among keys, which are long and somewhere in memory, nor a
// copy of what leads to them. So the image of a key is found by its hash, in a table
// that overlays share and that only grows, and what is in order is made of what was
// written in order:
//
//	S13 An overlay has the first n images of the table of a generation. They stay where
//	    they are, whatever is added behind them, and the table leads to the last of a
//	    key among the first n, for any n.
//	S14 The images from tail on ascend by key, and each run does. The others are in the
//	    runs, but where a later one of the same run has the same key. Runs are in the
//	    order of writing.
//
// The table has no way to take something out. A generation goes as a whole, when the
// chunks of all its images have gone (S9): so a quarter more images, about, are kept in
// memory than chunks have. What this costs, and what else was tried, is in
// docs/decisions/generations-store-overlay.md.
type generation struct {
	table *imageTable
	n     int
	runs  [][]*image
	tail  int
	// swept is how many images of the first run the sweep has passed by: of those that
	// are behind it in order none waits. It is unknown if this was not counted.
	swept int
}

// generationMin and generationMax bound the images of a generation. More make fewer
// places to look at for a key, and more to merge and to keep.
const generationMin, generationMax = 256, 1 << (positionBits - 1)

// newGeneration returns one for a quarter of so many images, which an overlay has: so it
// has four or five generations, or more while it grows.
func newGeneration(images int) generation {
	n := generationMin
	for n < generationMax && n < images/4 {
		n *= 2
	}
	return generation{table: newImageTable(n), swept: unknown}
}

// begin returns what may be added to. If there is more in the table than in the
// generation, a transaction has added that which has failed, and what is read from is
// not to be written again: it begins anew with a table of its own.
func (g generation) begin(seed maphash.Seed) generation {
	g.runs = slices.Clone(g.runs)
	if g.table.n != g.n {
		former := g.table
		g.table = newImageTable(len(former.images))
		for _, x := range former.images[:g.n] {
			g.table.put(maphash.String(seed, string(x.key)), x)
		}
	}
	return g
}

func (g *generation) isFull() bool { return g.n == len(g.table.images) }

// add takes in an image, of a key with this hash.
func (g *generation) add(hash uint64, x *image) {
	if g.n > g.tail && g.table.images[g.n-1].key >= x.key {
		g.endRun(false)
	}
	x.position = uint32(g.n)
	g.table.put(hash, x)
	if g.n++; g.isFull() {
		g.endRun(true)
	}
}

// tailImages returns the images from tail on.
func (g *generation) tailImages() []*image { return g.table.images[g.tail:g.n] }

// endRun makes a run of the tail. It merges it with those before that are not twice as
// long, or with all, when the generation is full. So there are as many runs as the
// logarithm of their images, and an image is merged as often, a compare each time. The
// longest merge is one of generationMax images, some milliseconds.
func (g *generation) endRun(all bool) {
	run := slices.Clip(g.tailImages())
	g.tail = g.n
	first, size := len(g.runs), len(run)
	for first > 0 && (all || len(g.runs[first-1]) < 2*size) {
		first--
		size += len(g.runs[first])
	}
	if first < len(g.runs) {
		run = mergeRuns(g.runs[first:], run, size)
	}
	if first == 0 {
		g.swept = unknown
	}
	g.runs = append(g.runs[:first], run)
}

// imageTable finds images by the hashes of their keys. One at a time adds to it, who holds
// Store.file, or Store.write for what is journaled, while others read what was added before.
type imageTable struct {
	// n is how many images were added. It belongs to who adds.
	n      int
	images []*image
	// older are the positions of the image of the same key before each, none if there
	// is none.
	older []int32
	// slots have a part of the hash and the position of the last image of each key, or
	// 0: at that of its hash, or where there is room next. Half of them stay free.
	slots []atomic.Uint32
}

const (
	none, unknown = -1, -1
	// positionBits hold a position plus one, the other bits of a slot those of the
	// hash that do not say where it is.
	positionBits = 16
	positionMask = 1<<positionBits - 1
)

func newImageTable(images int) *imageTable {
	return &imageTable{images: make([]*image, images), older: make([]int32, images), slots: make([]atomic.Uint32, 2*images)}
}

// put adds an image, of a key with this hash.
func (t *imageTable) put(hash uint64, x *image) {
	at, older := t.search(hash, x.key)
	t.images[t.n], t.older[t.n] = x, int32(older)
	t.n++
	t.slots[at].Store(tagOf(hash) | uint32(t.n)) // after what it leads to
}

// firstSlot returns the first slot of a hash.
func (t *imageTable) firstSlot(hash uint64) uint32 {
	return t.slots[hash&uint64(len(t.slots)-1)].Load()
}

// find returns the last image of a key among the first n, nil if there is none.
func (t *imageTable) find(hash uint64, k delta.Key, n int) *image {
	_, at := t.search(hash, k)
	for at >= n {
		at = int(t.older[at])
	}
	if at == none {
		return nil
	}
	return t.images[at]
}

// search returns the slot of a key, and the position of its last image, or the slot
// where it would be, and none.
func (t *imageTable) search(hash uint64, k delta.Key) (slot, position int) {
	mask, tag := uint64(len(t.slots)-1), tagOf(hash)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := t.slots[at].Load()
		if s == 0 {
			return int(at), none
		}
		if s&^positionMask == tag {
			if p := int(s&positionMask) - 1; t.images[p].key == k {
				return int(at), p
			}
		}
	}
}

func tagOf(hash uint64) uint32 { return uint32(hash>>32) &^ positionMask }
