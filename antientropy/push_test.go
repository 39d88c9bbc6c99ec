package antientropy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"pgregory.net/rapid"
)

// TestCore_Push_PutsParticipantsFirst: the first n are those of a stable sort by who is among the
// others.
func TestCore_Push_PutsParticipantsFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching("[a-f]")
		names := rapid.SliceOfDistinct(name, rapid.ID).Draw(t, "names")
		others := slices.Sorted(slices.Values(rapid.SliceOfDistinct(name, rapid.ID).Draw(t, "others")))
		n := rapid.IntRange(0, len(names)).Draw(t, "n")
		want := slices.Clone(names)
		slices.SortStableFunc(want, func(a, b string) int {
			switch inA, inB := slices.Contains(others, a), slices.Contains(others, b); {
			case inA == inB:
				return 0
			case inA:
				return -1
			}
			return +1
		})
		putFirst(names, others, n)
		if !slices.Equal(names[:n], want[:n]) {
			t.Errorf("the first %d are %q, want %q", n, names, want)
		}
	})
}

// TestPeers_Ring_IsAsOneByOne: who is next and who has a replica id are as one by one they
// are found, also where an id is unknown or two have the same.
func TestPeers_Ring_IsAsOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Map(rapid.IntRange(0, 5), func(n int) crdt.ReplicaID { return crdt.ReplicaID{byte(n)} })
		c := &Core{}
		var all []Peer
		for i := range rapid.IntRange(0, 6).Draw(t, "peers") {
			all = append(all, Peer{Name: fmt.Sprint(i), Replica: id.Draw(t, "id"), Alive: rapid.Bool().Draw(t, "alive")})
		}
		c.SetPeers(all)
		own := id.Draw(t, "own")
		var of, want []string
		var next, first *Peer
		for i := range all {
			p := &all[i]
			if !p.Alive {
				continue
			}
			if p.Replica == own {
				of = append(of, p.Name)
			}
			if p.Replica.Compare(own) > 0 && (next == nil || p.Replica.Compare(next.Replica) < 0) {
				next = p
			}
			if first == nil || p.Replica.Compare(first.Replica) < 0 {
				first = p
			}
		}
		for _, p := range []*Peer{next, first} {
			if p != nil {
				want = append(want, p.Name)
			}
		}
		var found []string
		for _, p := range c.peers.of(own) {
			found = append(found, p.Name)
		}
		if !slices.Equal(found, of) {
			t.Errorf("of %s are %q, want %q", own, found, of)
		}
		if got := c.peers.next(own); got != append(want, "")[0] {
			t.Errorf("after %s is %q, want the first of %q", own, got, want)
		}
	})
}
