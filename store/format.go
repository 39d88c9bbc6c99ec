package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/scalesmall/ssnode/crdt"
)

// The format of the file; docs/storage-format.md has the tables.
const (
	// FileName is the name of the one file in a data directory.
	FileName = "ssnode.db"
	// FormatVersion is the version of the format that this package writes.
	FormatVersion = 6

	magic = "ssnode"

	fileMode      = 0o600
	directoryMode = 0o700
)

// The buckets.
const (
	bucketMeta    = "meta"    // name → who this is and the counters
	bucketContext = "context" // replica → sequence
	bucketAhead   = "ahead"   // replica → sequence
	bucketEntries = "entries" // delta.Key → entry
	bucketLog     = "log"     // index → delta
	bucketDots    = "dots"    // origin, first sequence → index and last sequence
	bucketHoles   = "holes"   // where the log lacks events
	bucketNotes   = "notes"   // name → what other packages remember
	bucketTail    = "tail"    // what was written last of log and fresh
	bucketFresh   = "fresh"   // number → keys and entries, the newest
	bucketJournal = "journal" // what was committed last; see ring.go
)

// buckets are those with sealed values: all but the journal.
var buckets = [...]string{bucketMeta, bucketContext, bucketAhead, bucketEntries, bucketLog, bucketDots, bucketHoles, bucketNotes, bucketTail, bucketFresh}

// The names in the bucket meta.
const (
	metaFormat   = "format"
	metaIdentity = "identity"
	metaStart    = "start"
	metaState    = "state"
	metaPeers    = "peers"
)

// Sizes of what is stored, in bytes.
const (
	checksumBytes = 4
	indexBytes    = 8
	dotBytes      = crdt.ReplicaIDBytes + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the place of a value as well as the value, so that a value
// that turns up under another key or in another bucket is noticed.
func checksum(bucket string, key, payload []byte) uint32 {
	sum := uint32(0)
	for i := range len(bucket) {
		sum = checksumByte(sum, bucket[i])
	}
	sum = checksumByte(sum, byte(len(key)>>8))
	sum = checksumByte(sum, byte(len(key)))
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, payload)
}

// checksumByte is crc32.Update for one byte. The bytes given to that escape to
// the heap, which for the few of a name costs more than the sum.
func checksumByte(sum uint32, b byte) uint32 {
	return ^(castagnoli[byte(^sum)^b] ^ ^sum>>8)
}

// unsealed is a payload behind the room for its checksum: so what is written often
// need not be copied to be sealed.
type unsealed []byte

// unsealedRoom returns one without a payload yet, to which about so many bytes are
// appended.
func unsealedRoom(payloadBytes int) unsealed {
	return make(unsealed, checksumBytes, checksumBytes+payloadBytes)
}

// unsealedOf returns a copy of a payload as one.
func unsealedOf(payload []byte) unsealed { return append(unsealedRoom(len(payload)), payload...) }

func (u unsealed) payload() []byte { return u[checksumBytes:] }

// seal makes it the stored form of the payload: its checksum, then itself.
func (u unsealed) seal(bucket string, key []byte) (stored []byte) {
	binary.BigEndian.PutUint32(u, checksum(bucket, key, u.payload()))
	return u
}

// unseal returns the payload of a stored value. It shares its memory.
func unseal(bucket string, key, stored []byte) ([]byte, error) {
	payload, problem := tryUnseal(bucket, key, stored)
	if problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrCorrupt, problem)
	}
	return payload, nil
}

// tryUnseal is unseal, but says what is wrong in words.
func tryUnseal(bucket string, key, stored []byte) (payload []byte, problem string) {
	if len(stored) < checksumBytes {
		return nil, fmt.Sprintf("the value of %s has %d bytes, too few for its checksum", inWords(bucket, key), len(stored))
	}
	payload = stored[checksumBytes:]
	if binary.BigEndian.Uint32(stored) != checksum(bucket, key, payload) {
		return nil, fmt.Sprintf("the checksum of %s does not match", inWords(bucket, key))
	}
	return payload, ""
}

func indexKey(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

func parseIndexKey(key []byte) (uint64, error) {
	if len(key) != indexBytes {
		return 0, fmt.Errorf("%w: the log key %x has %d bytes, want %d", ErrCorrupt, key, len(key), indexBytes)
	}
	return binary.BigEndian.Uint64(key), nil
}

func dotKey(d crdt.Dot) []byte {
	return binary.BigEndian.AppendUint64(d.Replica[:len(d.Replica):len(d.Replica)], d.Sequence)
}

func parseDotKey(key []byte) (crdt.Dot, error) {
	if len(key) != dotBytes {
		return crdt.Dot{}, fmt.Errorf("%w: the dot key %x has %d bytes, want %d", ErrCorrupt, key, len(key), dotBytes)
	}
	d := crdt.Dot{Replica: crdt.ReplicaID(key[:crdt.ReplicaIDBytes]), Sequence: binary.BigEndian.Uint64(key[crdt.ReplicaIDBytes:])}
	if err := d.Validate(); err != nil {
		return crdt.Dot{}, fmt.Errorf("%w: dot key: %v", ErrCorrupt, err)
	}
	return d, nil
}
