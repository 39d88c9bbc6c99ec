package store

import (
	"errors"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// Past are deltas about a range, in the order of the log.
type Past struct {
	Deltas []delta.Packed
	// Next is the index of the last record that was looked at, More says that
	// there are others behind it.
	Next uint64
	More bool
}

// pastRecordsMax bounds the records that one Past looks at.
const pastRecordsMax = 8192

// errEnough ends a walk through the log.
var errEnough = errors.New("enough")

// Past returns the deltas with events about keys of r, whose records are behind
// an index: as many as fit in bytesMax, but at least one if there is one among
// the records that it looks at, which are bounded.
func (v *View) Past(after uint64, keyspace string, r ranges.Range, bytesMax int) (Past, error) {
	p := Past{Next: after}
	looked, size := 0, 0
	err := v.EachRecord(after+1, func(x Record) error {
		about := isAbout(x.Delta.Delta, keyspace, r)
		if looked == pastRecordsMax || about && len(p.Deltas) > 0 && size+len(x.Delta.Bytes) > bytesMax {
			p.More = true
			return errEnough
		}
		if p.Next, looked = x.Index, looked+1; about {
			p.Deltas, size = append(p.Deltas, x.Delta), size+len(x.Delta.Bytes)
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p, err
}

func isAbout(d delta.Delta, keyspace string, r ranges.Range) bool {
	for i := range d.Events {
		if c := &d.Events[i].Claim; c.Keyspace == keyspace && c.Range.Overlaps(r) {
			return true
		}
	}
	return false
}
