package ranges

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// model is what an Index should hold, kept as simply as can be.
type model map[claimKey]int64

type claimKey struct {
	r    Range
	node string
}

func (m model) claims() []Weighted {
	var out []Weighted
	for k, priority := range m {
		out = append(out, Weighted{Claim: Claim{Keyspace: "ks", Node: k.node, Range: k.r}, Priority: priority})
	}
	slices.SortFunc(out, func(a, b Weighted) int { return a.Claim.Compare(b.Claim) })
	return out
}

// serversAt is the oracle: the definition of a server list, key by key.
func (m model) serversAt(key string) []Server {
	highest := map[string]int64{}
	for k, priority := range m {
		inside := k.r.From <= key && (k.r.To.Unbounded || key < k.r.To.Key)
		if inside && priority > highest[k.node] {
			highest[k.node] = priority
		}
	}
	var out []Server
	for _, node := range slices.Sorted(maps.Keys(highest)) {
		out = append(out, Server{Node: node, Priority: highest[node]})
	}
	slices.SortStableFunc(out, func(a, b Server) int { return int(b.Priority - a.Priority) })
	return out
}

// keysOf returns keys among which every difference between two routing tables
// must show: each bound, and keys just before and after it.
func (m model) keysOf() []string {
	keys := []string{"", "\x00", "\xff\xff\xff"}
	for k := range m {
		for _, bound := range []string{k.r.From, k.r.To.Key} {
			keys = append(keys, bound, bound+"\x00")
			if n := len(bound); n > 0 {
				keys = append(keys, bound[:n-1], bound[:n-1]+string([]byte{bound[n-1] - 1})+"\xff")
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// keyGen draws keys that collide, nest and share prefixes of all lengths up to
// and beyond the eight bytes that a ladder sees.
func keyGen() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom([]string{"", "", "user/", "a common prefix of 24 by"}).Draw(t, "prefix")
		repeat := rapid.IntRange(0, 9).Draw(t, "repeat")
		tail := rapid.StringOfN(rapid.RuneFrom([]rune{0, 'a', 'b', 'c', 0x7f}), 0, 2, -1).Draw(t, "tail")
		return prefix + strings.Repeat("a", repeat) + tail
	})
}

func rangeGen() *rapid.Generator[Range] {
	return rapid.Custom(func(t *rapid.T) Range {
		a, b := keyGen().Draw(t, "a"), keyGen().Draw(t, "b")
		switch {
		case a == b && rapid.Bool().Draw(t, "single"):
			return Single(a)
		case a == b || rapid.IntRange(0, 9).Draw(t, "unbounded") == 0:
			return Range{From: a, To: Unbounded()}
		}
		return Range{From: min(a, b), To: Before(max(a, b))}
	})
}

func nodeGen() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"n1", "n2", "n3", "n4"})
}

func priorityGen() *rapid.Generator[int64] { return rapid.Int64Range(1, 3) }

// change draws one Set or Remove and does it to both.
func (m model) change(t *rapid.T, x *Index) {
	k := claimKey{r: rangeGen().Draw(t, "range"), node: nodeGen().Draw(t, "node")}
	if len(m) > 0 && rapid.Bool().Draw(t, "existing") {
		k = claimKeyOf(rapid.SampledFrom(m.claims()).Draw(t, "claim"))
	}
	if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
		delete(m, k)
		x.Remove(k.r, k.node)
		return
	}
	m[k] = priorityGen().Draw(t, "priority")
	x.Set(k.r, k.node, m[k])
}

func claimKeyOf(w Weighted) claimKey { return claimKey{r: w.Range, node: w.Node} }

// checkTable compares a table with the sweep from scratch and, key by key,
// with the oracle.
func (m model) checkTable(t *rapid.T, table *Table) {
	want := Sweep(m.claims())
	if got := slices.Collect(table.All()); !slices.EqualFunc(got, want, Subrange.Equal) {
		t.Fatalf("table of %v\n has %v\nwant %v", m.claims(), got, want)
	}
	if table.Len() != len(want) {
		t.Fatalf("table of %d subranges says %d", len(want), table.Len())
	}
	for _, key := range m.keysOf() {
		i := slices.IndexFunc(want, func(s Subrange) bool { return s.Range.Contains(key) })
		got := table.Lookup(key)
		if !got.Equal(want[i]) || !slices.Equal(got.Servers, m.serversAt(key)) {
			t.Fatalf("Lookup(%q) = %v, want %v and %v", key, got, want[i], m.serversAt(key))
		}
		if again := table.LookupBytes([]byte(key)); !again.Equal(got) {
			t.Fatalf("LookupBytes(%q) = %v, Lookup %v", key, again, got)
		}
	}
}
