package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Pushed returns the last dot of every delta that a frame carries, if it is a
// push.
func Pushed(frame []byte) []crdt.Dot {
	if frameKind(frame[9]) != kindPush {
		return nil
	}
	b, err := decodeBody[pushBody](frame[frameHeadBytes:])
	if err != nil {
		panic(err)
	}
	var dots []crdt.Dot
	for _, d := range b.Deltas {
		p, err := delta.DecodeDelta(d)
		if err != nil {
			panic(err)
		}
		if h, ok := peek(d); !ok || h != (head{Origin: p.Origin, First: p.First, Last: p.Last()}) {
			panic("peek sees another delta")
		}
		dots = append(dots, p.Dot(len(p.Events)-1))
	}
	return dots
}

// PartOf returns the bytes of an answer that has one part.
func PartOf(frame []byte) ([]byte, bool) {
	if frameKind(frame[9]) != kindPart {
		return nil, false
	}
	b, err := decodeBody[partBody](frame[frameHeadBytes:])
	return b.Bytes, err == nil && b.Total == 1
}

// PartFrame returns a frame that answers a request.
func PartFrame(head []byte, id uint64, answer []byte) []byte {
	return frameOf(head, kindPart, partBody{ID: id, Total: 1, Bytes: answer})
}

// PushFrame returns a frame that pushes a delta.
func PushFrame(head []byte, d []byte) []byte {
	return frameOf(head, kindPush, pushBody{All: true, Deltas: [][]byte{d}})
}

func frameOf(head []byte, k frameKind, body any) []byte {
	return append(append(head[:9:9], byte(k)), delta.Marshal(body)...)
}

// EarlyBytes returns how much is held of what came too early.
func EarlyBytes(c *Core) int { return c.inbox.earlyBytes }

// RequestsOpen returns how many questions wait for an answer.
func RequestsOpen(c *Core) int { return len(c.requests.byID) }

// AsksHeld returns how many questions of peers wait.
func AsksHeld(c *Core) int { return len(c.served.asks) }

// AskFrame returns a frame that asks for one dot.
func AskFrame(head []byte, id uint64, r crdt.ReplicaID, sequence uint64) []byte {
	return frameOf(head, kindAsk, askBody{ID: id, Seen: []seenArray{{Replica: r, Sequence: sequence}}})
}

// AskNamedFrame returns a frame that asks for a context of a hash, and for some
// entries.
func AskNamedFrame(head []byte, id uint64, hash delta.Sum, seen crdt.Context) []byte {
	return frameOf(head, kindAskNamed, askNamedBody{ID: id, Hash: hash.Bytes(), Seen: packSeen(seen)})
}

// ConfirmedID returns the id of a question that a frame confirms.
func ConfirmedID(frame []byte) (uint64, bool) {
	if frameKind(frame[9]) != kindConfirm {
		return 0, false
	}
	return must(decodeBody[confirmBody](frame[frameHeadBytes:])).ID, true
}

// UnknownFrame returns a frame in which a core says that it does not know what
// it is asked for.
func UnknownFrame(c *Core, id uint64) []byte {
	return c.cluster.frame(kindUnknown, delta.Marshal(unknownBody{ID: id, Check: c.check().within()}))
}

// PullFrame returns a frame that asks for everything.
func PullFrame(head []byte, id uint64) []byte {
	return frameOf(head, kindPull, pullBody{ID: id, Scope: scopePage, Bound: [][]byte{{}, {}}, Seen: []seenArray{}})
}

// ArrivalsHeld returns how many ways are remembered on which deltas came that
// are on their way to the disk.
func ArrivalsHeld(c *Core) (n int) {
	for _, l := range c.inbox.lanes {
		for _, in := range l.deltas {
			n += len(in.arrivals)
		}
	}
	return n
}

// IsQuestion reports whether a frame asks for something that is missing.
func IsQuestion(frame []byte) bool {
	switch frameKind(frame[9]) {
	case kindPull, kindRange, kindSketch, kindFetch:
		return true
	}
	return false
}

// Asked is what a pull says: its id, how many replicas it lists, and whether it
// is about no others.
type Asked struct {
	ID     uint64
	Listed int
	Hole   bool
}

// AskedBy returns that, of a pull.
func AskedBy(frame []byte) (Asked, bool) {
	if frameKind(frame[9]) != kindPull {
		return Asked{}, false
	}
	b, err := decodeBody[pullBody](frame[frameHeadBytes:])
	return Asked{ID: b.ID, Listed: len(b.Seen), Hole: b.Scope == scopeListed}, err == nil
}

// Answered is what an answer to a pull says in numbers.
type Answered struct {
	ID              uint64
	Bytes, Deltas   int
	Records, Events uint64
}

// AnsweredBy returns them, of an answer to a pull that has one part.
func AnsweredBy(frame []byte) (Answered, bool) {
	if frameKind(frame[9]) != kindPart {
		return Answered{}, false
	}
	b, err := decodeBody[partBody](frame[frameHeadBytes:])
	var a pullAnswer
	if err != nil || b.Total != 1 || delta.Unmarshal(b.Bytes, &a, answerBytesMax) != nil {
		return Answered{}, false
	}
	return Answered{ID: b.ID, Bytes: len(b.Bytes), Deltas: len(a.Deltas), Records: a.Check.Count, Events: a.Check.Events}, true
}
