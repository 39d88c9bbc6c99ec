package node

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestRouting_Participants_AreTheNodesThatClaim holds what tables say against the
// claims themselves.
func TestRouting_Participants_AreTheNodesThatClaim(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	r := newRouting()
	r.loaded("n0", crdt.NewContext())
	now := map[ranges.Claim]int64{}
	key := func() string { return string(rune('a'+random.IntN(12))) + fmt.Sprint(random.IntN(3)) }
	draw := func() ranges.Claim {
		x := ranges.Range{From: key(), To: ranges.Before(key())}
		switch random.IntN(8) {
		case 0:
			x.To = ranges.Unbounded()
		case 1:
			x = ranges.Everything()
		}
		if x.IsEmpty() {
			x.To = ranges.Before(x.From + "\x00")
		}
		return ranges.Claim{Keyspace: fmt.Sprintf("k%d", random.IntN(2)), Node: fmt.Sprintf("n%d", random.IntN(6)), Range: x}
	}
	for range 3000 {
		c := draw()
		if len(now) > 25 {
			c = slices.Collect(maps.Keys(now))[0]
		}
		next := map[ranges.Claim]int64{c: int64(random.IntN(3))}
		if now[c] == next[c] {
			continue
		}
		if _, err := apply(r, effectsOf(map[ranges.Claim]int64{c: now[c]}, next)); err != nil {
			t.Fatal(err)
		}
		if now[c] = next[c]; now[c] == 0 {
			delete(now, c)
		}
		touched := draw()
		participants, partners := map[string]struct{}{}, map[string]struct{}{}
		for x := range now {
			if x.Keyspace == touched.Keyspace && x.Range.Overlaps(touched.Range) {
				participants[x.Node] = struct{}{}
			}
			for own := range now {
				if own.Node == "n0" && x.Node != "n0" && x.Keyspace == own.Keyspace && x.Range.Overlaps(own.Range) {
					partners[x.Node] = struct{}{}
				}
			}
		}
		got := r.participants(delta.Delta{Events: []delta.Event{{Kind: delta.Add, Claim: touched}}})
		if want := slices.Sorted(maps.Keys(participants)); !slices.Equal(got, want) {
			t.Fatalf("participants in %v are %v, want %v, of %v", touched, got, want, now)
		}
		if got, want := r.partners(), slices.Sorted(maps.Keys(partners)); !slices.Equal(got, want) {
			t.Fatalf("partners are %v, want %v, of %v", got, want, now)
		}
	}
}
