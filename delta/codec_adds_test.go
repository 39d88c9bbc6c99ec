package delta

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// checkDecoders holds what is decoded without reflection against what is decoded with
// it: where the first takes something, the second takes the same.
func checkDecoders(t interface{ Fatalf(string, ...any) }, b []byte) (isAdds bool) {
	d, isAdds := decodeAdds(b)
	if !isAdds {
		return false
	}
	p, err := decodeAnyDelta(b)
	if err != nil {
		t.Fatalf("% x is taken, though %v", b, err)
	}
	again, err := EncodeDelta(d)
	checkOutline(t, b, p.Delta)
	if err != nil || !bytes.Equal(again, b) || d.Origin != p.Origin || d.First != p.First || d.Time != p.Time || !slices.EqualFunc(d.Events, p.Events, sameAdd) {
		t.Fatalf("% x is taken for\n%+v, is\n%+v", b, d, p.Delta)
	}
	return true
}

// checkOutline holds the outline of what was decoded against what it is made from, in memory
// that has another.
func checkOutline(t interface{ Fatalf(string, ...any) }, b []byte, d Delta) {
	var want Outline
	want.SetTo(d)
	got := Outline{First: 9, Touches: []Touch{{Node: "another"}, {Node: "and more"}}}
	if err := got.Decode(b); err != nil || got.Origin != want.Origin || got.First != want.First || fmt.Sprint(got.Touches) != fmt.Sprint(want.Touches) {
		t.Fatalf("the outline of % x is %+v, %v; want %+v", b, got, err, want)
	}
}

func sameAdd(a, b Event) bool {
	return a.Kind == Add && b.Kind == Add && a.Claim == b.Claim && a.Records.Equal(b.Records) && a.By == b.By
}

// anAdd draws the operations of one origin on one claim.
func anAdd(t *rapid.T, dot crdt.Dot) Event {
	key := rapid.StringOfN(rapid.RuneFrom([]rune("aé\x00~")), 0, 3, -1)
	c := ranges.Claim{
		Keyspace: rapid.SampledFrom([]string{"default", "k"}).Draw(t, "keyspace"), Node: rapid.SampledFrom([]string{"n1", "é"}).Draw(t, "node"),
		Range: ranges.Range{From: key.Draw(t, "from"), To: ranges.Unbounded()},
	}
	if rapid.Bool().Draw(t, "bounded") {
		c.Range.To = ranges.Before(c.Range.From + "~" + key.Draw(t, "to"))
	}
	amount := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, 1<<40)).Draw(t, "amount")
	x := crdt.Contribution{Origin: dot.Replica, Last: dot.Sequence, Era: dot.Sequence, Added: dot.Sequence, Register: dot.Sequence, Amount: amount}
	return Event{Kind: Add, Claim: c, Records: crdt.PNCounter{x}}
}

// TestDecodeDelta_Adds_AsWithReflection: Adds are decoded without it, and whatever one
// byte of them becomes is taken for the same or left to it.
func TestDecodeDelta_Adds_AsWithReflection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Delta{
			Origin: crdt.ReplicaID{1, byte(rapid.IntRange(0, 255).Draw(t, "origin"))},
			First:  rapid.OneOf(rapid.Uint64Range(1, 30), rapid.Uint64Range(1, 1<<40)).Draw(t, "first"),
			Time:   rapid.Int64Range(-1<<41, 1<<41).Draw(t, "time"),
		}
		for i := range rapid.IntRange(1, 30).Draw(t, "events") {
			d.Events = append(d.Events, anAdd(t, crdt.Dot{Replica: d.Origin, Sequence: d.First + uint64(i)}))
		}
		b, err := EncodeDelta(d)
		if err != nil {
			t.Fatal(err)
		}
		if !checkDecoders(t, b) {
			t.Fatalf("%+v is not decoded without reflection", d)
		}
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		for x := range 256 {
			spoilt := bytes.Clone(b)
			spoilt[at] = byte(x)
			checkDecoders(t, spoilt)
		}
		checkDecoders(t, b[:at])
		checkDecoders(t, append(bytes.Clone(b), 0))
	})
}

// FuzzDecodeAdds is the same for whatever there may be.
func FuzzDecodeAdds(f *testing.F) {
	f.Add([]byte{})
	id := crdt.ReplicaID{7}
	c := ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}}
	x := crdt.Contribution{Origin: id, Last: 5, Era: 5, Added: 5, Register: 5, Amount: 3}
	for _, end := range []ranges.End{ranges.Before("m"), ranges.Unbounded()} {
		c.Range.To = end
		b, err := EncodeDelta(Delta{Origin: id, First: 5, Time: 1, Events: []Event{{Kind: Add, Claim: c, Records: crdt.PNCounter{x}}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkDecoders(t, b) })
}
