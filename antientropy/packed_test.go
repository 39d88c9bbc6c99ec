package antientropy

import (
	"bytes"
	"errors"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// FuzzPacked: what is understood of questions and answers about ranges comes as
// the very bytes that would be written for it, and nothing else is understood.
func FuzzPacked(f *testing.F) {
	f.Add(packSpans([]packedSpan{
		{From: []byte("a"), To: []byte("b"), Count: 300, Sum: 1}, {FromShared: 200, To: []byte{1}, Stance: stanceKnown},
	}))
	f.Add(packAnswers([]packedAnswer{
		{Verdict: VerdictEqual},
		{Verdict: VerdictSplit, Children: []packedChild{{Shared: 1, Suffix: []byte("x"), Sum: 1 << 63}, {Sum: 2}}},
		{Verdict: VerdictEntries, Cut: []byte("k"), Entries: []entryArray{{Suffix: []byte("j"), Value: []byte{9}}}},
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if spans, err := unpackSpans(b); err == nil && !bytes.Equal(packSpans(spans), b) {
			t.Errorf("%x is understood as the spans %+v, which are %x", b, spans, packSpans(spans))
		}
		if answers, err := unpackAnswers(b); err == nil && !bytes.Equal(packAnswers(answers), b) {
			t.Errorf("%x is understood as the answers %+v, which are %x", b, answers, packAnswers(answers))
		}
	})
}

// TestPacked_Refuses what is cut off, longer than it must be, or too much.
func TestPacked_Refuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"a long number":     {0x81, 0x00},
		"an endless number": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"a verdict":         {4},
		"a number":          {0x80},
		"no children":       {byte(VerdictSplit)},
		"few children":      {byte(VerdictSplit), 2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
		"many children":     append([]byte{byte(VerdictSplit), 0x81, 0x02}, make([]byte, 257*childBytesMin)...),
		"half a sum":        {byte(VerdictSplit), 1, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8},
		"a short text":      {byte(VerdictEntries), 9, 1},
		"many entries":      {byte(VerdictEntries), 0, 0x80, 0x80, 0x80, 0x80, 0x01},
		"many verdicts":     bytes.Repeat([]byte{byte(VerdictEqual)}, rangeSpansMax+1),
	} {
		if got, err := unpackAnswers(b); !errors.Is(err, delta.ErrCorrupt) {
			t.Errorf("%s: understood as %+v, %v", name, got, err)
		}
	}
	for name, b := range map[string][]byte{
		"no end":     {byte(stanceKnown), 0, 0},
		"no sum":     {byte(stanceCompare), 0, 0, 1, 'a', 5, 1, 2},
		"many spans": bytes.Repeat([]byte{byte(stanceKnown), 0, 0, 1, 'a'}, rangeSpansMax+1),
	} {
		if got, err := unpackSpans(b); !errors.Is(err, delta.ErrCorrupt) {
			t.Errorf("%s: understood as %+v, %v", name, got, err)
		}
	}
}
