package ranges

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestIndex_Table_EqualsSweepAndOracle drives an index of narrow nodes through
// random batches and compares it after every one.
func TestIndex_Table_EqualsSweepAndOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := NewIndex("ks"), model{}
		x.width = rapid.SampledFrom([]int{4, 5, 8, 64}).Draw(t, "width")
		for range rapid.IntRange(1, 30).Draw(t, "batches") {
			for range rapid.IntRange(1, 8).Draw(t, "batch") {
				m.change(t, x)
			}
			m.checkTable(t, x.Table())
			m.checkClaims(t, x)
			if err := x.valid(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// checkClaims compares what the index says of its claims.
func (m model) checkClaims(t *rapid.T, x *Index) {
	want := m.claims()
	if got := slices.Collect(x.All()); !slices.Equal(got, want) || x.Len() != len(want) {
		t.Fatalf("All() of %d = %v, want %v", x.Len(), got, want)
	}
	for _, w := range want {
		if priority, ok := x.Get(w.Range, w.Node); !ok || priority != w.Priority {
			t.Fatalf("Get(%v) = %d, %v", w, priority, ok)
		}
	}
	r := rangeGen().Draw(t, "covering")
	want = slices.DeleteFunc(want, func(w Weighted) bool { return w.Range.Intersect(r).IsEmpty() })
	if got := x.Covering(r); !slices.Equal(got, want) {
		t.Fatalf("Covering(%v) = %v, want %v", r, got, want)
	}
	if _, ok := x.Get(r, "a node without claims"); ok {
		t.Fatal("Get finds a claim of a node that has none")
	}
}

// TestIndex_Table_OrderIndependent has what the first design of these ranges
// stumbled over: registering before or after a split, on any node, in any
// order, once or twice, in one batch or many, gives the same table.
func TestIndex_Table_OrderIndependent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{}
		build := func(name string) *Index {
			x := NewIndex("ks")
			x.width = rapid.IntRange(4, 10).Draw(t, name)
			for _, w := range rapid.Permutation(m.claims()).Draw(t, name) {
				if rapid.Bool().Draw(t, "detour") {
					x.Set(w.Range, w.Node, priorityGen().Draw(t, "other"))
					x.Set(w.Range, "a node that leaves", 9)
				}
				if rapid.Bool().Draw(t, "publish") {
					x.Table()
				}
				x.Set(w.Range, w.Node, w.Priority)
				x.Remove(w.Range, "a node that leaves")
			}
			return x
		}
		x := NewIndex("ks")
		for range rapid.IntRange(1, 12).Draw(t, "claims") {
			m.change(t, x)
		}
		one, two := build("one"), build("two")
		if !one.Table().Equal(two.Table()) || !one.Table().Equal(x.Table()) {
			t.Fatalf("the tables of %v differ", m.claims())
		}
	})
}

// TestIndex_Table_SplitClaim has one claim against the same keys in two parts.
func TestIndex_Table_SplitClaim(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, parts := NewIndex("ks"), NewIndex("ks")
		for range rapid.IntRange(0, 5).Draw(t, "others") {
			r, node, p := rangeGen().Draw(t, "range"), nodeGen().Draw(t, "node"), priorityGen().Draw(t, "priority")
			whole.Set(r, node, p)
			parts.Set(r, node, p)
		}
		r := rangeGen().Draw(t, "split")
		at := keyGen().Filter(func(key string) bool { return key > r.From && r.To.After(key) })
		if r.To == Before(r.From+"\x00") {
			return // one key cannot be split
		}
		key := rapid.OneOf(at, rapid.Just(r.From+"\x00")).Draw(t, "at")
		whole.Set(r, "n5", 2)
		parts.Set(Range{From: r.From, To: Before(key)}, "n5", 2)
		whole.Table()
		parts.Table()
		parts.Set(Range{From: key, To: r.To}, "n5", 2)
		if !whole.Table().Equal(parts.Table()) {
			t.Fatalf("%v split at %q:\n%v\nwhole:\n%v", r, key, slices.Collect(parts.Table().All()), slices.Collect(whole.Table().All()))
		}
	})
}

// TestIndex_Table_Large uses nodes of the real width, enough claims for three
// levels of them, batches narrow and wide, and takes almost all away again.
func TestIndex_Table_Large(t *testing.T) {
	const seed = 7 // change it to try others
	random := rand.New(rand.NewPCG(seed, seed))
	x, m := NewIndex("ks"), model{}
	set := func(r Range, node string, priority int64) {
		x.Set(r, node, priority)
		m[claimKey{r, node}] = priority
	}
	key := func(i int) string { return fmt.Sprintf("shard/%06d", i) }
	for i := range 40_000 {
		set(Range{From: key(i), To: Before(key(i + 1))}, fmt.Sprintf("n%d", i%7), int64(1+random.IntN(3)))
	}
	check := func(what string) {
		t.Helper()
		if got := slices.Collect(x.Table().All()); !slices.EqualFunc(got, Sweep(m.claims()), Subrange.Equal) {
			t.Fatalf("seed %d, %s: the table is not that of the claims", seed, what)
		}
		if err := x.valid(); err != nil {
			t.Fatalf("seed %d, %s: %v", seed, what, err)
		}
	}
	check("bulk")
	for i := range 300 {
		from := random.IntN(40_000)
		r := Range{From: key(from) + "x", To: Before(key(from + 1 + random.IntN(1+i*i%5000)))}
		set(r, "wide", int64(1+random.IntN(5)))
		x.Table()
	}
	check("changes")
	for i, w := range m.claims() {
		if i%50 == 0 {
			continue // so that what stays is spread over all nodes
		}
		delete(m, claimKeyOf(w))
		x.Remove(w.Range, w.Node)
		if random.IntN(50) == 0 {
			x.Table()
		}
	}
	check("removals")
	if leaves := countLeaves(x.table.root); leaves > 1+8*x.table.Len()/tableWidth {
		t.Errorf("%d subranges are spread over %d leaves", x.table.Len(), leaves)
	}
}

