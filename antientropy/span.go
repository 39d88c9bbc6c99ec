package antientropy

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// splitMax bounds the children of one span in one answer.
const splitMax = 256

// Digest is a fingerprint as it is compared: 64 bits of the sum, beside the
// count. That two different spans have equal sums happens once in 2⁶⁴; the check
// of whole states, which has all 128 bits, then still differs.
type Digest struct{ Count, Sum uint64 }

// DigestOf cuts a fingerprint.
func DigestOf(f delta.Fingerprint) Digest { return Digest{Count: f.Count, Sum: f.Sum.Lo} }

// Child is a part of a split span.
type Child struct {
	Span   delta.Span
	Digest Digest
}

// Verdict is what the answering side says about a span.
type Verdict uint8

// The verdicts.
const (
	// VerdictLater: there was no room; ask again.
	VerdictLater Verdict = iota
	// VerdictEqual: the digests are equal.
	VerdictEqual
	// VerdictSplit: they differ; Children partitions the span.
	VerdictSplit
	// VerdictEntries: Entries is all there is in the span before Cut.
	VerdictEntries
)

// String returns the name of the verdict.
func (v Verdict) String() string {
	names := [...]string{"later", "equal", "split", "entries"}
	if int(v) >= len(names) {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return names[v]
}

// PackedEntry is an entry in its encoded form.
type PackedEntry struct {
	Key   delta.Key
	Value []byte
}

// SpanAnswer is what the answering side says about one span.
type SpanAnswer struct {
	Verdict  Verdict
	Children []Child
	Entries  []PackedEntry
	// Cut is the end of what Entries is all of: the end of the span, or the
	// key of the first entry that had no room.
	Cut delta.Key
}

// readSpans answers about spans one after the other until the budget is used
// up.
func (r ReadRequest) readSpans(from Source) ([]SpanAnswer, error) {
	out := make([]SpanAnswer, len(r.Spans))
	left := r.BytesMax
	for i, s := range r.Spans {
		if left <= 0 {
			break
		}
		answer, err := r.readSpan(from, i, s, left)
		if err != nil {
			return nil, fmt.Errorf("read span %q to %q: %w", s.From, s.To, err)
		}
		left -= answer.size()
		out[i] = answer
	}
	return out, nil
}

func (r ReadRequest) readSpan(from Source, i int, s delta.Span, left int) (SpanAnswer, error) {
	if r.Kind == ReadEntries {
		return readEntries(from, s, left)
	}
	x := asked{Stance: stanceDiffers}
	if r.asked != nil {
		x = r.asked[i]
	}
	if x.Stance == stanceNothing {
		return readEntries(from, s, left)
	}
	mine, err := fingerprintOf(from, s)
	switch {
	case err != nil:
		return SpanAnswer{}, err
	case x.Stance == stanceCompare && DigestOf(mine) == x.Digest:
		return SpanAnswer{Verdict: VerdictEqual}, nil
	case mine.Count <= uint64(r.LeafRecords):
		return readEntries(from, s, left)
	}
	children, err := split(from, s, mine.Count, r.FanOut)
	if err != nil || len(children) < 2 {
		return readEntries(from, s, left) // one entry of many records
	}
	return SpanAnswer{Verdict: VerdictSplit, Children: children}, nil
}

// size estimates the bytes of an answer on the wire.
func (a SpanAnswer) size() int {
	n := 4
	for _, c := range a.Children {
		n += len(c.Span.To) + 12
	}
	for _, e := range a.Entries {
		n += e.size()
	}
	return n
}

func (e PackedEntry) size() int { return len(e.Key) + len(e.Value) + 8 }

var errCut = errors.New("no room for more")

// readEntries reads entries until bytesMax is used up, but at least one.
func readEntries(from Source, s delta.Span, bytesMax int) (SpanAnswer, error) {
	answer := SpanAnswer{Verdict: VerdictEntries, Cut: s.To}
	err := from.Scan(s, func(e delta.Entry) error {
		packed := PackedEntry{Key: e.Key, Value: delta.EncodeEntry(e)}
		bytesMax -= packed.size()
		if bytesMax < 0 && len(answer.Entries) > 0 {
			answer.Cut = e.Key
			return errCut
		}
		answer.Entries = append(answer.Entries, packed)
		return nil
	})
	if errors.Is(err, errCut) {
		err = nil
	}
	return answer, err
}

func fingerprintOf(from Source, s delta.Span) (delta.Fingerprint, error) {
	if s == delta.Whole {
		return from.Instant().Fingerprint, nil
	}
	if summaries, ok := from.(Summaries); ok {
		return summaries.FingerprintOf(s)
	}
	var f delta.Fingerprint
	err := from.Scan(s, func(e delta.Entry) error {
		f = f.Plus(delta.FingerprintOf(e))
		return nil
	})
	return f, err
}

// split partitions a span of count records.
func split(from Source, s delta.Span, count uint64, fanOut int) ([]Child, error) {
	if summaries, ok := from.(Summaries); ok {
		return summaries.Split(s, fanOut)
	}
	return splitByReading(from, s, count, fanOut)
}

func splitByReading(from delta.Reader, s delta.Span, count uint64, fanOut int) ([]Child, error) {
	x := splitter{next: delta.Span{From: s.From}, size: (count + uint64(fanOut) - 1) / uint64(fanOut)}
	if err := from.Scan(s, x.add); err != nil {
		return nil, err
	}
	x.next.To = s.To
	return append(x.done, Child{Span: x.next, Digest: DigestOf(x.sum)}), nil
}

// splitter cuts a run of entries into children of about size records.
type splitter struct {
	size uint64
	done []Child
	next delta.Span
	sum  delta.Fingerprint
	last delta.Key
}

func (x *splitter) add(e delta.Entry) error {
	if x.sum.Count >= x.size {
		x.next.To = separator(x.last, e.Key)
		x.done = append(x.done, Child{Span: x.next, Digest: DigestOf(x.sum)})
		x.next, x.sum = delta.Span{From: x.next.To}, delta.Fingerprint{}
	}
	x.sum = x.sum.Plus(delta.FingerprintOf(e))
	x.last = e.Key
	return nil
}

// separator returns the shortest key that is larger than low and not larger
// than high, which must be larger than low: bounds that nobody has to store
// need not be keys of entries.
func separator(low, high delta.Key) delta.Key {
	i := 0
	for i < len(low) && low[i] == high[i] {
		i++
	}
	return high[:i+1]
}
