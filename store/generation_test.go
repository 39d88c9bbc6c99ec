package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// TestGeneration_Full_HasAllImages fills one with as many images as there may ever be,
// which no random test comes near, and looks every key up: in the whole, in overlays that
// have a part of the same table, down to none, and in order.
func TestGeneration_Full_HasAllImages(t *testing.T) {
	// The last third are images of keys that have one already.
	const keys = generationMax - generationMax/3
	o := newChunked(1, 1)
	o.generations, o.orders = []generation{newGeneration(0, 1<<30, 0)}, []order{{swept: unknown}}
	positions := make([][]int, keys) // of the images of each key
	names := make([]delta.Key, keys)
	for i := range names {
		names[i] = delta.Key(fmt.Sprintf("k%05d", i*7919%keys))
	}
	images := make([]image, generationMax)
	held := map[int]chunked{}
	for i := range images {
		if i%(generationMax/8) <= 1 || i == generationMax-1 {
			held[i] = o
			o = o.begin()
		}
		images[i].key = names[i%keys]
		o.add(&images[i])
		positions[i%keys] = append(positions[i%keys], i)
	}
	held[generationMax] = o
	if g := o.generations[0]; len(o.generations) != 1 || !g.isFull() || len(o.orders[0].runs) != 1 || len(o.orders[0].runs[0]) != keys {
		t.Fatalf("%d generations, the first has %d images in %d runs", len(o.generations), g.n, len(o.orders[0].runs))
	}
	for n, o := range held {
		for i, k := range names {
			var want *image
			for _, p := range positions[i] {
				if p < n {
					want = &images[p]
				}
			}
			if got := o.get(k); got != want {
				t.Fatalf("of %d images it has %+v of %q, want %+v", n, got, k, want)
			}
		}
		if got, want := len(counting(o)), min(n, keys); got != want {
			t.Errorf("of %d images %d count, want %d", n, got, want)
		}
		if x := o.get("k99999"); x != nil {
			t.Errorf("of %d images it has %+v of a key without any", n, x)
		}
	}
	if err := errors.Join(validOrders(o), validGenerations(o.overlay)); err != nil {
		t.Error(err)
	}
}

// TestImageTable_Full_HashesThatMeet has all hashes end in the last slots of the largest
// table, with few different tags: they go on at its beginning, and keys are told from one
// another by themselves.
func TestImageTable_Full_HashesThatMeet(t *testing.T) {
	const tags = 1 << 10 // to search among all of one tag would take seconds
	table := newImageTable(generationMax)
	keyOf := func(i int) delta.Key { return delta.Key(binary.BigEndian.AppendUint32(nil, uint32(i))) }
	hashOf := func(i int) uint64 {
		return uint64(i%tags)<<(32+positionBits) | uint64(2*generationMax-1-i%50)
	}
	images := make([]image, generationMax)
	for i := 0; i < generationMax; i += 16 {
		images[i].key = keyOf(i)
		slot, _ := table.search(hashOf(i), images[i].key)
		table.put(hashOf(i), slot, 0, &images[i])
	}
	for i := range images {
		want := &images[i]
		if want.key == "" {
			want = nil
		}
		if got := table.find(hashOf(i), keyOf(i), table.n); got != want {
			t.Fatalf("%d: it has %+v, want %+v", i, got, want)
		}
	}
}
