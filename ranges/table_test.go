package ranges

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestTable_Zero: the zero table is that of no claims.
func TestTable_Zero(t *testing.T) {
	var zero Table
	for name, table := range map[string]*Table{"zero": &zero, "empty": NewTable(nil)} {
		all := slices.Collect(table.All())
		if len(all) != 1 || all[0].Range != Everything() || !all[0].IsGap() || table.Len() != 1 {
			t.Errorf("%s table has %v", name, all)
		}
		if s := table.Lookup("key"); !s.Equal(all[0]) {
			t.Errorf("%s table: Lookup = %v", name, s)
		}
		if gaps := slices.Collect(table.Gaps()); !slices.Equal(gaps, []Range{Everything()}) {
			t.Errorf("%s table has the gaps %v", name, gaps)
		}
	}
	if !zero.Equal(NewTable(nil)) {
		t.Error("the zero table differs from the empty one")
	}
}

// TestTable_Lookup_SharedPrefixes has starts that tie on every ladder: in the
// whole table, in a node, in all eight bytes of a rung, and padded with zeros.
func TestTable_Lookup_SharedPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, x := model{}, NewIndex("ks")
		x.width = rapid.SampledFrom([]int{4, 16, tableWidth}).Draw(t, "width")
		prefix := rapid.SampledFrom([]string{"", "a common prefix of 24 by", "\x00\x00\x00\x00"}).Draw(t, "prefix")
		for i := range rapid.IntRange(1, 300).Draw(t, "keys") {
			tail := strings.Repeat("\x00", i%11) + strings.Repeat("ab", i%13) + string([]byte{byte(i), byte(i >> 4)})
			r := Single(prefix + tail)
			m[claimKey{r, "n"}] = int64(1 + i%5)
			x.Set(r, "n", int64(1+i%5))
		}
		claims := m.claims()
		for i := range min(4, len(claims)) {
			m.checkTable(t, x.Table())
			if err := x.valid(); err != nil {
				t.Fatal(err)
			}
			delete(m, claimKeyOf(claims[i])) // leaves ever less in the first leaf
			x.Remove(claims[i].Range, "n")
		}
	})
}

func TestTable_Overlapping_YieldsWholeSubranges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, x := model{}, NewIndex("ks")
		x.width = 4
		for range rapid.IntRange(0, 12).Draw(t, "claims") {
			m.change(t, x)
		}
		r := rangeGen().Draw(t, "range")
		want := slices.DeleteFunc(Sweep(m.claims()), func(s Subrange) bool { return s.Range.Intersect(r).IsEmpty() })
		got := slices.Collect(x.Table().Overlapping(r))
		if !slices.EqualFunc(got, want, Subrange.Equal) {
			t.Fatalf("Overlapping(%v) = %v, want %v", r, got, want)
		}
		for stop := range got {
			var some []Subrange
			for s := range x.Table().Overlapping(r) {
				some = append(some, s)
				if len(some) > stop {
					break
				}
			}
			if !slices.EqualFunc(some, got[:stop+1], Subrange.Equal) {
				t.Fatalf("stopped after %d: %v", stop+1, some)
			}
		}
	})
	for range NewTable(nil).Overlapping(Range{From: "b", To: Before("a")}) {
		t.Fatal("a reversed range overlaps something")
	}
}

func TestTable_Lookup_DoesNotAllocate(t *testing.T) {
	x := NewIndex("ks")
	for i := range 20_000 {
		x.Set(Single(fmt.Sprintf("a prefix of some length/%d", i)), "n", 1)
	}
	tables := map[string]*Table{"zero": {}, "empty": NewTable(nil), "large": x.Table()}
	for name, table := range tables {
		for _, key := range []string{"", "a", "z", "a prefix of some length/777", strings.Repeat("a prefix", 500)} {
			if n := testing.AllocsPerRun(100, func() { table.Lookup(key) }); n != 0 {
				t.Errorf("%s table: Lookup(%.20q) allocates %v times", name, key, n)
			}
			bytes := []byte(key)
			if n := testing.AllocsPerRun(100, func() { table.LookupBytes(bytes) }); n != 0 {
				t.Errorf("%s table: LookupBytes(%.20q) allocates %v times", name, key, n)
			}
		}
	}
}

// TestTable_Snapshots_AreConsistentWhileWriting has a writer that gives all
// claims one priority, a batch at a time, and readers that must never see two
// priorities in one table, nor an old table change.
func TestTable_Snapshots_AreConsistentWhileWriting(t *testing.T) {
	const claims, versions, readers = 700, 60, 2
	key := func(i int) string { return fmt.Sprintf("key/%04d", i*11%claims) }
	x := NewIndex("ks")
	var published atomic.Pointer[Table]
	publish := func(version int64) {
		for i := range claims {
			x.Set(Single(key(i)), fmt.Sprintf("n%d", i%3), version)
			x.Remove(Single(key(i)+"x"), "odd")
			if version%2 == 1 {
				x.Set(Single(key(i)+"x"), "odd", version)
			}
		}
		published.Store(x.Table())
	}
	publish(1)
	old := published.Load()
	before := slices.Collect(old.All())

	var done atomic.Bool
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for seen := int64(0); !done.Load() && !t.Failed(); {
				seen = max(seen, readSnapshot(t, published.Load(), key, claims, seen))
			}
		})
	}
	for version := int64(2); version <= versions; version++ {
		publish(version)
	}
	done.Store(true)
	group.Wait()
	if after := slices.Collect(old.All()); !slices.EqualFunc(after, before, Subrange.Equal) {
		t.Error("the first table has changed")
	}
	if version := readSnapshot(t, published.Load(), key, claims, versions); version != versions {
		t.Errorf("the last table has version %d, not %d", version, versions)
	}
}

// readSnapshot returns the one priority that all claims of a table have, which
// must not be before seen.
func readSnapshot(t *testing.T, table *Table, key func(int) string, claims int, seen int64) int64 {
	version := table.Lookup(key(0)).Servers[0].Priority
	for i := range claims {
		s := table.Lookup(key(i))
		if len(s.Servers) != 1 || s.Servers[0].Priority != version || version < seen {
			t.Errorf("version %d after %d, but %q has %v", version, seen, key(i), s.Servers)
			return seen
		}
		if extra := table.Lookup(key(i) + "x"); extra.IsGap() != (version%2 == 0) {
			t.Errorf("version %d has %v", version, extra)
		}
	}
	return version
}

// TestTableNode_TakesThreeCacheLines: the allocator takes no more for a node than it has,
// and begins it where a cache line begins.
func TestTableNode_TakesThreeCacheLines(t *testing.T) {
	if size := unsafe.Sizeof(tableNode{}); size > 3*64 {
		t.Errorf("a node takes %d bytes", size)
	}
}