func countLeaves(n *tableNode) int {
	leaves := 0
	for _, c := range n.children {
		leaves += countLeaves(c)
	}
	return max(1, leaves)
}

// TestIndex_Table_ManyChanges exceeds what is noted range by range.
func TestIndex_Table_ManyChanges(t *testing.T) {
	x, m := NewIndex("ks"), model{}
	for i := range dirtyMax + 10 {
		r := Single(fmt.Sprint(i))
		x.Set(r, "n", 1)
		m[claimKey{r, "n"}] = 1
	}
	if got := slices.Collect(x.Table().All()); !slices.EqualFunc(got, Sweep(m.claims()), Subrange.Equal) {
		t.Fatal("the table is not that of the claims")
	}
}

// TestIndex_Table_PriorityKeepsStarts: a load signal costs a copy of where some
// lists of a leaf are, not of its starts and their ladder; another server costs
// the starts too, which have the lengths of lists.
func TestIndex_Table_PriorityKeepsStarts(t *testing.T) {
	x, claim := NewIndex("ks"), Single("100")
	for i := range 200 {
		x.Set(Single(fmt.Sprintf("%03d", i)), "n", 1)
	}
	place := x.Table().locate("100")
	before := place.leaf
	x.Set(claim, "n", 2)
	after := x.Table().locate("100").leaf
	if &after.starts[0] != &before.starts[0] || &after.rungs[0] != &before.rungs[0] {
		t.Error("a priority copies the starts")
	}
	for b, block := range after.blocks {
		if changed := block != before.blocks[b]; changed != (b == place.i/blockSize) {
			t.Errorf("the list of place %d is changed; that block %d is another: %t", place.i, b, changed)
		}
	}
	x.Set(claim, "another", 1)
	if last := x.Table().locate("100").leaf; &last.starts[0] == &after.starts[0] || &last.rungs[0] != &after.rungs[0] {
		t.Error("another server is written to the starts of the table before, or makes a ladder")
	}
	if len(x.dirty) != 0 || cap(x.dirty) == 0 {
		t.Errorf("%d ranges are noted, with room for %d", len(x.dirty), cap(x.dirty))
	}
	if err := x.valid(); err != nil {
		t.Error(err)
	}
}

func TestIndex_Table_SameUnlessChanged(t *testing.T) {
	x := NewIndex("ks")
	r := Single("a")
	x.Set(r, "n", 1)
	before := x.Table()
	x.Set(r, "n", 1)
	x.Remove(r, "another")
	x.Remove(Single("b"), "n")
	if x.Table() != before {
		t.Fatal("a new table though nothing changed")
	}
	if x.Keyspace() != "ks" {
		t.Fatalf("keyspace %q", x.Keyspace())
	}
}

func TestIndex_Set_PanicsWithoutValidation(t *testing.T) {
	for _, bad := range []struct {
		r        Range
		priority int64
	}{
		{Range{From: "a", To: Before("a")}, 1},
		{Range{From: "b", To: Before("a")}, 1},
		{Range{}, 1},
		{Everything(), 0},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Set(%v, %d) did not panic", bad.r, bad.priority)
				}
			}()
			NewIndex("ks").Set(bad.r, "n", bad.priority)
		}()
	}
}

func TestIndex_SetAll_PanicsWithoutValidation(t *testing.T) {
	x, w := NewIndex("ks"), weigh("n", "a", "b", 1)
	for _, priority := range []int64{1, -1} {
		func() {
			defer func() {
				if panics := recover() != nil; panics != (priority < 0) {
					t.Errorf("SetAll to priority %d panics: %t", priority, panics)
				}
			}()
			w.Priority = priority
			x.SetAll(1, func(int) *Weighted { return &w })
		}()
	}
}

// TestIndex_Set_CopiesBounds: the bounds of a claim may be parts of something large,
// which an index does not keep for them, also where there is but one.
func TestIndex_Set_CopiesBounds(t *testing.T) {
	large := strings.Repeat("abcdefgh", 1000)
	for _, r := range []Range{
		{From: large[:3], To: Unbounded()},
		{To: Before(large[:3])},
		{From: large[:3], To: Before(large[1:3])},
	} {
		x := NewIndex("ks")
		x.Set(r, "n", 1)
		for w := range x.All() {
			for _, bound := range []string{w.Range.From, w.Range.To.Key} {
				if bound != "" && (unsafe.StringData(bound) == unsafe.StringData(large) || unsafe.StringData(bound) == unsafe.StringData(large[1:])) {
					t.Errorf("of %q…%v a bound is a part of what was set", r.From, r.To)
				}
			}
		}
	}
}

// TestIndex_Set_AscendingClaimsAreOneChange: claims that are loaded in order are not noted
// one by one.
func TestIndex_Set_AscendingClaimsAreOneChange(t *testing.T) {
	x := NewIndex("ks")
	for i := range 100 {
		r := Range{From: fmt.Sprintf("%03d", i), To: Before(fmt.Sprintf("%03d", i+1))}
		x.Set(r, "n1", 1)
		x.Set(r, "n2", 2)
	}
	x.Set(Single("gap"), "n1", 1)
	x.Set(Single("before"), "n1", 1)
	if len(x.dirty) != 3 || x.dirty[0] != (Range{From: "000", To: Before("100")}) {
		t.Errorf("noted are %v", x.dirty)
	}
}
