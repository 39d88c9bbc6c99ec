package delta

import (
	"cmp"
	"errors"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

const (
	// portionMax bounds the records that one Release takes back: at 45 bytes
	// each at most, and with the largest claim, it fits a delta.
	portionMax = 1 << 14
	// headBytesMax bounds what an encoded delta has beside its events.
	headBytesMax = 64
)

// portions returns the live records of a counter as they are released: together
// unless there are very many. Who has seen a part of the Releases must not show
// more for it, so the largest contributions go first, and what only takes away
// goes last.
func portions(counter crdt.PNCounter) []crdt.PNCounter {
	live := make(crdt.PNCounter, 0, len(counter))
	for _, x := range counter {
		if x.IsLive() {
			live = append(live, x)
		}
	}
	if len(live) > portionMax {
		slices.SortStableFunc(live, func(a, b crdt.Contribution) int {
			return cmp.Compare(b.Unreleased(), a.Unreleased())
		})
	}
	portions := slices.Collect(slices.Chunk(live, portionMax))
	for _, p := range portions {
		slices.SortFunc(p, func(a, b crdt.Contribution) int { return a.Origin.Compare(b.Origin) })
	}
	return portions
}

// pack appends what was written to deltas, as one, or as several if it may be.
func (w *writer) pack(deltas []Packed, d Delta) ([]Packed, error) {
	whole, err := w.commit.packed(d)
	if !w.divisible || !errors.Is(err, ErrTooLarge) {
		return append(deltas, whole), err
	}
	for len(d.Events) > 0 {
		n := d.fitting()
		part, err := w.commit.packed(d.Slice(0, n))
		if err != nil {
			return nil, err
		}
		deltas, d = append(deltas, part), d.Slice(n, len(d.Events))
	}
	return deltas, nil
}

// packed is Pack with the room of the commit.
func (c *Commit) packed(d Delta) (Packed, error) {
	var err error
	if c.encoded, err = appendDelta(c.encoded[:0], d); err != nil {
		return Packed{Delta: d}, err
	}
	return Packed{Delta: d, Bytes: c.bytes.copied(c.encoded)}, nil
}

// fitting returns how many of the first events fit one delta, at least 1.
func (d Delta) fitting() int {
	size := headBytesMax
	for i := range d.Events {
		if size += len(appendEvent(nil, &d.Events[i])); size > DeltaBytesMax {
			return max(1, i)
		}
	}
	return len(d.Events)
}
