package delta

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/scalesmall/ssnode/crdt"
)

// Sum is a sum of hashes modulo 2¹²⁸. It does not depend on the order in which
// they were added, and what was added can be taken out again, each in O(1).
// Bellare and Micciancio call it AdHash (1997).
type Sum struct{ Hi, Lo uint64 }

// Plus returns s + other mod 2¹²⁸.
func (s Sum) Plus(other Sum) Sum {
	lo, carry := bits.Add64(s.Lo, other.Lo, 0)
	hi, _ := bits.Add64(s.Hi, other.Hi, carry)
	return Sum{Hi: hi, Lo: lo}
}

// Minus returns s − other mod 2¹²⁸.
func (s Sum) Minus(other Sum) Sum {
	lo, borrow := bits.Sub64(s.Lo, other.Lo, 0)
	hi, _ := bits.Sub64(s.Hi, other.Hi, borrow)
	return Sum{Hi: hi, Lo: lo}
}

// String returns the sum as 32 hexadecimal digits.
func (s Sum) String() string {
	b := s.Bytes()
	return hex.EncodeToString(b[:])
}

// Bytes returns the sum, most significant byte first.
func (s Sum) Bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], s.Hi)
	binary.BigEndian.PutUint64(b[8:], s.Lo)
	return b
}

// SumOf returns the sum that Bytes wrote.
func SumOf(b [16]byte) Sum {
	return Sum{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

// Fingerprint summarises the records under a span of keys: how many there are
// and the sum of one hash per record. Equal states have equal fingerprints;
// different states have different ones but with a chance of about 2⁻¹²⁸.
type Fingerprint struct {
	Count uint64
	Sum   Sum
}

// Plus returns the fingerprint of two disjoint sets of records together.
func (f Fingerprint) Plus(other Fingerprint) Fingerprint {
	return Fingerprint{Count: f.Count + other.Count, Sum: f.Sum.Plus(other.Sum)}
}

// Minus returns the fingerprint of f's records without other's.
func (f Fingerprint) Minus(other Fingerprint) Fingerprint {
	return Fingerprint{Count: f.Count - other.Count, Sum: f.Sum.Minus(other.Sum)}
}

// IsZero reports whether the fingerprint is that of no records.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String returns the sum and the count.
func (f Fingerprint) String() string { return fmt.Sprintf("%s/%d", f.Sum, f.Count) }

// The domains of hashing. The version is part of each: a change of the
// canonical form must not look like a difference of states.
const (
	domainRecord  = "ssnode record 1\x00"
	domainContext = "ssnode context 1\x00"
)

// FingerprintOf returns the fingerprint of one entry. O(records).
func FingerprintOf(e Entry) Fingerprint {
	var f Fingerprint
	switch {
	case e.IsZero():
	case e.Key.IsClaim():
		f = fingerprintCounter(e.Key, e.Counter)
	case e.Key.IsNode():
		f = Fingerprint{Count: 1, Sum: hash(append(hashedKey(nil, e.Key), encodeNode(e.node())...))}
	default:
		f = Fingerprint{Count: 1, Sum: hash(hashedKey(nil, e.Key))}
	}
	return f
}

// fingerprintCounter hashes the key once more for every record, but writes it
// once.
func fingerprintCounter(k Key, c crdt.PNCounter) (f Fingerprint) {
	var room [256]byte
	head := hashedKey(room[:0], k)
	for _, x := range c {
		f = f.Plus(fingerprintRecord(head, x))
	}
	return f
}

// fingerprintChange returns the fingerprints of a claim before and after a change,
// and hashes once what has not changed.
func fingerprintChange(k Key, before, after crdt.PNCounter) (was, is Fingerprint) {
	var room [256]byte
	head := hashedKey(room[:0], k)
	for len(before) > 0 || len(after) > 0 {
		order := compareFirst(before, after)
		if order == 0 && before[0] == after[0] {
			same := fingerprintRecord(head, before[0])
			was, is = was.Plus(same), is.Plus(same)
			before, after = before[1:], after[1:]
			continue
		}
		if order <= 0 {
			was, before = was.Plus(fingerprintRecord(head, before[0])), before[1:]
		}
		if order >= 0 {
			is, after = is.Plus(fingerprintRecord(head, after[0])), after[1:]
		}
	}
	return was, is
}

// fingerprintRecord returns the fingerprint of one record of a claim, given what
// precedes it in what is hashed.
func fingerprintRecord(head []byte, x crdt.Contribution) Fingerprint {
	return Fingerprint{Count: 1, Sum: hash(packContribution(x).appendTo(head))}
}

// hashedKey appends what precedes a record in what is hashed.
func hashedKey(buf []byte, k Key) []byte {
	buf = append(buf, domainRecord...)
	buf = binary.AppendUvarint(buf, uint64(len(k)))
	return append(buf, k...)
}

// WithSeen returns the hash of a context after its entry of r has become another,
// with s as its hash before; 0 is no entry. O(1).
func (s Sum) WithSeen(r crdt.ReplicaID, before, after uint64) Sum {
	return s.Minus(hashSeen(r, before)).Plus(hashSeen(r, after))
}

// hashSeen returns what one entry of a context adds to its hash: that events of
// r are seen up to a sequence. It is zero if none is.
func hashSeen(r crdt.ReplicaID, sequence uint64) Sum {
	if sequence == 0 {
		return Sum{}
	}
	buf := make([]byte, 0, 64)
	buf = append(append(buf, domainContext...), r[:]...)
	return hash(binary.BigEndian.AppendUint64(buf, sequence))
}

// HashContext returns the hash of a whole context. O(len(c)); a Replica keeps
// that of its own context up to date in O(1) per change.
func HashContext(c crdt.Context) Sum {
	var s Sum
	for r, sequence := range c {
		s = s.Plus(hashSeen(r, sequence))
	}
	return s
}

func hash(b []byte) Sum {
	digest := sha256.Sum256(b)
	return SumOf([16]byte(digest[:16]))
}
