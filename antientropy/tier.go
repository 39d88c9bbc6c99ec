package antientropy

import "fmt"

// Tier is one of the ways on which replicas come to hold the same.
type Tier uint8

// The tiers.
const (
	// TierPush: pushes and announcements.
	TierPush Tier = iota
	// TierPull: pulls from a log and their answers.
	TierPull
	// TierRange: questions about ranges of the state and their answers.
	TierRange
	// TierHistory: questions about the history of ranges in which a node begins
	// to participate, and their answers.
	TierHistory
	// TierOther: checks and confirmations.
	TierOther
	// Tiers is how many there are.
	Tiers
)

// String returns the name of the tier.
func (t Tier) String() string {
	names := [...]string{"push", "pull", "range", "history", "other"}
	if int(t) >= len(names) {
		return fmt.Sprintf("tier(%d)", uint8(t))
	}
	return names[t]
}

// Traffic is what a tier has sent and received, in frames to and from single
// peers.
type Traffic struct{ FramesIn, FramesOut, BytesIn, BytesOut uint64 }

func (t *Traffic) in(frame []byte) {
	t.FramesIn++
	t.BytesIn += uint64(len(frame))
}

func (t *Traffic) out(frame []byte) {
	t.FramesOut++
	t.BytesOut += uint64(len(frame))
}

// tierOf returns the tier of a kind of frame. A part is of the tier of what it
// answers; one to a question that is not remembered counts as other.
func tierOf(k frameKind) Tier {
	switch k {
	case kindPush, kindAnnounce:
		return TierPush
	case kindPull:
		return TierPull
	case kindCheck, kindAsk, kindAskNamed, kindConfirm, kindUnknown, kindPart:
		return TierOther
	case kindHistory:
		return TierHistory
	}
	return TierRange
}

// tierOfAnswer returns the tier of an answer.
func tierOfAnswer(body any) Tier {
	switch body.(type) {
	case pullAnswer:
		return TierPull
	case historyAnswer:
		return TierHistory
	}
	return TierRange
}

// countArrival counts a delta that has come, by how it came.
func (c *Core) countArrival(how route, isNew bool) {
	arrived, fresh := &c.counters.PulledIn, &c.counters.PulledNew
	if how == bySome || how == byAll {
		arrived, fresh = &c.counters.PushedIn, &c.counters.PushedNew
	}
	*arrived++
	if isNew {
		*fresh++
	}
}
