package delta

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Kind says what an event does. The values are those of the encoded form.
type Kind uint8

// The kinds of events.
const (
	// Add carries the origin's whole record on a claim after a Register,
	// Increase or Decrease: the newest stands for all before it.
	Add Kind = 1 + iota
	// Release carries the watermarks that release what the origin observed.
	Release
	// Close says that the origin has found its own record fully released, and
	// that every replica may drop it.
	Close
	// Advertise carries what a node says of itself.
	Advertise
	// Forget retires a replica.
	Forget
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case Add:
		return "add"
	case Release:
		return "release"
	case Close:
		return "close"
	case Advertise:
		return "advertise"
	case Forget:
		return "forget"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Event is one step of one replica. Its dot is given by the delta it is in.
// Only the fields that its kind names are set.
type Event struct {
	Kind Kind
	// Claim is what an Add, Release or Close is about.
	Claim ranges.Claim
	// Records has of an Add one record: that of the origin after it, whose Last is the
	// sequence of the event. Of a Release it has the watermarks.
	Records crdt.PNCounter
	// By is the amount of an Add that is an Increase, negative for a Decrease,
	// 0 for a Register. It is for history; the record has its effect.
	By int64
	// Era is the era of the record that a Close ends.
	Era uint64
	// Node is the record of an Advertise; its dot is that of the event. It is not
	// changed.
	Node *NodeRecord
	// Replica is the one that a Forget retires.
	Replica crdt.ReplicaID
}

// Key returns the key of the entry that the event is about.
func (e Event) Key() Key {
	switch e.Kind {
	case Advertise:
		return NodeKey(e.Node.Name)
	case Forget:
		return ForgottenKey(e.Replica)
	}
	return ClaimKey(e.Claim)
}

// Contribution returns the origin's record after an Add, else the zero one.
func (e *Event) Contribution() crdt.Contribution {
	if e.Kind != Add || len(e.Records) == 0 {
		return crdt.Contribution{}
	}
	return e.Records[0]
}

// Released returns the watermarks of a Release, else nil.
func (e *Event) Released() crdt.PNCounter {
	if e.Kind != Release {
		return nil
	}
	return e.Records
}

// Operation returns the name of the user's operation behind the event, for
// histories: register, increase, decrease, release, or the kind itself.
func (e Event) Operation() string {
	switch {
	case e.Kind != Add:
		return e.Kind.String()
	case e.By > 0:
		return "increase"
	case e.By < 0:
		return "decrease"
	}
	return "register"
}

// Delta is a run of consecutive events of one origin that were committed in
// one transaction: the unit of the log and of replication. Seen-ness and
// filters are per event; a replica may apply a part of a delta.
type Delta struct {
	Origin crdt.ReplicaID
	// First is the sequence of Events[0].
	First uint64
	// Time is when the origin committed it, in milliseconds since the Unix
	// epoch. It is for people to read and decides nothing.
	Time   int64
	Events []Event
}

// Last returns the sequence of the last event.
func (d Delta) Last() uint64 { return d.First + uint64(len(d.Events)) - 1 }

// Dot returns the dot of Events[i].
func (d Delta) Dot(i int) crdt.Dot {
	return crdt.Dot{Replica: d.Origin, Sequence: d.First + uint64(i)}
}

// Slice returns the part of d that consists of Events[from:to].
func (d Delta) Slice(from, to int) Delta {
	d.First += uint64(from)
	d.Events = d.Events[from:to:to]
	return d
}

// Context returns the context that names just the events of d, for tokens. It
// is empty if there are none.
func (d Delta) Context() crdt.Context {
	if len(d.Events) == 0 {
		return crdt.NewContext()
	}
	return crdt.Context{d.Origin: d.Last()}
}

// String returns the dots of the delta.
func (d Delta) String() string { return fmt.Sprintf("%s:%d-%d", d.Origin, d.First, d.Last()) }

// Packed is a delta together with its encoded form.
type Packed struct {
	Delta
	Bytes []byte
}

// Pack encodes d. It fails only if d is larger than DeltaBytesMax.
func Pack(d Delta) (Packed, error) {
	b, err := EncodeDelta(d)
	return Packed{Delta: d, Bytes: b}, err
}
