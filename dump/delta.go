package dump

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/wire"
)

func packDelta(p delta.Packed, appliedAt int64) Delta {
	out := Delta{
		Type: typeDelta, AppliedAt: appliedAt, Origin: p.Origin.String(), First: p.First, Time: p.Time,
		Events: make([]string, len(p.Events)), Bytes: p.Bytes,
	}
	for i, e := range p.Events {
		out.Events[i] = describe(e)
	}
	return out
}

// describe says what an event did, for people.
func describe(e delta.Event) string {
	switch e.Kind {
	case delta.Advertise:
		return "advertise " + e.Node.Name
	case delta.Forget:
		return "forget " + e.Replica.String()
	}
	text := e.Operation() + " " + e.Claim.Keyspace + ":" + wire.FormatRange(e.Claim.Range) + " of " + e.Claim.Node
	switch {
	case e.Kind == delta.Add && e.By != 0:
		text += " by " + strconv.FormatInt(max(e.By, -e.By), 10)
	case e.Kind == delta.Add:
		text += " at " + strconv.FormatInt(e.Contribution().Amount, 10)
	}
	return text
}

// unpack returns the delta of the line, checked: what is written for people
// must be what the bytes say.
func (d Delta) unpack() (delta.Packed, error) {
	p, err := delta.DecodeDelta(d.Bytes)
	if err != nil {
		return delta.Packed{}, err
	}
	said := packDelta(p, d.AppliedAt)
	if d.Origin != said.Origin || d.First != said.First || d.Time != said.Time || !slices.Equal(d.Events, said.Events) {
		return delta.Packed{}, fmt.Errorf("the delta is %s, which is not what its line says", p.Delta)
	}
	return p, nil
}
