package gossip

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// livesMax bounds the members whose last life is remembered, so that all
	// of them fit into a note of the store; livesTold those that a join tells.
	livesMax  = 3000
	livesTold = 1024
)

// Life is the last start of a member that this node was told of. It is worth
// keeping on disk: see Options.Lives.
type Life struct {
	Name    string
	Replica crdt.ReplicaID
	Start   StartID
}

// lifeArray is the encoded form of a life.
type lifeArray struct {
	_       struct{} `cbor:",toarray"`
	Name    string
	Replica crdt.ReplicaID
	Counter uint64
	Nonce   uint64
}

func packLives(all []Life) []lifeArray {
	out := make([]lifeArray, len(all))
	for i, x := range all {
		out[i] = lifeArray{Name: x.Name, Replica: x.Replica, Counter: x.Start.Counter, Nonce: x.Start.Nonce}
	}
	return out
}

func unpackLives(all []lifeArray) []Life {
	out := make([]Life, len(all))
	for i, x := range all {
		out[i] = Life{Name: x.Name, Replica: x.Replica, Start: StartID{Counter: x.Counter, Nonce: x.Nonce}}
	}
	return out
}

// lifeBytesMax bounds one encoded life.
const lifeBytesMax = NameBytesMax + 48

// EncodeLives returns lives as bytes for the disk.
func EncodeLives(all []Life) []byte { return delta.Marshal(packLives(all)) }

// DecodeLives undoes EncodeLives. Errors wrap delta.ErrCorrupt.
func DecodeLives(b []byte) ([]Life, error) {
	var all []lifeArray
	if err := delta.Unmarshal(b, &all, livesMax*lifeBytesMax); err != nil {
		return nil, fmt.Errorf("decode lives of members: %w", err)
	}
	return unpackLives(all), nil
}

// lives remembers the last life of each member by its name. A life of the same
// replica that is refuted by the one that is remembered does not replace it:
// who was copied back once is recognised by everybody whom it meets.
type lives map[string]Life

func newLives(remembered []Life) lives {
	l := lives{}
	for _, x := range remembered[:min(livesMax, len(remembered))] {
		l[x.Name] = x
	}
	return l
}

// meet takes note of a life and returns the start that refutes it, if one is
// remembered. If there are too many, one that is not kept is forgotten.
func (l lives) meet(x Life, kept func(name string) bool) (later StartID, refuted bool) {
	if known, ok := l[x.Name]; ok && known.Replica == x.Replica && known.Start.Refutes(x.Start) {
		return known.Start, true
	}
	l[x.Name] = x
	for name := range l {
		if len(l) <= livesMax {
			break
		}
		if !kept(name) {
			delete(l, name)
		}
	}
	return StartID{}, false
}

// all returns the lives of the names that are wanted, ascending by name.
func (l lives) all(wanted func(name string) bool) []Life {
	out := []Life{}
	for x := range maps.Values(l) {
		if wanted(x.Name) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b Life) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Lives returns the last life of every other member that this node was told
// of, ascending by name.
func (t *Transport) Lives() []Life { return t.table.remembered() }
