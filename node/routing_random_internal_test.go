package node

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestRouting_Undo_AtRandom has up to two commits under way, each of which is shown,
// first come first, or taken back, last come first. Claims must be those of all that is
// not taken back, tables those of what is shown.
func TestRouting_Undo_AtRandom(t *testing.T) {
	const seed, commits = 23, 1000 // change the seed to try others
	random := rand.New(rand.NewPCG(seed, seed))
	r := newRouting()
	r.loaded("n1", crdt.NewContext())
	type underway struct {
		effects *delta.Effects
		after   map[ranges.Claim]int64
		shown   prepared
	}
	shown, flights := map[ranges.Claim]int64{}, []underway(nil)
	last := func() map[ranges.Claim]int64 {
		if n := len(flights); n > 0 {
			return flights[n-1].after
		}
		return shown
	}
	for i := range commits {
		switch n := len(flights); {
		case n < 2 && (n == 0 || random.IntN(2) == 0):
			changed := randomChanges(random)
			after := maps.Clone(last())
			maps.Copy(after, changed)
			e := effectsOf(last(), changed)
			slices.SortFunc(e.Entries, func(a, b delta.EntryChange) int { return cmp.Compare(a.Key, b.Key) })
			flights = append(flights, underway{effects: e, after: after, shown: r.prepare(e)})
		case random.IntN(2) == 0:
			r.show(flights[0].effects, flights[0].shown)
			shown, flights = flights[0].after, flights[1:]
		default:
			r.undo(flights[n-1].effects)
			flights = flights[:n-1]
		}
		for keyspace, want := range tablesOf(last()) {
			if got := r.claims[keyspace]; got == nil && want.Len() > 1 || got != nil && !got.Table().Equal(want) {
				t.Fatalf("seed %d, step %d: the claims of %s are not those that there should be", seed, i, keyspace)
			}
		}
		for keyspace, want := range tablesOf(shown) {
			if !r.table(keyspace).Equal(want) {
				t.Fatalf("seed %d, step %d: the table of %s is not what was shown", seed, i, keyspace)
			}
		}
	}
}

// randomChanges returns priorities of claims that overlap, in few keyspaces; 0 where
// one is released.
func randomChanges(random *rand.Rand) map[ranges.Claim]int64 {
	changes := map[ranges.Claim]int64{}
	for range 1 + random.IntN(12) {
		c := inKeyspace(fmt.Sprint("k", random.IntN(3)))
		from := random.IntN(8)
		c.Range = ranges.Range{From: fmt.Sprint(from), To: ranges.Before(fmt.Sprint(from + 1 + random.IntN(9-from)))}
		c.Node = fmt.Sprint("n", 1+random.IntN(3))
		changes[c] = max(0, random.Int64N(6)-2)
	}
	return changes
}

// tablesOf returns the tables that claims lead to, in the keyspaces of randomChanges.
func tablesOf(claims map[ranges.Claim]int64) map[string]*ranges.Table {
	weighted := map[string][]ranges.Weighted{"k0": nil, "k1": nil, "k2": nil}
	for c, priority := range claims {
		if priority > 0 {
			weighted[c.Keyspace] = append(weighted[c.Keyspace], ranges.Weighted{Claim: c, Priority: priority})
		}
	}
	tables := map[string]*ranges.Table{}
	for keyspace, list := range weighted {
		tables[keyspace] = ranges.NewTable(list)
	}
	return tables
}
