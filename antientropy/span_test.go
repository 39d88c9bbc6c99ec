package antientropy

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// stored is a Source of entries alone.
type stored struct{ *delta.Memory }

func (s stored) Instant() Instant {
	var f delta.Fingerprint
	_ = s.Scan(delta.Whole, func(e delta.Entry) error {
		f = f.Plus(delta.FingerprintOf(e))
		return nil
	})
	return Instant{Fingerprint: f}
}

func (s stored) Log(crdt.ReplicaID, uint64, int) ([]delta.Packed, error) { return nil, nil }

// drawState returns entries of one to three records each.
func drawState(t *rapid.T) stored {
	memory := &delta.Memory{}
	for range rapid.IntRange(0, 40).Draw(t, "entries") {
		key := rapid.StringMatching(`[ab\x00]{0,6}`).Draw(t, "key")
		k := delta.ClaimKey(ranges.Claim{Keyspace: "k", Node: "n", Range: ranges.Single(key)})
		e := delta.Entry{Key: k}
		for i := range rapid.IntRange(1, 3).Draw(t, "records") {
			e.Counter = e.Counter.Put(crdt.Contribution{
				Origin: crdt.ReplicaID{byte(i + 1)}, Era: 1, Last: 1, Added: 1, Register: 1,
				Amount: rapid.Int64Range(1, 9).Draw(t, "amount"),
			})
		}
		memory.Write(&delta.Effects{Entries: []delta.EntryChange{delta.NewEntryChange(k, delta.Entry{}, e)}})
	}
	return stored{memory}
}

func drawSpan(t *rapid.T) delta.Span {
	if rapid.Bool().Draw(t, "whole") {
		return delta.Whole
	}
	return delta.Span{From: "\x01k\x00a", To: "\x01k\x00b"}
}

// TestReadRequest_Run_Compare: children partition their span and have its
// fingerprint together; entries up to the cut are all there are; everything
// can be asked about until it is found, whatever the limits.
func TestReadRequest_Run_Compare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := drawState(t)
		request := ReadRequest{
			Kind:        ReadCompare,
			BytesMax:    rapid.IntRange(1, 400).Draw(t, "bytes"),
			FanOut:      rapid.IntRange(2, 5).Draw(t, "fan-out"),
			LeafRecords: rapid.IntRange(1, 6).Draw(t, "leaf"),
		}
		whole := drawSpan(t)
		var want, got []delta.Key
		_ = source.Scan(whole, func(e delta.Entry) error {
			want = append(want, e.Key)
			return nil
		})
		todo := []delta.Span{whole}
		for steps := 0; len(todo) > 0; steps++ {
			if steps > 1000 {
				t.Fatalf("no end: %q", todo)
			}
			request.Spans, request.asked = todo[:1], []asked{{Digest: Digest{Count: 1, Sum: 1}}}
			answer := request.Run(source).Spans[0]
			checkTravels(t, todo[0], answer)
			rest := todo[1:]
			switch answer.Verdict {
			case VerdictSplit:
				todo = append(checkChildren(t, source, todo[0], answer.Children, request.FanOut), rest...)
			case VerdictEntries:
				for _, e := range answer.Entries {
					got = append(got, e.Key)
				}
				todo = rest
				if answer.Cut < request.Spans[0].To {
					todo = append([]delta.Span{{From: answer.Cut, To: request.Spans[0].To}}, rest...)
				}
			default:
				t.Fatalf("%s about a span that differs", answer.Verdict)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("found %q, want %q", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("found %q, want %q", got, want)
			}
		}
	})
}

func checkChildren(t *rapid.T, source Source, s delta.Span, children []Child, fanOut int) []delta.Span {
	if len(children) < 2 || len(children) > fanOut {
		t.Fatalf("%d children, want 2 to %d", len(children), fanOut)
	}
	var spans []delta.Span
	from := s.From
	for _, child := range children {
		f, err := fingerprintOf(source, child.Span)
		if err != nil || child.Span.From != from || child.Span.IsEmpty() || child.Digest != DigestOf(f) {
			t.Fatalf("child %q of %q after %q has %v, told %v (%v)", child.Span, s, from, DigestOf(f), child.Digest, err)
		}
		from = child.Span.To
		spans = append(spans, child.Span)
	}
	if from != s.To {
		t.Fatalf("the children of %q end at %q", s, from)
	}
	return spans
}

