package antientropy

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Describe returns a line of text about a frame, with the names of replicas
// that name returns. Answers can be read only where they have one part, and
// are told by whether they answer a pull.
func Describe(frame []byte, name func(crdt.ReplicaID) string, isPull func(id uint64) bool) string {
	body := frame[frameHeadBytes:]
	k := frameKind(frame[9])
	switch k {
	case kindCheck:
		return "check"
	case kindPush:
		b := must(decodeBody[pushBody](body))
		to := "some"
		if b.All {
			to = "all"
		}
		return fmt.Sprintf("push to %s:%s", to, describeDeltas(b.Deltas, name))
	case kindAnnounce:
		b := must(decodeBody[announceBody](body))
		if b.Urgent {
			return "announce, nothing is pushed:" + describeSeen(b.Have, name)
		}
		return "announce:" + describeSeen(b.Have, name)
	case kindPull:
		b := must(decodeBody[pullBody](body))
		switch b.Scope {
		case scopePage:
			return "pull everything beyond:" + describeSeen(b.Seen, name)
		case scopeBase:
			return "pull everything since we were the same, and beyond:" + describeSeen(b.Seen, name)
		}
		return "pull beyond:" + describeSeen(b.Seen, name)
	case kindRange:
		b := must(decodeBody[rangeBody](body))
		spans, about := must2(b.unpack())
		s := "compare"
		for i, x := range spans {
			s += " " + describeSpan(x.From, x.To)
			switch about[i].Stance {
			case stanceCompare:
				s += fmt.Sprintf(" (%d)", about[i].Digest.Count)
			case stanceNothing:
				s += " (nothing)"
			default:
				s += " (differs)"
			}
		}
		return s
	case kindSketch:
		b := must(decodeBody[sketchBody](body))
		return fmt.Sprintf("sketch: symbols %d to %d", b.From, b.To)
	case kindFetch:
		b := must(decodeBody[fetchBody](body))
		return fmt.Sprintf("fetch %d", len(must(unpackElements(b.Elements))))
	case kindPart:
		return describePart(must(decodeBody[partBody](body)), name, isPull)
	case kindAsk:
		return "ask for:" + describeSeen(must(decodeBody[askBody](body)).Seen, name)
	case kindAskNamed:
		b := must(decodeBody[askNamedBody](body))
		return fmt.Sprintf("ask for what %x has, and:", b.Hash[:2]) + describeSeen(b.Seen, name)
	case kindUnknown:
		return "we do not know that"
	}
	return k.String()
}

// IDOf returns the id of a request or of its answer, 0 if a frame is neither.
func IDOf(frame []byte) (id uint64, isPull bool) {
	body := frame[frameHeadBytes:]
	switch frameKind(frame[9]) {
	case kindPull:
		return must(decodeBody[pullBody](body)).ID, true
	case kindRange:
		return must(decodeBody[rangeBody](body)).ID, false
	case kindSketch:
		return must(decodeBody[sketchBody](body)).ID, false
	case kindFetch:
		return must(decodeBody[fetchBody](body)).ID, false
	}
	return 0, false
}

func describePart(b partBody, name func(crdt.ReplicaID) string, isPull func(uint64) bool) string {
	if b.Total > 1 {
		return fmt.Sprintf("part %d of %d", b.Index+1, b.Total)
	}
	if isPull(b.ID) {
		var a pullAnswer
		mustUnmarshal(b.Bytes, &a)
		s := "answer:" + describeDeltas(a.Deltas, name)
		for _, t := range a.Trimmed {
			s += fmt.Sprintf(" (%s:%d-%d trimmed)", name(t.Replica), t.From, t.Have)
		}
		if a.Extent == extentMore {
			s += " and more"
		}
		if a.Extent == extentUnknown {
			s += " we never were"
		}
		return s
	}
	return describeSessionAnswer(b.Bytes, name)
}

// describeSessionAnswer tells the kinds of answers apart by which of them the
// bytes are one of.
func describeSessionAnswer(b []byte, name func(crdt.ReplicaID) string) string {
	var sketch sketchAnswer
	if delta.Unmarshal(b, &sketch, answerBytesMax) == nil {
		return fmt.Sprintf("answer: %d symbols of %d records", len(sketch.Symbols)/symbolBytes, sketch.Count) + describeSender(sketch.Sender, name)
	}
	var a rangeAnswer
	var fetched fetchAnswer
	if delta.Unmarshal(b, &fetched, answerBytesMax) == nil && (fetched.Done > 0 && fetched.Done < 1000) {
		return fmt.Sprintf("answer: %d entries of %d elements", len(fetched.Entries), fetched.Done) + describeSender(fetched.Sender, name)
	}
	mustUnmarshal(b, &a)
	s := "answer:"
	for _, x := range must(unpackAnswers(a.Spans)) {
		switch x.Verdict {
		case VerdictSplit:
			s += fmt.Sprintf(" split, %d sums", len(x.Children))
		case VerdictEntries:
			s += fmt.Sprintf(" %d entries", len(x.Entries))
			if len(x.Cut) > 0 {
				s += " cut at " + describeKey(delta.Key(x.Cut))
			}
		default:
			s += " " + x.Verdict.String()
		}
	}
	return s + describeSender(a.Sender, name)
}

func describeSender(a *senderArray, name func(crdt.ReplicaID) string) (s string) {
	if a == nil {
		return ", context the same"
	}
	if a.Since && len(a.Context) == 1 {
		return s + ", context the same"
	}
	if a.Since {
		return s + ", context changed in " + describeContext(must(delta.DecodeContext(a.Context, contextBytesMax)), name)
	}
	return s + ", context " + describeContext(must(delta.DecodeContext(a.Context, contextBytesMax)), name)
}

func describeDeltas(deltas [][]byte, name func(crdt.ReplicaID) string) string {
	var s string
	for _, b := range deltas {
		p := must(delta.DecodeDelta(b))
		s += fmt.Sprintf(" %s:%s", name(p.Origin), crdt.Run{First: p.First, Last: p.Last()})
	}
	return s
}

func describeSeen(seen []seenArray, name func(crdt.ReplicaID) string) string {
	var s string
	for _, x := range seen {
		s += fmt.Sprintf(" %s:%d", name(x.Replica), x.Sequence)
	}
	return s
}

func describeContext(c crdt.Context, name func(crdt.ReplicaID) string) string {
	return "{" + strings.TrimSpace(describeSeen(packSeen(c), name)) + "}"
}

func describeSpan(from, to delta.Key) string {
	if (delta.Span{From: from, To: to}) == delta.Whole {
		return "everything"
	}
	return "[" + describeKey(from) + ", " + describeKey(to) + ")"
}

// describeKey shortens the keys of claims in the default keyspace.
func describeKey(k delta.Key) string {
	if rest, ok := strings.CutPrefix(string(k), "\x01default\x00"); ok && rest != "" {
		return string(rest[0])
	}
	if k == "" {
		return "start"
	}
	return hex.EncodeToString([]byte(k))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[T, U any](v T, w U, err error) (T, U) {
	if err != nil {
		panic(err)
	}
	return v, w
}

func mustUnmarshal(b []byte, v any) {
	if err := delta.Unmarshal(b, v, answerBytesMax); err != nil {
		panic(err)
	}
}
