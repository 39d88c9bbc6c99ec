package wire

import "time"

// The classes of history: what is about ranges that the node claims itself,
// and what is not.
const (
	ClassParticipating = "participating"
	ClassOther         = "other"
)

// HistoryClass is what the log has of one class.
type HistoryClass struct {
	Class   string `json:"class"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	// Oldest is when the oldest of them was applied, by the node's clock;
	// absent if there is none.
	Oldest time.Time `json:"oldest,omitzero"`
}

// CompactClass is what becomes of one class: what stays, and what went or would
// go, by reason.
type CompactClass struct {
	HistoryClass
	// Retention is for how long and how much the class is kept.
	Retention string `json:"retention"`
	// Covered were seen by every live member, TooOld exceed the age, TooLarge
	// the size.
	Covered  int64 `json:"covered"`
	TooOld   int64 `json:"too_old"`
	TooLarge int64 `json:"too_large"`
	// FreedBytes is what all of them take.
	FreedBytes int64 `json:"freed_bytes"`
}

// Blocker is a live member that has not seen records, or of which that is not
// known: they go when it has, or when they are too old or too large.
type Blocker struct {
	Member  string `json:"member"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
}
