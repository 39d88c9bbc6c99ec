package delta

import (
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Touch is what one event is about: a range of a keyspace, a node, or, if all of it is
// zero, a replica that was forgotten.
type Touch struct {
	Keyspace string
	// Range has the memory of the outline, or of what that was decoded from.
	Range ranges.RangeBytes
	Node  string
}

// Outline is what a delta is about, without what it does: all that decisions about a log
// go by.
type Outline struct {
	Origin crdt.ReplicaID
	// First is the sequence of the first of its events.
	First uint64
	// Touches are what its events are about, one for each.
	Touches []Touch
	// bounds has those of ranges that were not decoded.
	bounds []byte
}

// Last returns the sequence of the last event.
func (o *Outline) Last() uint64 { return o.First + uint64(len(o.Touches)) - 1 }

// Dot returns the dot of the first event.
func (o *Outline) Dot() crdt.Dot { return crdt.Dot{Replica: o.Origin, Sequence: o.First} }

// SetTo makes it the outline of d, in the memory that it has.
func (o *Outline) SetTo(d Delta) {
	o.Origin, o.First, o.Touches, o.bounds = d.Origin, d.First, slices.Grow(o.Touches[:0], len(d.Events)), o.bounds[:0]
	for i := range d.Events {
		o.Touches = append(o.Touches, o.touch(&d.Events[i]))
	}
}

// touch returns what an event is about.
func (o *Outline) touch(e *Event) Touch {
	switch e.Kind {
	case Advertise:
		return Touch{Node: e.Node.Name}
	case Forget:
		return Touch{}
	}
	r := &e.Claim.Range
	bounds := ranges.RangeBytes{From: o.copied(r.From), To: o.copied(r.To.Key), Unbounded: r.To.Unbounded}
	return Touch{Keyspace: e.Claim.Keyspace, Range: bounds}
}

// copied returns a copy of a bound. What was copied before stays where it is.
func (o *Outline) copied(bound string) []byte {
	begin := len(o.bounds)
	o.bounds = append(o.bounds, bound...)
	return o.bounds[begin:len(o.bounds):len(o.bounds)]
}

// Decode makes it the outline of the delta that EncodeDelta wrote, in the memory that it
// has; its ranges share the memory of b. It takes what a delta is about, where that is of
// Adds alone, as nearly all are, and does not look at the rest: so it is for what has a
// checksum, and costs less than half of DecodeDelta.
func (o *Outline) Decode(b []byte) error {
	if o.decodeAdds(b) {
		return nil
	}
	p, err := decodeAnyDelta(b)
	if err == nil {
		o.SetTo(p.Delta)
	}
	return err
}

func (o *Outline) decodeAdds(b []byte) (ok bool) {
	r := reader{data: b}
	d, n, ok := readHead(&r)
	if !ok || n == 0 {
		return false
	}
	keyspace := "" // of the touch before, most often that of the outline before, too
	if len(o.Touches) > 0 {
		keyspace = o.Touches[0].Keyspace
	}
	o.Origin, o.First, o.Touches = d.Origin, d.First, slices.Grow(o.Touches[:0], n)
	for range n {
		if !readAddHead(&r) || r.array() != claimFields {
			return false
		}
		if name := r.string(majorText); string(name) != keyspace {
			keyspace = string(name)
		}
		r.string(majorText) // the node
		o.Touches = append(o.Touches, Touch{Keyspace: keyspace, Range: readBounds(&r)})
		for range addFields - 1 {
			r.int()
		}
	}
	return r.end() == nil
}
