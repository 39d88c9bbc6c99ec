package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// Start names one writable opening of a directory. Peers remember the last
// they saw: the same id with another nonce at the same or a lower counter is a
// fork of the directory, or a second process.
type Start struct {
	Counter uint64
	Nonce   uint64
}

// metaBytesMax bounds one value of the bucket meta but the peers.
const metaBytesMax = 4096

type formatArray struct {
	_       struct{} `cbor:",toarray"`
	Magic   string
	Version uint64
}

type identityArray struct {
	_       struct{} `cbor:",toarray"`
	Cluster string
	Node    string
	Replica crdt.ReplicaID
}

type startArray struct {
	_       struct{} `cbor:",toarray"`
	Counter uint64
	Nonce   uint64
}

// stateArray is the state as it is stored. What later formats have more follows on
// what was there.
type stateArray struct {
	_ struct{} `cbor:",toarray"`
	stateOfFive
	JournalNext uint64
	JournalPage uint64
}

type markArray struct {
	_         struct{} `cbor:",toarray"`
	Index     uint64
	AppliedAt int64
}

// state is what summarises the rest of the file. It changes with every
// transaction, and is the only part of the bucket meta that does.
type state struct {
	fingerprint delta.Fingerprint
	contextHash delta.Sum
	aheadHash   delta.Sum
	// logNext is the index of the next record of the log; 1 in an empty file.
	logNext uint64
	// logRecords and logBytes are what the log holds.
	logRecords, logBytes uint64
	// trimmed are the newest records trimmed so far, by class.
	trimmed [trimClasses]Mark
	// indexed is the index from which on records are not in the log and the
	// index by dot yet. tail has their places, and tailBytes is what the bucket has;
	// these two are not stored, see readTail.
	indexed   uint64
	tail      tail
	tailBytes uint64
	// moved is the number of the chunk from which on chunks are in the bucket tail
	// yet. It is not stored, see readOverlay.
	moved uint64
	// fresh are the newest entries. Its bounds are stored here, its images are
	// read by readOverlay.
	fresh chunked
	// journal is where the first frame is, or will be, that the tables do not have.
	journal journalMark
}

// emptyState is that of a file with nothing in it.
func emptyState() state {
	return state{logNext: 1, indexed: 1, moved: 1, fresh: newChunked(1, 1), journal: journalMark{sequence: 1}}
}

// folded is what the tables have had of the journal: the frames below a sequence, and
// images below a number, which readers need no more.
type folded struct {
	sequence uint64
	dropped  int
}

func (s *state) folded() folded { return folded{s.journal.sequence, s.fresh.dropped} }

const trimClasses = len(compaction.Classes)

// identity is who the directory belongs to.
type identity struct {
	cluster, node string
	replica       crdt.ReplicaID
}

func (i identity) validate() error {
	if err := ranges.ValidateName("cluster", i.cluster); err != nil {
		return err
	}
	if i.replica.IsZero() {
		return fmt.Errorf("the replica id is zero")
	}
	return ranges.ValidateName("node", i.node)
}

// getMeta decodes a value that must be there.
func (t *tables) getMeta(name string, v any, bytesMax int) error {
	payload, err := t.getPayload(name)
	if err != nil {
		return err
	}
	return corrupt("meta "+name, delta.Unmarshal(payload, v, bytesMax))
}

func (t *tables) getPayload(name string) ([]byte, error) {
	payload, err := t.meta.get([]byte(name))
	if err == nil && payload == nil {
		err = fmt.Errorf("%w: meta has no %s", ErrCorrupt, name)
	}
	return payload, err
}

func (t *tables) putMeta(name string, v any) error {
	return t.meta.put([]byte(name), delta.Marshal(v))
}

func (t *tables) getIdentity() (identity, error) {
	var a identityArray
	if err := t.getMeta(metaIdentity, &a, metaBytesMax); err != nil {
		return identity{}, err
	}
	return a.identity()
}

func (a identityArray) identity() (identity, error) {
	i := identity{cluster: a.Cluster, node: a.Node, replica: a.Replica}
	return i, corrupt("meta identity", i.validate())
}

func (t *tables) putIdentity(i identity) error {
	return t.putMeta(metaIdentity, identityArray{Cluster: i.cluster, Node: i.node, Replica: i.replica})
}

func (t *tables) getStart() (Start, error) {
	var a startArray
	err := t.getMeta(metaStart, &a, metaBytesMax)
	return Start{Counter: a.Counter, Nonce: a.Nonce}, err
}

