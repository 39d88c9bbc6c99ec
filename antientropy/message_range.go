package antientropy

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

const (
	// rangeSpansMax bounds the spans of one request.
	rangeSpansMax = 256
	// leafMax bounds the records of a span that is sent without being split.
	leafMax = 1 << 16
)

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

// packSpanAnswer encodes what is said about a span. The last child is left out
// where the asking side can infer it.
func packSpanAnswer(s delta.Span, a SpanAnswer, infer bool) packedAnswer {
	out := packedAnswer{Verdict: a.Verdict, Entries: packEntries(s.From, a.Entries)}
	before := s.From
	for i, child := range a.Children {
		c := packedChild{Suffix: []byte{}, Sum: child.Digest.Sum}
		if i < len(a.Children)-1 {
			c.Shared, c.Suffix = front(before, child.Span.To)
		} else if infer {
			break
		}
		before = child.Span.To
		out.Children = append(out.Children, c)
	}
	if a.Verdict == VerdictEntries && a.Cut != s.To {
		out.Cut = []byte(a.Cut)
	}
	return out
}

// packEntries encodes entries, ascending by key, each key coded against the one
// before it, the first against a given one.
func packEntries(before delta.Key, entries []PackedEntry) []entryArray {
	out := make([]entryArray, len(entries))
	for i, e := range entries {
		out[i].Value = e.Value
		out[i].Shared, out[i].Suffix = front(before, e.Key)
		before = e.Key
	}
	return out
}

// unpackEntries validates and returns what packEntries wrote, all of it in a
// span.
func unpackEntries(before delta.Key, entries []entryArray, within delta.Span) ([]delta.Entry, error) {
	var out []delta.Entry
	for i, x := range entries {
		k, err := unfront(before, x.Shared, x.Suffix)
		if err != nil {
			return nil, err
		}
		if !within.Contains(k) || i > 0 && k <= before {
			return nil, fmt.Errorf("%w answer: entry %q is out of order", delta.ErrCorrupt, k)
		}
		e, err := delta.DecodeEntry(k, x.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		before = k
	}
	return out, nil
}

// finding is a decoded SpanAnswer.
type finding struct {
	Verdict  Verdict
	Children []Child
	Entries  []delta.Entry
	Cut      delta.Key
}

// unpack validates what is said about a span: children partition it, entries
// ascend in what lies before the cut. known is the sum of the span, if it is
// known, from which that of the last child follows.
func (a packedAnswer) unpack(s delta.Span, known *uint64) (finding, error) {
	f := finding{Verdict: a.Verdict, Cut: s.To}
	var err error
	switch a.Verdict {
	case VerdictLater, VerdictEqual:
		if len(a.Children)+len(a.Entries)+len(a.Cut) > 0 {
			err = fmt.Errorf("%w answer: a verdict of %s with more", delta.ErrCorrupt, a.Verdict)
		}
	case VerdictSplit:
		f.Children, err = a.unpackChildren(s, known)
	case VerdictEntries:
		err = a.unpackEntries(s, &f)
	default:
		err = fmt.Errorf("%w answer: %s", delta.ErrCorrupt, a.Verdict)
	}
	return f, err
}

func (a packedAnswer) unpackChildren(s delta.Span, known *uint64) ([]Child, error) {
	if known != nil {
		last := packedChild{Sum: *known}
		for _, c := range a.Children {
			last.Sum -= c.Sum
		}
		a.Children = append(a.Children, last)
	}
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
		out[i] = Child{Span: delta.Span{From: from, To: to}, Digest: Digest{Sum: c.Sum}}
		from = to
	}
	return out, nil
}

func (a packedAnswer) unpackEntries(s delta.Span, f *finding) error {
	if len(a.Cut) > 0 {
		f.Cut = delta.Key(a.Cut)
	}
	if f.Cut <= s.From || f.Cut > s.To || len(a.Children) > 0 {
		return fmt.Errorf("%w answer: entries up to %q", delta.ErrCorrupt, f.Cut)
	}
	var err error
	f.Entries, err = unpackEntries(s.From, a.Entries, delta.Span{From: s.From, To: f.Cut})
	return err
}

// rangeFindings is a decoded rangeAnswer.
type rangeFindings struct {
	sender
	State    uint64
	Findings []finding
}

// decodeRangeAnswer decodes an answer about tasks, whose question named a state
// and a context.
func decodeRangeAnswer(b []byte, tasks []task, state uint64, k known) (rangeFindings, error) {
	var a rangeAnswer
	if err := delta.Unmarshal(b, &a, answerBytesMax); err != nil {
		return rangeFindings{}, err
	}
	answers, err := unpackAnswers(a.Spans)
	if err != nil {
		return rangeFindings{}, err
	}
	if len(answers) != len(tasks) {
		return rangeFindings{}, fmt.Errorf("%w answer: %d verdicts for %d spans", delta.ErrCorrupt, len(answers), len(tasks))
	}
	out := rangeFindings{State: state}
	if a.State != nil {
		out.State = *a.State
	}
	if out.sender, err = a.Sender.unpack(k); err != nil {
		return rangeFindings{}, err
	}
	for i, t := range tasks {
		var sum *uint64
		if t.stance(state) == stanceKnown && state == out.State {
			sum = &t.theirs
		}
		f, err := answers[i].unpack(t.span, sum)
		if err == nil && f.Verdict == VerdictEqual && t.stance(state) != stanceCompare {
			err = fmt.Errorf("%w answer: equal to what was not said", delta.ErrCorrupt)
		}
		if err != nil {
			return rangeFindings{}, err
		}
		out.Findings = append(out.Findings, f)
	}
	return out, nil
}

// packTasks encodes tasks as spans of a question that names a state.
func packTasks(tasks []task, state uint64) []byte {
	var before delta.Key
	out := make([]packedSpan, len(tasks))
	for i, t := range tasks {
		x := packedSpan{Stance: t.stance(state)}
		x.FromShared, x.From = front(before, t.span.From)
		x.ToShared, x.To = front(t.span.From, t.span.To)
		if x.Stance == stanceCompare {
			x.Count, x.Sum = t.digest.Count, t.digest.Sum
		}
		out[i], before = x, t.span.To
	}
	return packSpans(out)
}

// asked is a span of a question.
type asked struct {
	Stance stance
	Digest Digest
}

func (b rangeBody) unpack() ([]delta.Span, []asked, error) {
	packed, err := unpackSpans(b.Spans)
	if err != nil {
		return nil, nil, err
	}
	if len(packed) == 0 || b.FanOut < 2 || b.FanOut > splitMax || b.Leaf > leafMax {
		return nil, nil, fmt.Errorf("%w request: %d spans, a fan-out of %d, leaves of %d", delta.ErrCorrupt, len(packed), b.FanOut, b.Leaf)
	}
	var before delta.Key
	spans, about := make([]delta.Span, len(packed)), make([]asked, len(packed))
	for i, x := range packed {
		s, err := x.span(before)
		if err != nil {
			return nil, nil, err
		}
		spans[i], about[i] = s, asked{Stance: x.Stance, Digest: Digest{Count: x.Count, Sum: x.Sum}}
		before = s.To
	}
	return spans, about, nil
}

func (x packedSpan) span(before delta.Key) (s delta.Span, err error) {
	if s.From, err = unfront(before, x.FromShared, x.From); err != nil {
		return s, err
	}
	if s.To, err = unfront(s.From, x.ToShared, x.To); err != nil {
		return s, err
	}
	return s, s.Validate()
}
