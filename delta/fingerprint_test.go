package delta_test

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// TestFingerprintOf_TellsApart: every field of every record is in it, and so is
// the place of the record.
func TestFingerprintOf_TellsApart(t *testing.T) {
	record := crdt.Contribution{
		Origin: replicaID(1), Era: 2, Last: 9, Total: 5, Added: 8, Register: 7, Amount: 3, Watermark: 4, Released: 1,
	}
	change := func(do func(*crdt.Contribution)) crdt.PNCounter {
		x := record
		do(&x)
		return crdt.PNCounter{x}
	}
	k := delta.ClaimKey(claim("a", "b"))
	node := delta.NodeRecord{Name: "n1", Generation: 2, Dot: crdt.Dot{Replica: replicaID(1), Sequence: 3}, Service: "s", API: "a", Gossip: "g"}
	changeNode := func(do func(*delta.NodeRecord)) delta.Entry {
		n := node
		do(&n)
		return delta.Entry{Key: delta.NodeKey("n1"), Node: &n}
	}
	entries := map[string]delta.Entry{
		"as it is":   {Key: k, Counter: crdt.PNCounter{record}},
		"origin":     {Key: k, Counter: change(func(x *crdt.Contribution) { x.Origin = replicaID(2) })},
		"era":        {Key: k, Counter: change(func(x *crdt.Contribution) { x.Era++ })},
		"last":       {Key: k, Counter: change(func(x *crdt.Contribution) { x.Last++ })},
		"total":      {Key: k, Counter: change(func(x *crdt.Contribution) { x.Total++ })},
		"added":      {Key: k, Counter: change(func(x *crdt.Contribution) { x.Added++ })},
		"register":   {Key: k, Counter: change(func(x *crdt.Contribution) { x.Register-- })},
		"amount":     {Key: k, Counter: change(func(x *crdt.Contribution) { x.Amount++ })},
		"watermark":  {Key: k, Counter: change(func(x *crdt.Contribution) { x.Watermark++ })},
		"released":   {Key: k, Counter: change(func(x *crdt.Contribution) { x.Released++ })},
		"claim":      {Key: delta.ClaimKey(claim("a", "c")), Counter: crdt.PNCounter{record}},
		"node":       changeNode(func(*delta.NodeRecord) {}),
		"generation": changeNode(func(n *delta.NodeRecord) { n.Generation++ }),
		"writer":     changeNode(func(n *delta.NodeRecord) { n.Dot.Replica = replicaID(2) }),
		"sequence":   changeNode(func(n *delta.NodeRecord) { n.Dot.Sequence++ }),
		"service":    changeNode(func(n *delta.NodeRecord) { n.Service = "x" }),
		"api":        changeNode(func(n *delta.NodeRecord) { n.API = "x" }),
		"gossip":     changeNode(func(n *delta.NodeRecord) { n.Gossip = "x" }),
		"labels":     changeNode(func(n *delta.NodeRecord) { n.Labels = []delta.Label{{Name: "zone", Value: "a"}} }),
		"retired":    changeNode(func(n *delta.NodeRecord) { n.Retired = true }),
		"forgotten":  {Key: delta.ForgottenKey(replicaID(1))},
		"nothing":    {},
	}
	seen := map[delta.Fingerprint]string{}
	for name, e := range entries {
		if !e.IsZero() {
			if err := e.Validate(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		f := delta.FingerprintOf(e)
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have the same fingerprint", name, other)
		}
		if seen[f] = name; f.Count != uint64(e.Records()) {
			t.Errorf("%q counts %d, it has %d records", name, f.Count, e.Records())
		}
	}
}

// TestSum_IsAGroup: sums do not depend on order, and what was added can be
// taken out.
func TestSum_IsAGroup(t *testing.T) {
	sum := rapid.Custom(func(t *rapid.T) delta.Sum {
		return delta.Sum{Hi: rapid.Uint64().Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := sum.Draw(t, "a"), sum.Draw(t, "b"), sum.Draw(t, "c")
		switch {
		case a.Plus(b) != b.Plus(a):
			t.Fatal("not commutative")
		case a.Plus(b).Plus(c) != a.Plus(b.Plus(c)):
			t.Fatal("not associative")
		case a.Plus(b).Minus(b) != a || a.Minus(b).Plus(b) != a:
			t.Fatal("minus does not undo plus")
		case delta.SumOf(a.Bytes()) != a:
			t.Fatal("bytes do not give the sum back")
		}
	})
}
