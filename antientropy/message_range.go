package antientropy

import (
	"fmt"
	"maps"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// contextBytesMax bounds an encoded context: some 300,000 replicas.
const contextBytesMax = 8 << 20

// rangeSpansMax bounds the spans of one request.
const rangeSpansMax = 32

// front codes a key against the one before it.
func front(before, key delta.Key) (shared uint64, suffix []byte) {
	i := 0
	for i < len(before) && i < len(key) && before[i] == key[i] {
		i++
	}
	return uint64(i), []byte(key[i:])
}

// unfront undoes front.
func unfront(before delta.Key, shared uint64, suffix []byte) (delta.Key, error) {
	if shared > uint64(len(before)) || int(shared)+len(suffix) > delta.KeyBytesMax {
		return "", fmt.Errorf("%w key: it shares %d bytes with one of %d", delta.ErrCorrupt, shared, len(before))
	}
	return before[:shared] + delta.Key(suffix), nil
}

func packSpanAnswer(s delta.Span, a SpanAnswer) spanAnswerArray {
	out := spanAnswerArray{Verdict: a.Verdict, Children: []childArray{}, Entries: []entryArray{}}
	before := s.From
	for i, child := range a.Children {
		c := childArray{Suffix: []byte{}, Count: child.Digest.Count, Sum: child.Digest.Sum}
		if i < len(a.Children)-1 {
			c.Shared, c.Suffix = front(before, child.Span.To)
		}
		before = child.Span.To
		out.Children = append(out.Children, c)
	}
	if a.Verdict == VerdictEntries && a.Cut != s.To {
		out.Cut = []byte(a.Cut)
	}
	before = s.From
	for _, e := range a.Entries {
		x := entryArray{Value: e.Value}
		x.Shared, x.Suffix = front(before, e.Key)
		before = e.Key
		out.Entries = append(out.Entries, x)
	}
	return out
}

// finding is a decoded SpanAnswer.
type finding struct {
	Verdict  Verdict
	Children []Child
	Entries  []delta.Entry
	Cut      delta.Key
}

// unpack validates what is said about a span: children partition it, entries
// ascend in what lies before the cut.
func (a spanAnswerArray) unpack(s delta.Span) (finding, error) {
	f := finding{Verdict: a.Verdict, Cut: s.To}
	var err error
	switch a.Verdict {
	case VerdictLater, VerdictEqual:
		if len(a.Children)+len(a.Entries)+len(a.Cut) > 0 {
			err = fmt.Errorf("%w answer: a verdict of %s with more", delta.ErrCorrupt, a.Verdict)
		}
	case VerdictSplit:
		f.Children, err = a.unpackChildren(s)
	case VerdictEntries:
		err = a.unpackEntries(s, &f)
	default:
		err = fmt.Errorf("%w answer: %s", delta.ErrCorrupt, a.Verdict)
	}
	return f, err
}

func (a spanAnswerArray) unpackChildren(s delta.Span) ([]Child, error) {
	if len(a.Children) < 2 || len(a.Children) > splitMax || len(a.Entries)+len(a.Cut) > 0 {
		return nil, fmt.Errorf("%w answer: %d children", delta.ErrCorrupt, len(a.Children))
	}
	out := make([]Child, len(a.Children))
	from := s.From
	for i, c := range a.Children {
		to := s.To
		if i < len(a.Children)-1 {
			var err error
			if to, err = unfront(from, c.Shared, c.Suffix); err != nil {
				return nil, err
			}
		}
		if to <= from || to > s.To {
			return nil, fmt.Errorf("%w answer: children do not partition their span", delta.ErrCorrupt)
		}
		out[i] = Child{Span: delta.Span{From: from, To: to}, Digest: Digest{Count: c.Count, Sum: c.Sum}}
		from = to
	}
	return out, nil
}

func (a spanAnswerArray) unpackEntries(s delta.Span, f *finding) error {
	if a.Cut != nil {
		f.Cut = delta.Key(a.Cut)
	}
	if f.Cut <= s.From || f.Cut > s.To || len(a.Children) > 0 {
		return fmt.Errorf("%w answer: entries up to %q", delta.ErrCorrupt, f.Cut)
	}
	before := s.From
	for i, x := range a.Entries {
		k, err := unfront(before, x.Shared, x.Suffix)
		if err != nil {
			return err
		}
		if k < s.From || k >= f.Cut || i > 0 && k <= before {
			return fmt.Errorf("%w answer: entry %q is out of order", delta.ErrCorrupt, k)
		}
		e, err := delta.DecodeEntry(k, x.Value)
		if err != nil {
			return err
		}
		f.Entries = append(f.Entries, e)
		before = k
	}
	return nil
}

// rangeFindings is a decoded rangeAnswer.
type rangeFindings struct {
	Hash     delta.Sum
	Context  crdt.Context
	Ahead    crdt.Context
	Findings []finding
}

// known is a context that the asking side has named by its hash.
type known struct {
	hash    delta.Sum
	context crdt.Context
}

func decodeRangeAnswer(b []byte, spans []delta.Span, k known) (rangeFindings, error) {
	var a rangeAnswer
	if err := delta.Unmarshal(b, &a, answerBytesMax); err != nil {
		return rangeFindings{}, err
	}
	if len(a.Spans) != len(spans) {
		return rangeFindings{}, fmt.Errorf("%w answer: %d verdicts for %d spans", delta.ErrCorrupt, len(a.Spans), len(spans))
	}
	out := rangeFindings{Hash: delta.SumOf(a.Hash)}
	var err error
	if out.Context, err = a.unpackContext(k); err != nil {
		return rangeFindings{}, err
	}
	if a.Ahead != nil {
		if out.Ahead, err = delta.DecodeContext(a.Ahead, contextBytesMax); err != nil {
			return rangeFindings{}, err
		}
	}
	for i, s := range spans {
		f, err := a.Spans[i].unpack(s)
		if err != nil {
			return rangeFindings{}, err
		}
		out.Findings = append(out.Findings, f)
	}
	return out, nil
}

// unpackContext returns the whole context of an answer. Its hash proves that it
// is the one that was meant, also where only a difference has come.
func (a rangeAnswer) unpackContext(k known) (crdt.Context, error) {
	changed, err := delta.DecodeContext(a.Context, contextBytesMax)
	if err != nil {
		return nil, err
	}
	if !a.Since {
		if delta.HashContext(changed) != delta.SumOf(a.Hash) {
			return nil, fmt.Errorf("%w answer: its context has another hash", delta.ErrCorrupt)
		}
		return changed, nil
	}
	before := crdt.NewContext()
	for r := range changed {
		if sequence := k.context.Get(r); sequence > 0 {
			before[r] = sequence
		}
	}
	if k.hash.Minus(delta.HashContext(before)).Plus(delta.HashContext(changed)) != delta.SumOf(a.Hash) {
		return nil, fmt.Errorf("%w answer: it is about another context than it says", delta.ErrCorrupt)
	}
	if len(changed) == 0 {
		return k.context, nil
	}
	context := k.context.Clone()
	maps.Copy(context, changed)
	return context, nil
}

func (b rangeBody) unpack() ([]delta.Span, []Digest, error) {
	if len(b.Spans) == 0 || len(b.Spans) > rangeSpansMax {
		return nil, nil, fmt.Errorf("%w request: %d spans", delta.ErrCorrupt, len(b.Spans))
	}
	var spans []delta.Span
	var digests []Digest
	for _, x := range b.Spans {
		s := delta.Span{From: delta.Key(x.From), To: delta.Key(x.To)}
		if err := s.Validate(); err != nil {
			return nil, nil, err
		}
		spans, digests = append(spans, s), append(digests, Digest{Count: x.Count, Sum: x.Sum})
	}
	return spans, digests, nil
}
