package antientropy

import (
	"cmp"
	"slices"

	"github.com/scalesmall/ssnode/delta"
)

// Difference is by what another state differs from the own one.
type Difference struct {
	// Theirs stand for entries that the other has and we have not, ascending.
	Theirs []Element
	// Mine are the keys under which we have something that the other has not:
	// it has something else there, which is among Theirs, or nothing.
	Mine map[delta.Key]struct{}
	// Shared is the fingerprint of what both have. With that of the entries of
	// Theirs it is that of the other state, or the sketch has misled us.
	Shared delta.Fingerprint
}

func (r ReadRequest) readSymbols(from Source, at Instant) []Symbol {
	sketch, ok := from.(Sketched)
	if !ok || DigestOf(at.Fingerprint) == r.Digest {
		return nil
	}
	return sketch.Symbols(r.From, r.To)
}

// readLocate returns entries in the order of keys, of as many elements as there
// is room for, but at least one.
func (r ReadRequest) readLocate(from Source) ([]PackedEntry, int, error) {
	sketch, ok := from.(Sketched)
	if !ok {
		return nil, len(r.Elements), nil
	}
	found := map[Element]PackedEntry{}
	err := sketch.Locate(r.Elements, func(x Element, e delta.Entry) error {
		found[x] = PackedEntry{Key: e.Key, Value: delta.EncodeEntry(e)}
		return nil
	})
	var out []PackedEntry
	done, left := 0, r.BytesMax
	for _, x := range r.Elements {
		e, ok := found[x]
		if left -= e.size(); ok && left < 0 && len(out) > 0 {
			break
		}
		if ok {
			out = append(out, e)
		}
		done++
	}
	slices.SortFunc(out, func(a, b PackedEntry) int { return cmp.Compare(a.Key, b.Key) })
	return out, done, err
}

// readDifference returns nil if the symbols are not enough.
func (r ReadRequest) readDifference(from Source, at Instant) (*Difference, error) {
	if at.Fingerprint == r.Root {
		return &Difference{Shared: r.Root}, nil
	}
	sketch, ok := from.(Sketched)
	if !ok {
		return nil, nil
	}
	mine := sketch.Symbols(0, len(r.Symbols))
	if len(mine) < len(r.Symbols) || len(mine) == 0 {
		return nil, nil
	}
	theirs, ours, ok := peel(r.Symbols, mine)
	if !ok {
		return nil, nil
	}
	theirs, ours = unmoved(theirs, ours)
	d := &Difference{Theirs: theirs, Mine: map[delta.Key]struct{}{}, Shared: at.Fingerprint}
	err := sketch.Locate(ours, func(_ Element, e delta.Entry) error {
		d.Mine[e.Key] = struct{}{}
		d.Shared = d.Shared.Minus(delta.FingerprintOf(e))
		return nil
	})
	if len(d.Mine) != len(ours) {
		return nil, err // no element of ours: the symbols were peeled into noise
	}
	return d, err
}

// unmoved drops the elements that stand for the same entry at different places:
// an anchor that only one side has moves all entries up to the next. That they
// are the same the fingerprint of the whole proves at last.
func unmoved(theirs, ours []Element) (changedTheirs, changedOurs []Element) {
	here := map[uint64]int{}
	for _, x := range ours {
		here[x.content()]++
	}
	for _, x := range theirs {
		if here[x.content()] > 0 {
			here[x.content()]--
		} else {
			changedTheirs = append(changedTheirs, x)
		}
	}
	for _, x := range ours {
		if here[x.content()] > 0 {
			here[x.content()]--
			changedOurs = append(changedOurs, x)
		}
	}
	slices.Sort(changedTheirs)
	return changedTheirs, changedOurs
}
