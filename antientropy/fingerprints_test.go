package antientropy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// drawEntry returns an entry under one of few keys, or none.
func drawEntry(t *rapid.T, k delta.Key) delta.Entry {
	amount := rapid.Int64Range(0, 4).Draw(t, "amount")
	if amount == 0 {
		return delta.Entry{}
	}
	return delta.Entry{Key: k, Counter: crdt.PNCounter{}.Put(crdt.Contribution{
		Origin: crdt.ReplicaID{1}, Era: 1, Last: 1, Added: 1, Register: 1, Amount: amount,
	})}
}

func drawKey(t *rapid.T) delta.Key {
	key := rapid.StringMatching(`[ab\x00]{0,7}`).Draw(t, "key")
	return delta.ClaimKey(ranges.Claim{Keyspace: "k", Node: "n", Range: ranges.Single(key)})
}

// commitAtRandom writes some changes to memory and returns them.
func commitAtRandom(t *rapid.T, memory *delta.Memory) []delta.EntryChange {
	changes := map[delta.Key]delta.EntryChange{}
	for range rapid.IntRange(1, 30).Draw(t, "changes") {
		k := drawKey(t)
		before, _ := memory.Get(k)
		if after := drawEntry(t, k); !before.Equal(after) {
			changes[k] = delta.NewEntryChange(k, before, after)
		}
	}
	var out []delta.EntryChange
	for _, x := range changes {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b delta.EntryChange) int { return compareKeys(a.Key, b.Key) })
	memory.Write(&delta.Effects{Entries: out})
	return out
}

func compareKeys(a, b delta.Key) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return +1
	}
	return 0
}

// TestFingerprints_Next_IsAsBuiltAnew: whatever changes, in whatever groups,
// F1 to F4 and T1 to T4 hold, the versions before stay as they were, and spans
// have the fingerprints that reading them gives.
func TestFingerprints_Next_IsAsBuiltAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := Shape{BlockEntries: 1 << rapid.IntRange(0, 3).Draw(t, "block"), Symbols: 1 << rapid.IntRange(7, 11).Draw(t, "symbols")}
		memory := &delta.Memory{}
		f := NewFingerprintsBuilder(shape).Done()
		var versions []version
		for range rapid.IntRange(1, 8).Draw(t, "commits") {
			versions = append(versions, version{memory.Clone(), f})
			next, err := f.Next(commitAtRandom(t, memory), memory)
			if err != nil {
				t.Fatal(err)
			}
			f = next
			if err := f.Valid(memory); err != nil {
				t.Fatal(err)
			}
			for i, v := range versions {
				if err := v.f.Valid(v.memory); err != nil {
					t.Fatalf("version %d of %d has changed: %v", i, len(versions), err)
				}
			}
			checkSpan(t, f, memory)
			checkLocate(t, f, memory)
		}
	})
}

// version are fingerprints, and the entries that they are of.
type version struct {
	memory *delta.Memory
	f      *Fingerprints
}

func checkSpan(t *rapid.T, f *Fingerprints, memory *delta.Memory) {
	cut := func(k delta.Key) delta.Key { return k[:rapid.IntRange(0, len(k)).Draw(t, "cut")] }
	s := delta.Span{From: cut(drawKey(t)), To: cut(drawKey(t))}
	if rapid.Bool().Draw(t, "to the end") {
		s.To = delta.Whole.To
	}
	if s.IsEmpty() {
		return
	}
	want, _ := sumOf(memory, s)
	if got, err := f.FingerprintOf(memory, s); err != nil || got != want {
		t.Fatalf("%q to %q is %s (%v), its entries are %s", s.From, s.To, got, err, want)
	}
	fanOut := rapid.IntRange(2, 5).Draw(t, "fan-out")
	children, err := f.Split(memory, s, fanOut)
	if err != nil || len(children) > fanOut {
		t.Fatalf("%d children of %d: %v", len(children), fanOut, err)
	}
	from := s.From
	for _, c := range children {
		sum, _ := sumOf(memory, c.Span)
		if c.Span.From != from || c.Span.IsEmpty() || DigestOf(sum) != c.Digest {
			t.Fatalf("child %q to %q is %v, its entries are %s", c.Span.From, c.Span.To, c.Digest, sum)
		}
		from = c.Span.To
	}
	if from != s.To {
		t.Fatalf("children end at %q, the span at %q", from, s.To)
	}
}

// checkLocate: every element leads to its entry.
func checkLocate(t *rapid.T, f *Fingerprints, memory *delta.Memory) {
	var all []Element
	want := map[Element]delta.Key{}
	_ = memory.Scan(delta.Whole, func(e delta.Entry) error {
		x := elementOf(f.blocks.find(e.Key).place, delta.FingerprintOf(e))
		all = append(all, x)
		want[x] = e.Key
		return nil
	})
	err := f.Locate(memory, append(all, 1, 2), func(x Element, e delta.Entry) error {
		if want[x] != e.Key {
			return fmt.Errorf("element %x leads to %q, want %q", x, e.Key, want[x])
		}
		delete(want, x)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Fatalf("%d elements were not found: %v", len(want), err)
	}
}

// TestTree_Deep: a tree of several levels, whose blocks come and go in any
// order, holds T1 to T3 and what a map holds.
func TestTree_Deep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := []item{{}}
		for i := range rapid.IntRange(0, 4000).Draw(t, "blocks") {
			blocks = append(blocks, item{from: delta.Key(fmt.Sprintf("%06d", i*10)), sum: delta.Fingerprint{Count: 1}})
		}
		tree := newTree(blocks)
		here := map[delta.Key]bool{}
		for _, b := range blocks {
			here[b.from] = true
		}
		run := rapid.IntRange(1, 3000).Draw(t, "run")
		start, gone := rapid.IntRange(0, 40000).Draw(t, "start"), rapid.Bool().Draw(t, "gone")
		for i := range run {
			k := delta.Key(fmt.Sprintf("%06d", start+i))
			if here[k] != gone {
				continue
			}
			tree = tree.edit(k, func(b item) []item {
				if gone {
					return nil
				}
				return []item{b, {from: k, sum: delta.Fingerprint{Count: 1}}}
			})
			here[k] = !gone
		}
		if err := tree.valid(); err != nil {
			t.Fatal(err)
		}
		checkTree(t, tree, here)
	})
}