func (t *tables) putStart(s Start) error {
	return t.putMeta(metaStart, startArray{Counter: s.Counter, Nonce: s.Nonce})
}

// getState returns what is stored of the state, in a file of some version.
func (t *tables) getState(version uint64) (state, error) {
	payload, err := t.getPayload(metaState)
	if err != nil {
		return state{}, err
	}
	return decodeState(version, payload)
}

func decodeState(version uint64, payload []byte) (state, error) {
	var a stateArray
	var err error
	switch version {
	case 1:
		a, err = decodeStateOfOne(payload)
	case 2:
		a, err = decodeStateOfTwo(payload)
	case 3, 4, 5:
		a, err = decodeStateOfFive(payload)
	default:
		err = delta.Unmarshal(payload, &a, metaBytesMax)
	}
	if err != nil {
		return state{}, corrupt("meta state", err)
	}
	return a.state()
}

func (a stateArray) state() (state, error) {
	s := state{
		fingerprint: delta.Fingerprint{Count: a.Count, Sum: delta.SumOf(a.Fingerprint)},
		contextHash: delta.SumOf(a.ContextHash),
		aheadHash:   delta.SumOf(a.AheadHash),
		logNext:     a.LogNext, logRecords: a.LogRecords, logBytes: a.LogBytes, indexed: a.Indexed,
		fresh:   newChunked(a.FreshFirst, a.FreshNext),
		journal: journalMark{a.JournalNext, a.JournalPage},
	}
	if s.logNext == 0 || s.logRecords >= s.logNext {
		return state{}, fmt.Errorf("%w: meta state: %d log records below index %d", ErrCorrupt, s.logRecords, s.logNext)
	}
	if s.indexed == 0 || s.indexed > s.logNext {
		return state{}, fmt.Errorf("%w: meta state: records are indexed below %d, the next is %d", ErrCorrupt, s.indexed, s.logNext)
	}
	if s.fresh.first == 0 || s.fresh.first > s.fresh.next {
		return state{}, fmt.Errorf("%w: meta state: the newest entries are in chunks from %d to before %d", ErrCorrupt, s.fresh.first, s.fresh.next)
	}
	if s.logNext > chunkBit || s.fresh.next > chunkBit {
		return state{}, fmt.Errorf("%w: meta state: %d records and %d chunks are more than there can be", ErrCorrupt, s.logNext, s.fresh.next)
	}
	if s.journal.sequence == 0 {
		return state{}, fmt.Errorf("%w: meta state: the journal goes on with frame 0", ErrCorrupt)
	}
	if len(a.Trimmed) != trimClasses {
		return state{}, fmt.Errorf("%w: meta state: %d marks of trimming, want %d", ErrCorrupt, len(a.Trimmed), trimClasses)
	}
	for i, m := range a.Trimmed {
		s.trimmed[i] = Mark{Index: m.Index, AppliedAt: m.AppliedAt}
	}
	return s, nil
}

func (t *tables) putState(s state) error { return t.meta.put([]byte(metaState), encodeState(s)) }

// encodeState is delta.Marshal of a stateArray, without reflection.
func encodeState(s state) []byte {
	fingerprint, context, ahead := s.fingerprint.Sum.Bytes(), s.contextHash.Bytes(), s.aheadHash.Bytes()
	b := delta.AppendArray(make([]byte, 0, stateBytes), 13)
	b = delta.AppendUint(b, s.fingerprint.Count)
	b = delta.AppendBytes(b, fingerprint[:])
	b = delta.AppendBytes(b, context[:])
	b = delta.AppendBytes(b, ahead[:])
	b = delta.AppendUint(b, s.logNext)
	b = delta.AppendUint(b, s.logRecords)
	b = delta.AppendUint(b, s.logBytes)
	b = delta.AppendArray(b, uint64(len(s.trimmed)))
	for _, m := range s.trimmed {
		b = delta.AppendInt(delta.AppendUint(delta.AppendArray(b, 2), m.Index), m.AppliedAt)
	}
	b = delta.AppendUint(b, s.indexed)
	b = delta.AppendUint(b, s.fresh.first)
	b = delta.AppendUint(b, s.fresh.next)
	return delta.AppendUint(delta.AppendUint(b, s.journal.sequence), s.journal.page)
}

// stateBytes is about what an encoded state takes.
const stateBytes = 128

// corrupt wraps a decoding error of what, so that it is one of this package.
func corrupt(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
}
