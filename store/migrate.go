package store

import "github.com/scalesmall/ssnode/delta"

// stateOfOne is the state as format 1 has it, in which every record is in the log
// and there is no tail.
type stateOfOne struct {
	Count       uint64
	Fingerprint [16]byte
	ContextHash [16]byte
	AheadHash   [16]byte
	LogNext     uint64
	LogRecords  uint64
	LogBytes    uint64
	Trimmed     []markArray // by class
}

// stateOfTwo is the state as format 2 has it, in which every entry is in its place.
type stateOfTwo struct {
	stateOfOne
	Indexed uint64
}

func decodeStateOfOne(payload []byte) (stateArray, error) {
	var a struct {
		_ struct{} `cbor:",toarray"`
		stateOfOne
	}
	err := delta.Unmarshal(payload, &a, metaBytesMax)
	return withoutJournal(stateOfFive{stateOfTwo{a.stateOfOne, a.LogNext}, 1, 1}), err
}

func decodeStateOfTwo(payload []byte) (stateArray, error) {
	var a struct {
		_ struct{} `cbor:",toarray"`
		stateOfTwo
	}
	err := delta.Unmarshal(payload, &a, metaBytesMax)
	return withoutJournal(stateOfFive{a.stateOfTwo, 1, 1}), err
}

func decodeStateOfFive(payload []byte) (stateArray, error) {
	var a struct {
		_ struct{} `cbor:",toarray"`
		stateOfFive
	}
	err := delta.Unmarshal(payload, &a, metaBytesMax)
	return withoutJournal(a.stateOfFive), err
}

// withoutJournal completes a state by a journal that has nothing yet.
func withoutJournal(s stateOfFive) stateArray {
	return stateArray{stateOfFive: s, JournalNext: 1}
}

// stateOfFive is the state as formats 3 to 5 have it, in which there is no journal.
type stateOfFive struct {
	stateOfTwo
	FreshFirst uint64
	FreshNext  uint64
}

// migrate brings a file that was loaded to the format of today. It is part of
// the first transaction of a writable opening: interrupted, it leaves the file
// as it was.
func (t *tables) migrate(l *loaded, journalPages int) error {
	if l.version == FormatVersion {
		return nil
	}
	for _, name := range []string{bucketTail, bucketFresh} {
		if _, err := t.tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if err := createRing(t.tx, journalPages); err != nil {
		return err
	}
	if err := t.putFormat(); err != nil {
		return err
	}
	return t.putState(l.state)
}

func (t *tables) putFormat() error {
	return t.putMeta(metaFormat, formatArray{Magic: magic, Version: FormatVersion})
}