func checkTree(t *rapid.T, tree tree, here map[delta.Key]bool) {
	var keys []delta.Key
	for k, ok := range here {
		if ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	i := 0
	tree.all(func(x *item) bool {
		if i >= len(keys) || x.from != keys[i] {
			t.Fatalf("block %d is %q", i, x.from)
		}
		i++
		return true
	})
	if i != len(keys) {
		t.Fatalf("%d blocks, want %d", i, len(keys))
	}
	for range 20 {
		n := rapid.IntRange(0, len(keys)-1).Draw(t, "n")
		w := tree.find(keys[n] + "!")
		if w.from != keys[n] || n+1 < len(keys) && (w.next == nil || w.next.from != keys[n+1]) || n+1 == len(keys) && w.next != nil {
			t.Fatalf("at %q: block %q, next %v", keys[n], w.from, w.next)
		}
		if w.before.Count != uint64(max(0, n-1)) {
			t.Fatalf("%d records before block %d", w.before.Count, n)
		}
		if n > 0 && tree.findBefore(keys[n]).from != keys[n-1] {
			t.Fatalf("before %q: block %q", keys[n], tree.findBefore(keys[n]).from)
		}
		if n > 0 && tree.findRecord(uint64(n-1)).from != keys[n] {
			t.Fatalf("record %d is in block %q", n-1, tree.findRecord(uint64(n-1)).from)
		}
	}
}

// TestPeel_FindsWhatDiffers: what sketches differ by comes out if there are enough symbols, and
// nothing else ever.
func TestPeel_FindsWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 768).Draw(t, "symbols")
		mine, theirs := newSymbols(n), newSymbols(n)
		seed := rapid.Uint64().Draw(t, "seed")
		next := func() Element { seed += golden; return Element(mix(seed)) }
		for range rapid.IntRange(0, 200).Draw(t, "shared") {
			x := next()
			mine.add(x)
			theirs.add(x)
		}
		var added, taken []Element
		for range rapid.IntRange(0, n/2).Draw(t, "theirs") {
			added = append(added, next())
			theirs.add(added[len(added)-1])
		}
		for range rapid.IntRange(0, n/2).Draw(t, "mine") {
			taken = append(taken, next())
			mine.add(taken[len(taken)-1])
		}
		gotAdded, gotTaken, ok := peel(theirs.slice(0, n), mine.slice(0, n))
		if ok && (!sameElements(gotAdded, added) || !sameElements(gotTaken, taken)) {
			t.Fatalf("%d and %d elements, want %d and %d", len(gotAdded), len(gotTaken), len(added), len(taken))
		}
	})
}

// TestPeel_NeedsFewSymbols: how many symbols differences take is a matter of chance,
// so of a thousand sets, always the same, a few may not come out of twice as many.
func TestPeel_NeedsFewSymbols(t *testing.T) {
	const sets = 1000
	left := 0
	for i := range uint64(sets) {
		d := 1 + int(i%300)
		n := 2*d + 21
		mine, theirs := newSymbols(n), newSymbols(n)
		for j := range uint64(d) {
			theirs.add(Element(mix((i<<32 | j) * golden)))
		}
		if added, _, ok := peel(theirs.slice(0, n), mine.slice(0, n)); !ok || len(added) != d {
			left++
		}
	}
	if left > sets/100 {
		t.Errorf("%d of %d sets do not come out", left, sets)
	}
	t.Logf("%d of %d sets do not come out", left, sets)
}

func sameElements(a, b []Element) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestElement_Each_Golden pins which symbols an element is part of, and its
// check: replicas of different machines must agree.
func TestElement_Each_Golden(t *testing.T) {
	for x, want := range map[Element]string{
		0:                  "e220a839 [0 1 3 27 28 89 157 379 432 874 896 1424 1633 2257 3030 3601 5002 7155 8182 18087 19687 21286 26198 27173]",
		1:                  "910a2dec [0 1 2 3 6 10 12 13 19 37 42 67 87 130 180 274 673 839 930 1127 1199 4673 16382 23265]",
		0xffff_ffff_ffff:   "c5c358ac [0 1 6 7 15 36 73 141 151 159 643 881 1099 2450 3169 3598 5062 8487 12428 13047 26900]",
		0x0123456789abcdef: "157a3807 [0 4 5 14 18 278 981 1155 1579 1600 4129 4607 7146 9571 12423 26550 28910]",
	} {
		var at []int
		x.each(32<<10, func(i int) { at = append(at, i) })
		if got := fmt.Sprintf("%08x %v", x.check(), at); got != want {
			t.Errorf("%#x:\n got %s\nwant %s", uint64(x), got, want)
		}
	}
}
