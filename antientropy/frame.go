package antientropy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// A frame is
//
//	0     version   1
//	1..8  cluster   the first 8 bytes of a hash of the cluster's name
//	9     kind
//	10..  body      an array in deterministic CBOR
//
// The version and the cluster stand outside the CBOR, so that they can be read
// whatever a later version does to the rest.
const (
	protocolVersion = 1
	frameHeadBytes  = 1 + 8 + 1
)

// Errors of frames.
var (
	// ErrVersion says that a frame is of another version of the protocol.
	ErrVersion = errors.New("unknown protocol version")
	// ErrCluster says that a frame is of another cluster.
	ErrCluster = errors.New("another cluster")
)

type frameKind uint8

const (
	kindCheck frameKind = 1 + iota
	kindPush
	kindAnnounce
	kindPull
	kindRange
	kindPart
	kindAsk
	kindConfirm
	kindHistory
	kindSketch
	kindFetch
	kindAskNamed
	kindUnknown
)

func (k frameKind) String() string {
	names := [...]string{"check", "push", "announce", "pull", "range", "part", "ask", "confirm", "history", "sketch", "fetch", "ask by name", "unknown"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("frame(%d)", uint8(k))
	}
	return names[k-1]
}

// clusterID is the part of a frame that tells clusters apart.
type clusterID [8]byte

func clusterIDOf(name string) clusterID {
	digest := sha256.Sum256([]byte("ssnode cluster 1\x00" + name))
	return clusterID(digest[:8])
}

func (id clusterID) frame(k frameKind, body []byte) []byte {
	out := make([]byte, 0, frameHeadBytes+len(body))
	out = append(out, protocolVersion)
	out = append(out, id[:]...)
	out = append(out, byte(k))
	return append(out, body...)
}

// openFrame returns the kind and the body of a frame.
func (id clusterID) openFrame(frame []byte) (frameKind, []byte, error) {
	if err := id.admit(frame); err != nil {
		return 0, nil, err
	}
	if len(frame) < frameHeadBytes || len(frame) > FrameBytesMax {
		return 0, nil, fmt.Errorf("%w frame: it has %d bytes, %d to %d are possible", delta.ErrCorrupt, len(frame), frameHeadBytes, FrameBytesMax)
	}
	return frameKind(frame[9]), frame[frameHeadBytes:], nil
}

// admit refuses what other versions and clusters have sent.
func (id clusterID) admit(head []byte) error {
	switch {
	case len(head) < 9:
		return fmt.Errorf("%w frame: it has only %d bytes", delta.ErrCorrupt, len(head))
	case head[0] != protocolVersion:
		return fmt.Errorf("%w: it is %d, this node speaks %d; run the same release on all nodes", ErrVersion, head[0], protocolVersion)
	case clusterID(head[1:9]) != id:
		return fmt.Errorf("%w: its name hashes to %x, this node's to %x; check --cluster on both nodes", ErrCluster, head[1:9], id[:])
	}
	return nil
}

// CheckBytesMax bounds what CheckPayload returns.
const CheckBytesMax = 64

// A check is
//
//	0       version
//	1..8    cluster
//	9       flags         1: ahead, 2: in session
//	10..25  context hash
//	26..33  count         of records
//	34..49  sum           of their hashes
//	50..57  events        sum of all sequences of the context
const checkBytes = 9 + 1 + 16 + 8 + 16 + 8

const (
	flagAhead = 1 << iota
	flagInSession
)

// check is what a peer says about its whole state.
type check struct {
	Ahead, InSession bool
	ContextHash      delta.Sum
	Fingerprint      delta.Fingerprint
	Events           uint64
}

// sameAs reports whether two replicas that say this have seen the same.
func (k check) sameAs(other check) bool {
	return k.ContextHash == other.ContextHash && k.Fingerprint == other.Fingerprint
}

// settled reports whether an equal context means an equal state.
func (k check) settled() bool { return !k.Ahead && !k.InSession }

func (k check) flags() (flags byte) {
	if k.Ahead {
		flags |= flagAhead
	}
	if k.InSession {
		flags |= flagInSession
	}
	return flags
}

// within returns the check for an answer, which has a head of its own.
func (k check) within() checkArray {
	return checkArray{
		Flags: k.flags(), Context: k.ContextHash.Bytes(),
		Count: k.Fingerprint.Count, Sum: k.Fingerprint.Sum.Bytes(), Events: k.Events,
	}
}

// check validates and returns what within wrote.
func (a checkArray) check() (check, error) {
	if a.Flags&^(flagAhead|flagInSession) != 0 {
		return check{}, fmt.Errorf("%w check with flags %#x", delta.ErrCorrupt, a.Flags)
	}
	return check{
		Ahead: a.Flags&flagAhead != 0, InSession: a.Flags&flagInSession != 0,
		ContextHash: delta.SumOf(a.Context), Fingerprint: delta.Fingerprint{Count: a.Count, Sum: delta.SumOf(a.Sum)}, Events: a.Events,
	}, nil
}

func (id clusterID) encodeCheck(k check) []byte {
	out := make([]byte, 0, checkBytes)
	out = append(append(append(out, protocolVersion), id[:]...), k.flags())
	hash, sum := k.ContextHash.Bytes(), k.Fingerprint.Sum.Bytes()
	out = append(out, hash[:]...)
	out = binary.BigEndian.AppendUint64(out, k.Fingerprint.Count)
	out = append(out, sum[:]...)
	return binary.BigEndian.AppendUint64(out, k.Events)
}

func (id clusterID) decodeCheck(b []byte) (check, error) {
	if err := id.admit(b); err != nil {
		return check{}, err
	}
	if len(b) != checkBytes {
		return check{}, fmt.Errorf("%w check of %d bytes, want %d", delta.ErrCorrupt, len(b), checkBytes)
	}
	return checkArray{
		Flags: b[9], Context: [16]byte(b[10:26]), Count: binary.BigEndian.Uint64(b[26:34]),
		Sum: [16]byte(b[34:50]), Events: binary.BigEndian.Uint64(b[50:58]),
	}.check()
}
