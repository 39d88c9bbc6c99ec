package store

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// A generation are images of an overlay that were written one after the other. A write
// shall cost neither a search among keys, which are long and somewhere in memory, nor a
// copy of what leads to them. So the image of a key is found by its hash, in a table
// that overlays share and that only grows:
//
//	S13 An overlay has the first n images of the table of a generation. They stay where
//	    they are, whatever is added behind them, and the table leads to the last of a
//	    key among the first n, for any n; and from one to the one before it of the same
//	    key, in whichever generation.
//
// The table has no way to take something out. A generation goes as a whole, when the
// chunks of all its images have gone (S9): so a quarter more images, about, are kept in
// memory than chunks have, or as much more as a quarter of them takes. What this costs, and
// what else was tried, is in docs/decisions/generations-store-overlay.md.
type generation struct {
	table *imageTable
	// begins is the number of its first image.
	begins, n int
	// bytes is what its images take. With bytesMax it is full, too: those that have gone are
	// held as long as any of it is.
	bytes, bytesMax int
}

// generationMin and generationMax bound the images of a generation. More make fewer
// places to look at for a key, and more to merge and to keep.
const generationMin, generationMax = 256, 1 << (positionBits - 1)

// generationBytesMin is what the images of a generation may take at least.
const generationBytesMin = imagesMemoryMin / 4

// newGeneration returns one that begins with a number, for a quarter of so many images and
// bytes, which an overlay has: so it has four or five generations, or more while it grows.
func newGeneration(begins, images, bytes int) generation {
	n := generationMin
	for n < generationMax && n < images/4 {
		n *= 2
	}
	return generation{table: newImageTable(n), begins: begins, bytesMax: max(generationBytesMin, imageBytes*n, bytes/4)}
}

// begin returns what may be added to. If there is more in the table than in the
// generation, an update has added that which has failed, or has gone into the tables at
// once, which is rare; and what is read from is not to be written again: it begins anew with
// a table of its own, O(generationMax).
func (g generation) begin(seed maphash.Seed) generation {
	if g.table.n == g.n {
		return g
	}
	former := g.table
	g.table = newImageTable(len(former.images))
	for i, x := range former.images[:g.n] {
		hash := maphash.String(seed, string(x.key))
		slot, _ := g.table.search(hash, x.key)
		g.table.put(hash, slot, former.back[i], x)
	}
	return g
}

func (g *generation) isFull() bool { return g.n == len(g.table.images) || g.bytes >= g.bytesMax }

// room returns its images, and where others will be.
func (g *generation) room() []*image {
	if g.isFull() {
		return g.table.images[:g.n]
	}
	return g.table.images
}

// end returns the number of the image behind the last.
func (g *generation) end() int { return g.begins + g.n }

// search returns the slot of a key and the number of its last image, or the slot where it
// would be, and none. It is for who adds.
func (g *generation) search(hash uint64, k delta.Key) (slot, number int) {
	slot, position := g.table.search(hash, k)
	if position == none {
		return slot, none
	}
	return slot, g.begins + position
}

// add takes in an image, of a key with this hash and slot; before is the number of the
// one that counted, or none.
func (g *generation) add(hash uint64, slot, before int, x *image) {
	back := 0
	if before != none {
		back = g.end() - before
	}
	x.position = uint32(g.n)
	g.table.put(hash, slot, int32(back), x)
	g.n, g.bytes = g.n+1, g.bytes+x.bytes()
}

// imageTable finds images by the hashes of their keys. One at a time adds to it, who holds
// Store.write, while others read what was added before.
type imageTable struct {
	// n is how many images were added. It belongs to who adds.
	n      int
	images []*image
	// back is by how much the image of the same key before each has a lower number, 0 if
	// there was none.
	back []int32
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
	return &imageTable{images: make([]*image, images), back: make([]int32, images), slots: make([]atomic.Uint32, 2*images)}
}

// put adds an image, of a key with this hash and slot.
func (t *imageTable) put(hash uint64, slot int, back int32, x *image) {
	t.images[t.n], t.back[t.n] = x, back
	t.n++
	t.slots[slot].Store(tagOf(hash) | uint32(t.n)) // after what it leads to
}

// firstSlot returns the first slot of a hash.
func (t *imageTable) firstSlot(hash uint64) uint32 {
	return t.slots[hash&uint64(len(t.slots)-1)].Load()
}

// find returns the last image of a key among the first n, nil if there is none.
func (t *imageTable) find(hash uint64, k delta.Key, n int) *image {
	_, at := t.search(hash, k)
	for at >= n {
		back := int(t.back[at])
		if back == 0 {
			return nil
		}
		at -= back
	}
	if at < 0 { // there is none, or it is in a generation before
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
