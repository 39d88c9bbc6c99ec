package store

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// The bucket holes says of which keys the log lacks events that the context
// covers: they were trimmed, or what they did arrived by range repair, which
// brings states and no events. A history of other keys is complete.
//
//	00             the mark of everything: events were missed without a trace
//	01 keyspace    ranges
//	02             node records and forgotten replicas, no ranges
//
// A keyspace keeps a bounded number of ranges. Beyond it, neighbours are
// united with what lies between them: a hole may be overstated, never missed.

// holeRangesMax bounds the ranges that are kept of one keyspace.
const holeRangesMax = 128

const (
	holeEverything = "\x00"
	holeKeyspace   = "\x01"
	holeNodes      = "\x02"
)

type rangeArray struct {
	_    struct{} `cbor:",toarray"`
	From []byte
	To   []byte // null: unbounded
}

// holeBytesMax bounds the encoded ranges of one keyspace.
const holeBytesMax = holeRangesMax * (2*ranges.KeyBytesMax + 16)

func encodeRanges(list []ranges.Range) []byte {
	out := make([]rangeArray, len(list))
	for i, r := range list {
		out[i] = rangeArray{From: []byte(r.From)}
		if !r.To.Unbounded {
			out[i].To = []byte(r.To.Key)
		}
	}
	return delta.Marshal(out)
}

func decodeRanges(payload []byte) ([]ranges.Range, error) {
	var list []rangeArray
	if err := delta.Unmarshal(payload, &list, holeBytesMax); err != nil {
		return nil, err
	}
	if list == nil { // null is a second form of the empty array
		return nil, fmt.Errorf("no array")
	}
	out := make([]ranges.Range, len(list))
	for i, a := range list {
		if a.From == nil { // and of the empty start
			return nil, fmt.Errorf("a range without a start")
		}
		out[i] = ranges.Range{From: string(a.From), To: ranges.Unbounded()}
		if a.To != nil {
			out[i].To = ranges.Before(string(a.To))
		}
		if err := out[i].Validate(); err != nil {
			return nil, err
		}
	}
	if len(out) > holeRangesMax || !slices.Equal(out, ranges.Union(out)) {
		return nil, fmt.Errorf("%d ranges that are not disjoint and ascending", len(out))
	}
	return out, nil
}

func holesAt(t *table, key []byte) ([]ranges.Range, error) {
	payload, err := t.get(key)
	if err != nil || payload == nil {
		return nil, err
	}
	list, err := decodeRanges(payload)
	return list, corrupt("holes of "+string(key[1:]), err)
}

// HasHoles reports whether the log lacks events about keys of r that this
// replica has seen the effect of. An empty keyspace stands for all, and for
// node records and forgotten replicas too.
func (v *View) HasHoles(keyspace string, r ranges.Range) (bool, error) {
	if payload, err := v.tables.holes.get([]byte(holeEverything)); err != nil || payload != nil {
		return true, err
	}
	if keyspace != "" {
		list, err := holesAt(&v.tables.holes, []byte(holeKeyspace+keyspace))
		return overlaps(list, r), err
	}
	found := false
	err := v.tables.holes.each(nil, nil, func(key, payload []byte) error {
		list, err := decodeRanges(payload)
		found = found || string(key) == holeNodes || overlaps(list, r)
		return corrupt("holes", err)
	})
	return found, err
}

func overlaps(list []ranges.Range, r ranges.Range) bool {
	return slices.ContainsFunc(list, r.Overlaps)
}

// Hole is where the log lacks events. An empty keyspace stands for all of them.
type Hole struct {
	Keyspace string
	Range    ranges.Range
}

// Holes returns where within r the log lacks events about keys, as far as that
// is known: disjoint ranges, ascending by keyspace and start. An empty keyspace
// stands for all.
func (v *View) Holes(keyspace string, r ranges.Range) ([]Hole, error) {
	if payload, err := v.tables.holes.get([]byte(holeEverything)); err != nil || payload != nil {
		return []Hole{{Keyspace: keyspace, Range: r}}, err
	}
	var out []Hole
	err := v.tables.holes.each([]byte(holeKeyspace), []byte(holeNodes), func(key, payload []byte) error {
		in := string(key[len(holeKeyspace):])
		if keyspace != "" && in != keyspace {
			return nil
		}
		list, err := decodeRanges(payload)
		for _, h := range list {
			if h.Overlaps(r) {
				out = append(out, Hole{Keyspace: in, Range: h.Intersect(r)})
			}
		}
		return corrupt("holes", err)
	})
	return out, err
}
