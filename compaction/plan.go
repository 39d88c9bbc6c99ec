package compaction

import (
	"fmt"
	"strings"
)

// Reason says why a record is dropped.
type Reason uint8

// The reasons.
const (
	// Covered: every live member has seen it.
	Covered Reason = 1 + iota
	// Age: it is older than its class is kept.
	Age
	// Size: its class takes more than it may, and it is among the oldest.
	Size

	reasons = 3
)

// Reasons are all reasons, in order.
var Reasons = [reasons]Reason{Covered, Age, Size}

// String returns the name of the reason.
func (r Reason) String() string {
	switch r {
	case Covered:
		return "covered"
	case Age:
		return "age"
	case Size:
		return "size"
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Drop is a record that is to go.
type Drop struct {
	Index     uint64
	AppliedAt int64
	Bytes     uint64
	Class     Class
	Reason    Reason
}

// Totals count records.
type Totals struct{ Records, Bytes uint64 }

func (t *Totals) add(bytes uint64) { t.Records++; t.Bytes += bytes }

// Plan is what Pick decided.
type Plan struct {
	// Drop are the records to go, ascending by index; no more than Env.DropMax.
	Drop []Drop
	// More says that there are others to go, the first of them that of index Next: see
	// Resume.
	More bool
	Next uint64
	// over is that of the picker as of Next.
	over [classes]Totals
	// Dropped and Kept are the totals of each class: of everything that is to
	// go, also what is not in Drop, and of what stays.
	Dropped, Kept [classes]Totals
	// Why has Dropped by reason, in the order of Reasons.
	Why [classes][reasons]Totals
	// Oldest is when the oldest record that stays was applied here, in
	// milliseconds since the epoch; meaningful where Kept has records.
	Oldest [classes]int64
	// Blocked names the live members that keep other records from going now,
	// ascending by name: they have not seen them, or what they have seen is
	// not known. The age and size of the class end that.
	Blocked []Blocker
}

// Blocker is a member and the records that wait for it.
type Blocker struct {
	Member string
	Totals
}

// IsEmpty reports whether nothing is to go.
func (p Plan) IsEmpty() bool { return len(p.Drop) == 0 }

// String tells what would go, what stays and why.
func (p Plan) String() string {
	var b strings.Builder
	for _, c := range Classes {
		fmt.Fprintf(&b, "%s: drop %s, keep %s\n", c, p.Dropped[c], p.Kept[c])
	}
	for _, x := range p.Blocked {
		fmt.Fprintf(&b, "%s wait for %s\n", x.Totals, x.Member)
	}
	return b.String()
}

// String returns the totals for people.
func (t Totals) String() string { return fmt.Sprintf("%d records of %d bytes", t.Records, t.Bytes) }
