package node

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

func member(name, address string, l gossip.Liveness) gossip.Member {
	return gossip.Member{Name: name, Gossip: address, Liveness: l, Self: name == "self"}
}

func TestAddresses_After_ForgetsWhoHasMovedLeftOrIsForgotten(t *testing.T) {
	nodes := []delta.NodeRecord{{Name: "n1", Gossip: "a1"}, {Name: "gone", Gossip: "g1"}}
	a := newAddresses([]string{"a1", "b1", "g1", "x1"}, nodes)
	step := func(want string, retired string, members ...gossip.Member) {
		t.Helper()
		got := "as before"
		if next := a.after(members, func(name string) bool { return name == retired }); next != nil {
			a.remembered = next
			got = fmt.Sprint(next)
		}
		if got != want {
			t.Errorf("it remembers %s, want %s", got, want)
		}
	}
	self := member("self", "s", gossip.Alive)
	step("as before", "", self)
	step("as before", "", self, member("n1", "a1", gossip.Dead))
	step("[a2 b1 g1 x1]", "", self, member("n1", "a2", gossip.Alive))
	step("as before", "", self, member("n2", "b1", gossip.Suspect), member("n1", "a2", gossip.Dead))
	step("[a2 b2 g1 x1]", "", self, member("n2", "b2", gossip.Alive))
	step("[a2 b2 x1]", "gone", self)
	step("[a2 x1]", "gone", self, member("n2", "b2", gossip.Left))
	step("as before", "gone", self, member("n3", "a2", gossip.Alive)) // took the place of n1
}

func TestAddresses_After_IsBounded(t *testing.T) {
	a := newAddresses(nil, nil)
	for i := range addressesMax {
		a.remembered = append(a.remembered, fmt.Sprintf("%04d", i))
	}
	next := a.after([]gossip.Member{member("n1", "9998", gossip.Alive), member("n2", "9999", gossip.Alive)}, func(string) bool { return false })
	if len(next) != addressesMax || !slices.IsSorted(next) || !slices.Contains(next, "9998") || !slices.Contains(next, "9999") {
		t.Errorf("it remembers %d, up to %v", len(next), next[len(next)-2:])
	}
}

func TestAddresses_Missing_LeavesOutWhoIsThere(t *testing.T) {
	a := newAddresses([]string{"a1", "b1", "c1", "d1"}, nil)
	a.areSelf("me:1")
	a.areSelf("7.7.7.7:1")
	members := []gossip.Member{
		member("self", "s", gossip.Alive), member("n1", "a1", gossip.Suspect),
		member("n2", "b1", gossip.Dead), member("n3", "c1", gossip.Left),
	}
	if got := fmt.Sprint(a.missing([]string{"s", "me:1", "7.7.7.7:1", "seed:1", "b1"}, members)); got != "[b1 d1 seed:1]" {
		t.Errorf("missing are %s", got)
	}
	configured := []string{"seed:1", "me:1", "7.7.7.7:1"}
	if got := fmt.Sprint(a.ownNames(configured)); got != "[me:1]" {
		t.Errorf("names of its own are %s", got)
	}
	a.areOthers("me:1")
	if got := fmt.Sprint(a.ownNames(configured)); got != "[]" {
		t.Errorf("after it was somebody else's, names of its own are %s", got)
	}
}
