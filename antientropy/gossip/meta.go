package gossip

import (
	"fmt"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// metaBytesMax bounds the encoded metadata of a member: what memberlist
	// has room for.
	metaBytesMax = memberlist.MetaMaxSize
	// apiBytesMax bounds the API address of a member.
	apiBytesMax = 300
)

// StartID names one start of a process on a data directory.
type StartID = antientropy.StartID

// Meta is what a member tells about itself with its membership.
type Meta struct {
	// Replica is the life of the data directory. It may change while the
	// process runs, see Transport.SetMeta.
	Replica crdt.ReplicaID
	// Start names the start of the process.
	Start StartID
	// API is the address of its HTTP API, host:port, at most 300 bytes. Empty
	// if it has none.
	API string
}

// Versions is the range of protocol versions that a member understands.
type Versions struct {
	Min, Max uint8
}

// Overlap reports whether two members have a version in common.
func (v Versions) Overlap(other Versions) bool { return v.Min <= other.Max && other.Min <= v.Max }

// String returns "2" or "1 to 2".
func (v Versions) String() string {
	if v.Min == v.Max {
		return fmt.Sprint(v.Max)
	}
	return fmt.Sprintf("%d to %d", v.Min, v.Max)
}

// versionBytes is the size of the range of versions before the metadata: one
// byte for the least, one for the greatest. They stand outside of the encoded
// rest, which readers of other versions may not understand.
const versionBytes = 2

// metaArray is the encoded form of what follows the versions.
type metaArray struct {
	_       struct{} `cbor:",toarray"`
	Replica crdt.ReplicaID
	Counter uint64
	Nonce   uint64
	API     string
}

func encodeMeta(v Versions, m Meta) []byte {
	return append([]byte{v.Min, v.Max}, delta.Marshal(metaArray{
		Replica: m.Replica,
		Counter: m.Start.Counter,
		Nonce:   m.Start.Nonce,
		API:     m.API,
	})...)
}

// decodeVersions returns the versions before encoded metadata, and the rest.
func decodeVersions(b []byte) (Versions, []byte, error) {
	if len(b) <= versionBytes {
		return Versions{}, nil, fmt.Errorf("decode versions of a member: %w: %d bytes of metadata", delta.ErrCorrupt, len(b))
	}
	v := Versions{Min: b[0], Max: b[1]}
	if v.Min > v.Max {
		return Versions{}, nil, fmt.Errorf("decode versions of a member: %w: from %d to %d", delta.ErrCorrupt, v.Min, v.Max)
	}
	return v, b[versionBytes:], nil
}

// decodeMeta returns the metadata that follows the versions.
func decodeMeta(rest []byte) (Meta, error) {
	var a metaArray
	if err := delta.Unmarshal(rest, &a, metaBytesMax); err != nil {
		return Meta{}, fmt.Errorf("decode metadata of a member: %w", err)
	}
	return Meta{Replica: a.Replica, Start: StartID{Counter: a.Counter, Nonce: a.Nonce}, API: a.API}, nil
}