// checkTravels: what is said about a span is understood as it was meant.
func checkTravels(t *rapid.T, s delta.Span, a SpanAnswer) {
	var known *uint64
	if infer := rapid.Bool().Draw(t, "infer"); infer {
		known = new(uint64)
		for _, child := range a.Children {
			*known += child.Digest.Sum
		}
	}
	packed := packAnswers([]packedAnswer{packSpanAnswer(s, a, known != nil)})
	decoded, err := unpackAnswers(packed)
	if err != nil || len(decoded) != 1 {
		t.Fatal(len(decoded), err)
	}
	found, err := decoded[0].unpack(s, known)
	if err != nil {
		t.Fatalf("%+v: %v", a, err)
	}
	if found.Verdict != a.Verdict || len(found.Entries) != len(a.Entries) || len(found.Children) != len(a.Children) ||
		a.Verdict == VerdictEntries && found.Cut != a.Cut {
		t.Fatalf("said %+v, understood %+v", a, found)
	}
	for i, child := range a.Children {
		if found.Children[i].Span != child.Span || found.Children[i].Digest.Sum != child.Digest.Sum {
			t.Fatalf("said %+v, understood %+v", child, found.Children[i])
		}
	}
	for i, e := range a.Entries {
		if found.Entries[i].Key != e.Key || string(delta.EncodeEntry(found.Entries[i])) != string(e.Value) {
			t.Fatalf("said %+v, understood %+v", e, found.Entries[i])
		}
	}
}

// TestSeparator_Parts: the shortest key above one and not above another.
func TestSeparator_Parts(t *testing.T) {
	for _, c := range [][3]delta.Key{
		{"a", "b", "b"}, {"a", "ab", "ab"}, {"abc", "abdef", "abd"}, {"", "xyz", "x"}, {"a\x00", "a\x01z", "a\x01"},
	} {
		if got := separator(c[0], c[1]); got != c[2] {
			t.Errorf("between %q and %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// TestSpanAnswer_Unpack_Refuses what does not fit its span.
func TestSpanAnswer_Unpack_Refuses(t *testing.T) {
	s := delta.Span{From: "b", To: "d"}
	entry := entryArray{Suffix: []byte(delta.NodeKey("n"))}
	for name, a := range map[string]packedAnswer{
		"a verdict":           {Verdict: 9},
		"equal with more":     {Verdict: VerdictEqual, Children: []packedChild{{}}},
		"one child":           {Verdict: VerdictSplit, Children: []packedChild{{}}},
		"too many children":   {Verdict: VerdictSplit, Children: make([]packedChild, splitMax+1)},
		"child before":        {Verdict: VerdictSplit, Children: []packedChild{{Suffix: []byte("a")}, {}}},
		"child behind":        {Verdict: VerdictSplit, Children: []packedChild{{Suffix: []byte("e")}, {}}},
		"children back":       {Verdict: VerdictSplit, Children: []packedChild{{Suffix: []byte("cc")}, {Suffix: []byte("ca")}, {}}},
		"shares too much":     {Verdict: VerdictSplit, Children: []packedChild{{Shared: 2}, {}}},
		"split with entries":  {Verdict: VerdictSplit, Children: []packedChild{{Suffix: []byte("c")}, {}}, Entries: []entryArray{entry}},
		"cut before":          {Verdict: VerdictEntries, Cut: []byte("b")},
		"cut behind":          {Verdict: VerdictEntries, Cut: []byte("e")},
		"entry outside":       {Verdict: VerdictEntries, Entries: []entryArray{entry}},
		"entries with childs": {Verdict: VerdictEntries, Children: []packedChild{{}, {}}},
	} {
		if f, err := a.unpack(s, nil); err == nil {
			t.Errorf("%s: understood as %+v", name, f)
		}
	}
}
