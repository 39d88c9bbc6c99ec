package rival

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// nodes is how many names the claims have.
const nodes = 100

// Claim returns the i-th of the claims that every side holds: narrow, side by
// side, with bounds of 16 bytes.
func Claim(i int) ranges.Claim {
	return ranges.Claim{
		Keyspace: ranges.DefaultKeyspace, Node: "node" + strconv.Itoa(i%nodes),
		Range: ranges.Range{From: bound(i), To: ranges.Before(bound(i + 1))},
	}
}

// bound writes 16 digits, and cheaply: every writer of every side does so for each write,
// and what it takes is no side's.
func bound(i int) string {
	var number [8]byte
	var digits [16]byte
	binary.BigEndian.PutUint64(number[:], uint64(i)<<20)
	hex.Encode(digits[:], number[:])
	return string(digits[:])
}

// Random returns the place of a claim among n.
func Random(n int) int { return rand.IntN(n) }

// Increase returns the operation that every write here is: a load signal on a
// claim that is there.
func Increase(i int) delta.Operation {
	return delta.Operation{Verb: delta.VerbIncrease, Claim: Claim(i), Amount: 1}
}

// IncreaseText is Increase as clients write it.
func IncreaseText(i int) wire.Operation {
	claim, by := Claim(i), int64(1)
	return wire.Operation{
		Op: wire.OpIncrease, Keyspace: claim.Keyspace, Node: claim.Node, By: &by,
		Bounds: wire.BoundsOf(claim.Range),
	}
}

// Key returns what the i-th claim is called in a store of keys and values: as
// many bytes as ssnode gives it.
func Key(i int) string { return string(delta.ClaimKey(Claim(i))) }

// Fill makes a data directory with n claims and returns its path.
func Fill(parent string, n int) (dir string, err error) {
	dir = filepath.Join(parent, fmt.Sprintf("claims-%d", n))
	origin := crdt.ReplicaID{1}
	err = store.Load(dir, store.Options{Node: "n1"}, func(l *store.Loader) error {
		if err := l.Seen(origin, uint64(n)); err != nil {
			return err
		}
		for i := range n {
			counter := crdt.PNCounter{crdt.PNCounter(nil).Registering(origin, uint64(i+1), 10)}
			if err := l.Entry(delta.Entry{Key: delta.ClaimKey(Claim(i)), Counter: counter}); err != nil {
				return err
			}
		}
		return nil
	})
	return dir, err
}
