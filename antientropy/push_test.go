package antientropy

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
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

// TestCore_Push_FramesAreOfTheirDeltas: a frame that serves several peers is of the
// delta that each is to get, and says what was said to it.
func TestCore_Push_FramesAreOfTheirDeltas(t *testing.T) {
	c := &Core{}
	first, second := []byte("first"), []byte("second")
	for i, want := range []pushBody{
		{All: true, Deltas: [][]byte{first}}, {All: true, Deltas: [][]byte{first}}, {All: false, Deltas: [][]byte{first}},
		{All: false, Deltas: [][]byte{second}}, {All: false, Deltas: [][]byte{first, second}}, {All: false, Deltas: [][]byte{first}},
	} {
		frame := c.pushFrame(want.All, want.Deltas)
		got, err := decodeBody[pushBody](frame[frameHeadBytes:])
		if err != nil || got.All != want.All || !slices.EqualFunc(got.Deltas, want.Deltas, bytes.Equal) {
			t.Errorf("frame %d is %q, want %q; %v", i, got.Deltas, want.Deltas, err)
		}
	}
}

// TestCore_Announce_IsChecked: an announcement that nobody would send is refused
// whole.
func TestCore_Announce_IsChecked(t *testing.T) {
	a, b := crdt.ReplicaID{1}, crdt.ReplicaID{2}
	for name, have := range map[string][]seenArray{
		"descending": {{Replica: b, Sequence: 1}, {Replica: a, Sequence: 1}},
		"no event":   {{Replica: a}},
		"no replica": {{Sequence: 1}},
		"too many":   {{Replica: a, Sequence: sequenceMax + 1}},
	} {
		if err := (&Core{}).receiveAnnounce("n1", delta.Marshal(announceBody{Have: have})); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
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
