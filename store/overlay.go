package store

import (
	"hash/maphash"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// overlay finds the entries that were written last: images of them, of frames that the
// tables do not have yet, and of what waits there for its place (chunked). An update adds
// to it when it is put together, and a fold leaves it as it is: so an image is added once.
//
// Images have numbers, in the order of writing, from 0 on. An overlay is never changed:
// who holds one keeps it. Only where its images stand is as the last transaction has left
// it, whoever holds it.
type overlay struct {
	// generations are the images, also those that do not count.
	generations []generation
	// dropped is how many images have gone, the first ones.
	dropped int
	seed    maphash.Seed
}

func newOverlay() overlay { return overlay{seed: maphash.MakeSeed()} }

// begin returns a copy that may be added to until it is held by anybody else, by one
// alone. It may be begun again where what was added has failed.
func (o overlay) begin() overlay {
	o.generations = slices.Clone(o.generations)
	if n := len(o.generations); n > 0 {
		o.generations[n-1] = o.generations[n-1].begin(o.seed)
	}
	return o
}

// end returns the number of the next image.
func (o *overlay) end() int {
	if n := len(o.generations); n > 0 {
		return o.generations[n-1].end()
	}
	return o.dropped
}

// held returns how many images there are.
func (o *overlay) held() int { return o.end() - o.dropped }

// retained returns what its images take, also those that have gone and are held.
func (o *overlay) retained() (n int) {
	for i := range o.generations {
		n += o.generations[i].bytes
	}
	return n
}

// get returns the image that counts for a key, nil if there is none.
func (o *overlay) get(k delta.Key) *image {
	if len(o.generations) == 0 {
		return nil
	}
	x, _ := o.find(o.hash(k), k, len(o.generations))
	return x
}

func (o *overlay) hash(k delta.Key) uint64 { return maphash.String(o.seed, string(k)) }

// find returns the last image of a key in the first generations, and its number; nil if it
// has gone, or there is none. It looks at all at once before it looks at one after the
// other: so what it needs of each is on its way from memory at the same time.
func (o *overlay) find(hash uint64, k delta.Key, generations int) (x *image, number int) {
	found := uint32(0)
	for i := range generations {
		found |= o.generations[i].table.firstSlot(hash)
	}
	if found == 0 {
		return nil, none
	}
	for i := generations - 1; i >= 0; i-- {
		g := &o.generations[i]
		if x := g.table.find(hash, k, g.n); x != nil {
			number := g.begins + int(x.position)
			if number < o.dropped {
				return nil, none
			}
			return x, number
		}
	}
	return nil, none
}

// put makes an image the one that counts for its key.
func (o *overlay) put(x *image) {
	if n := len(o.generations); n == 0 || o.generations[n-1].isFull() {
		o.generations = append(o.generations, newGeneration(o.end(), o.held(), o.retained()))
	}
	hash, last := o.hash(x.key), len(o.generations)-1
	g := &o.generations[last]
	slot, before := g.search(hash, x.key)
	if before == none {
		_, before = o.find(hash, x.key, last)
	}
	g.add(hash, slot, before, x)
}

// of returns which generation has the image of a number.
func (o *overlay) of(number int) int {
	i := len(o.generations) - 1
	for o.generations[i].begins > number {
		i--
	}
	return i
}

// at returns the image of a number.
func (o *overlay) at(number int) *image {
	g := &o.generations[o.of(number)]
	return g.table.images[number-g.begins]
}

// before returns the image that counted for a key before that of a number did, nil if it
// has gone, or there was none.
func (o *overlay) before(number int) *image {
	g := &o.generations[o.of(number)]
	back := int(g.table.back[number-g.begins])
	if back == 0 || number-back < o.dropped {
		return nil
	}
	return o.at(number - back)
}

// drop forgets the images below a number.
func (o *overlay) drop(below int) {
	o.dropped = max(o.dropped, below)
	n := 0
	for n < len(o.generations) && o.generations[n].end() <= below {
		n++
	}
	if o.generations = o.generations[n:]; len(o.generations) == 0 {
		o.generations = nil // what is before the first is held until there is no more room behind the last
	}
}

// eachPart calls visit for the images from a number to before another, in order, those of
// each generation together.
func (o *overlay) eachPart(from, to int, visit func(images []*image)) {
	for i := range o.generations {
		g := &o.generations[i]
		if first, last := max(from, g.begins), min(to, g.end()); first < last {
			visit(g.table.images[first-g.begins : last-g.begins])
		}
	}
}
