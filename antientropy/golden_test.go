package antientropy

import (
	"encoding/hex"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestFrames_Golden pins the bytes of version 1 (docs/protocol.md): a change of
// any is a new version of the protocol.
func TestFrames_Golden(t *testing.T) {
	cluster := clusterIDOf("golden")
	r := crdt.ReplicaID{0xaa, 15: 0x01}
	hash, state := delta.Sum{Hi: 1, Lo: 2}.Bytes(), uint64(300)
	k := check{
		Ahead: true, ContextHash: delta.Sum{Hi: 3, Lo: 4},
		Fingerprint: delta.Fingerprint{Count: 5, Sum: delta.Sum{Hi: 6, Lo: 7}}, Events: 8,
	}
	seen := []seenArray{{Replica: r, Sequence: 300}}
	from := &senderArray{Hash: hash, Since: true, Context: delta.EncodeContext(crdt.NewContext())}
	for _, c := range []struct {
		name, want string
		frame      []byte
	}{
		{"check", goldenCheck, cluster.encodeCheck(k)},
		{"push", goldenPush, cluster.frame(kindPush, delta.Marshal(pushBody{All: true, Deltas: [][]byte{{0x84}}}))},
		{"announce", goldenAnnounce, cluster.frame(kindAnnounce, delta.Marshal(announceBody{Urgent: true, Have: seen}))},
		{"pull listed", goldenPullListed, cluster.frame(kindPull, delta.Marshal(pullBody{ID: 1, Scope: scopeListed, Bound: [][]byte{}, Seen: seen}))},
		{"pull page", goldenPullPage, cluster.frame(kindPull, delta.Marshal(pullBody{ID: 1, Scope: scopePage, Bound: [][]byte{{}, r[:]}, Seen: seen}))},
		{"pull base", goldenPullBase, cluster.frame(kindPull, delta.Marshal(pullBody{ID: 1, Scope: scopeBase, Bound: [][]byte{hash[:]}, Seen: seen}))},
		{"range", goldenRange, cluster.frame(kindRange, delta.Marshal(rangeBody{ID: 2, Known: hash, State: 300, FanOut: 16, Leaf: 8, Spans: packSpans([]packedSpan{
			{From: []byte{}, To: []byte("\x01ab"), Count: 9, Sum: 10}, {FromShared: 3, From: []byte{}, ToShared: 2, To: []byte{'c'}, Stance: stanceKnown},
		})}))},
		{"part", goldenPart, cluster.frame(kindPart, delta.Marshal(partBody{ID: 2, Index: 0, Total: 1, Bytes: []byte{1, 2}}))},
		{"ask", goldenAsk, cluster.frame(kindAsk, delta.Marshal(askBody{ID: 3, Seen: seen}))},
		{"confirm", goldenConfirm, cluster.frame(kindConfirm, delta.Marshal(confirmBody{ID: 3}))},
		{"history", goldenHistory, cluster.frame(kindHistory, delta.Marshal(historyBody{ID: 4, After: 5, Keyspace: "k", From: []byte{}}))},
		{"ask by name", goldenAskNamed, cluster.frame(kindAskNamed, delta.Marshal(askNamedBody{ID: 3, Hash: hash, Seen: seen}))},
		{"unknown", goldenUnknown, cluster.frame(kindUnknown, delta.Marshal(unknownBody{ID: 3, Check: k.within()}))},
		{"answer about history", goldenHistoryAnswer, delta.Marshal(historyAnswer{Next: 6, More: true, Deltas: [][]byte{{0x84}}})},
		{"sketch", goldenSketch, cluster.frame(kindSketch, delta.Marshal(sketchBody{ID: 4, Known: hash, From: 16, To: 64, Count: 9, Sum: 10}))},
		{"fetch", goldenFetch, cluster.frame(kindFetch, delta.Marshal(fetchBody{ID: 5, Known: hash, Elements: packElements([]Element{1, 2})}))},
		{"answer of a sketch", goldenSketchAnswer, delta.Marshal(sketchAnswer{
			Sender: from, Count: 9, Sum: hash, Symbols: packSymbols([]Symbol{{Sum: 1, Check: 2}}),
		})},
		{"answer to a fetch", goldenFetchAnswer, delta.Marshal(fetchAnswer{
			Sender: from, Done: 2, Entries: packEntries("", []PackedEntry{{Key: "\x02n", Value: []byte{9}}, {Key: "\x02no", Value: []byte{8}}}),
		})},
		{"answer to a pull", goldenPullAnswer, delta.Marshal(pullAnswer{
			Check: k.within(), Extent: extentMore, Trimmed: []trimArray{{Replica: r, From: 1, Have: 2}}, Deltas: [][]byte{{0x84}},
		})},
		{"answer about ranges", goldenRangeAnswer, delta.Marshal(rangeAnswer{
			Sender: from, State: &state, Spans: packAnswers([]packedAnswer{
				packSpanAnswer(delta.Whole, SpanAnswer{Verdict: VerdictEqual}, false),
				packSpanAnswer(delta.Whole, SpanAnswer{Verdict: VerdictSplit, Children: []Child{
					{Span: delta.Span{To: "\x01a"}, Digest: Digest{Count: 1, Sum: 2}},
					{Span: delta.Span{From: "\x01a", To: "\x04"}, Digest: Digest{Count: 3, Sum: 4}},
				}}, false),
				packSpanAnswer(delta.Whole, SpanAnswer{Verdict: VerdictSplit, Children: []Child{
					{Span: delta.Span{To: "\x01a"}, Digest: Digest{Count: 1, Sum: 2}},
					{Span: delta.Span{From: "\x01a", To: "\x04"}, Digest: Digest{Count: 3, Sum: 4}},
				}}, true),
				packSpanAnswer(delta.Whole, SpanAnswer{Verdict: VerdictEntries, Cut: "\x02o", Entries: []PackedEntry{{Key: "\x02n", Value: []byte{9}}}}, false),
			}),
		})},
		{"answer about ranges, the same", goldenRangeAnswerSame, delta.Marshal(rangeAnswer{Spans: packAnswers([]packedAnswer{{Verdict: VerdictEqual}})})},
	} {
		if got := hex.EncodeToString(c.frame); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

const (
	goldenCheck           = "01fcfa5ce7d3eec4f501000000000000000300000000000000040000000000000005000000000000000600000000000000070000000000000008"
	goldenPush            = "01fcfa5ce7d3eec4f50282f5814184"
	goldenAnnounce        = "01fcfa5ce7d3eec4f50382f5818250aa00000000000000000000000000000119012c"
	goldenPullListed      = "01fcfa5ce7d3eec4f50484010080818250aa00000000000000000000000000000119012c"
	goldenPullPage        = "01fcfa5ce7d3eec4f504840101824050aa000000000000000000000000000001818250aa00000000000000000000000000000119012c"
	goldenPullBase        = "01fcfa5ce7d3eec4f504840102815000000000000000010000000000000002818250aa00000000000000000000000000000119012c"
	goldenRange           = "01fcfa5ce7d3eec4f5058602500000000000000001000000000000000219012c1008550000000301616209000000000000000a0f00020163"
	goldenPart            = "01fcfa5ce7d3eec4f50684020001420102"
	goldenAsk             = "01fcfa5ce7d3eec4f5078203818250aa00000000000000000000000000000119012c"
	goldenConfirm         = "01fcfa5ce7d3eec4f5088103"
	goldenAskNamed        = "01fcfa5ce7d3eec4f50c83035000000000000000010000000000000002818250aa00000000000000000000000000000119012c"
	goldenUnknown         = "01fcfa5ce7d3eec4f50d82038501500000000000000003000000000000000405500000000000000006000000000000000708"
	goldenSketch          = "01fcfa5ce7d3eec4f50a86045000000000000000010000000000000002101840090a"
	goldenFetch           = "01fcfa5ce7d3eec4f50b830550000000000000000100000000000000025000000000000000010000000000000002"
	goldenSketchAnswer    = "84845000000000000000010000000000000002f54180f60950000000000000000100000000000000024c000000000000000100000002"
	goldenFetchAnswer     = "83845000000000000000010000000000000002f54180f60282830042026e41098302416f4108"
	goldenPullAnswer      = "84850150000000000000000300000000000000040550000000000000000600000000000000070801818350aa0000000000000000000000000000010102814184"
	goldenRangeAnswer     = "83845000000000000000010000000000000002f54180f619012c58320102020002016100000000000000020000000000000000000402010002016100000000000000020302026f010002026e0109"
	goldenRangeAnswerSame = "83f6f64101"
	goldenHistory         = "01fcfa5ce7d3eec4f509850405616b40f6"
	goldenHistoryAnswer   = "8406f5f4814184"
)

// FuzzPeek: whatever decodes as a delta is announced by its head.
func FuzzPeek(f *testing.F) {
	for _, time := range []int64{-5, 0, 1 << 40} {
		p, err := delta.Pack(delta.Delta{
			Origin: crdt.ReplicaID{7}, First: 1 << 33, Time: time,
			Events: []delta.Event{{Kind: delta.Forget, Replica: crdt.ReplicaID{8}}, {Kind: delta.Forget, Replica: crdt.ReplicaID{9}}},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := peek(b)
		p, err := delta.DecodeDelta(b)
		if err == nil && (!ok || h != head{Origin: p.Origin, First: p.First, Last: p.Last()}) {
			t.Errorf("the head of %s is read as %+v, %v", p, h, ok)
		}
	})
}
