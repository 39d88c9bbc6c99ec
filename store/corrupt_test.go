package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// value is one stored value.
type value struct {
	bucket      string
	key, stored []byte
}

// fullDir returns a closed directory with something in every bucket: of five
// records the first four are in the log, and of the entries some are in place,
// some newer, in fresh or in the tail, and one gone.
func fullDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := openTest(t, dir, Options{tailMax: 2, freshMax: 5})
	write(t, s, register("n1", "a", "m", 3), register("n2", "a", "m", 4))
	write(t, s, register("n1", "m", "", 4))
	peer := newMemory(2)
	if _, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "a", "m", 1)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a := wholeOf(t, peer)
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error {
		_, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "a:1"})
		if err == nil {
			_, err = c.Forget(crdt.ReplicaID{9})
		}
		if err == nil {
			err = c.Take(a)
		}
		return err
	})
	if err := errors.Join(err, s.SetPeers([]string{"a:1"}), s.SetNote("x", []byte{1, 2, 3})); err != nil {
		t.Fatal(err)
	}
	write(t, s, register("n1", "a", "m", 5))
	checkAndClose(t, s)
	return dir
}

// wholeOf returns the state of a replica as the answer to who asks for all of it.
func wholeOf(t *testing.T, m *memory) delta.Answer {
	t.Helper()
	a := delta.Answer{Span: delta.Whole, Context: m.replica.Context.Clone()}
	if err := m.Scan(delta.Whole, func(e delta.Entry) error { a.Entries = append(a.Entries, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return a
}

func openBolt(t *testing.T, dir string) *bbolt.DB {
	t.Helper()
	unprove(t, dir)
	db, err := bbolt.Open(filepath.Join(dir, FileName), fileMode, &bbolt.Options{NoSync: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func allValues(t *testing.T, db *bbolt.DB) []value {
	t.Helper()
	var out []value
	err := db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			empty := true
			tx.Bucket([]byte(name)).ForEach(func(key, stored []byte) error {
				empty = false
				out = append(out, value{name, append([]byte{}, key...), append([]byte{}, stored...)})
				return nil
			})
			if empty {
				t.Errorf("the test has nothing in %s", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func putRaw(t *testing.T, db *bbolt.DB, values ...value) {
	t.Helper()
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, v := range values {
			b := tx.Bucket([]byte(v.bucket))
			if v.stored == nil {
				b.Delete(v.key)
			} else if err := b.Put(v.key, v.stored); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isOlder reports whether an entry is in place of which there is a newer image.
func (v value) isOlder(all []value) bool {
	return v.bucket == bucketEntries && slices.ContainsFunc(all, func(x value) bool {
		return x.isChunk() && bytes.Contains(x.stored, v.key)
	})
}

// isChunk reports whether it has images.
func (v value) isChunk() bool {
	return v.bucket == bucketFresh || v.bucket == bucketTail && isChunkKey(v.key)
}

// isLoaded reports whether Open reads a value, beside the walk over all pages.
// It also reads the records that are not in the index by dot, but a lost one goes
// unnoticed.
func (v value) isLoaded(all []value) bool {
	if v.isOlder(all) {
		return false
	}
	switch v.bucket {
	case bucketMeta:
		return string(v.key) != metaPeers && string(v.key) != metaFormat
	case bucketContext, bucketAhead, bucketEntries:
		return true
	}
	return v.isChunk()
}

// mustBeNoticed holds the damaged file against Check, and against Open if it
// is to notice.
func mustBeNoticed(t *testing.T, db *bbolt.DB, byOpen bool, what string, v value) {
	t.Helper()
	if problems := checkFile(db); len(problems) == 0 {
		t.Errorf("check does not notice %s %s %x", what, v.bucket, v.key)
	}
	if !byOpen {
		return
	}
	s := &Store{options: Options{}.withDefaults()}
	if _, err := s.load(db); !errors.Is(err, ErrCorrupt) {
		t.Errorf("open says %v to %s %s %x", err, what, v.bucket, v.key)
	}
}

// TestCheck_NoticesEveryFlippedByte holds S3: no byte of a value may change.
func TestCheck_NoticesEveryFlippedByte(t *testing.T) {
	db := openBolt(t, fullDir(t))
	values := allValues(t, db)
	for _, v := range values {
		for i := range v.stored {
			flipped := value{v.bucket, v.key, append([]byte{}, v.stored...)}
			flipped.stored[i] ^= 1 << (i % 8)
			putRaw(t, db, flipped)
			mustBeNoticed(t, db, v.isLoaded(values), "a flipped bit in", v)
		}
		putRaw(t, db, v)
	}
	if problems := checkFile(db); len(problems) != 0 {
		t.Errorf("undamaged: %v", problems)
	}
}

// TestCheck_NoticesMissingAndExchangedValues holds S2 and S3: what is whole in
// itself must also be in its place, and complete.
func TestCheck_NoticesMissingAndExchangedValues(t *testing.T) {
	db := openBolt(t, fullDir(t))
	values := allValues(t, db)
	for i, v := range values {
		// Of notes and holes there is no count: whole ones may be lost, and so may
		// what does not count.
		if v.bucket != bucketNotes && v.bucket != bucketHoles && !v.isOlder(values) {
			putRaw(t, db, value{v.bucket, v.key, nil})
			mustBeNoticed(t, db, v.isLoaded(values), "the loss of", v)
			putRaw(t, db, v)
		}
		if i == 0 {
			continue
		}
		before := values[i-1]
		putRaw(t, db, value{v.bucket, v.key, before.stored}, value{before.bucket, before.key, v.stored})
		mustBeNoticed(t, db, v.isLoaded(values) || before.isLoaded(values), "an exchange of", v)
		putRaw(t, db, v, before)
	}
}

// What is sealed but contradicts the rest is noticed too.
func TestCheck_NamesContradictions(t *testing.T) {
	dir := fullDir(t)
	db := openBolt(t, dir)
	l, err := (&Store{options: Options{}.withDefaults()}).load(db)
	if err != nil {
		t.Fatal(err)
	}
	id, own := crdt.ReplicaID{7}, l.identity.replica
	peer := newMemory(7)
	e, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n7", "x", "y", 1)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	record := encodeRecord(1, e.Deltas[0])
	sealed := func(bucket string, key, payload []byte) value {
		return value{bucket, key, unsealedOf(payload).seal(bucket, key)}
	}
	dot := dotKey(crdt.Dot{Replica: id, Sequence: 1})
	for want, v := range map[string]value{
		`there is an unknown bucket "other"`:                              {},
		"log record 9: its delta":                                         sealed(bucketLog, indexKey(9), record),
		"log record 9: the next record is to be":                          sealed(bucketLog, indexKey(9), record),
		"log record 0: the index by dot does not lead":                    sealed(bucketLog, indexKey(0), record),
		"log record 9: the log ends at":                                   sealed(bucketLog, indexKey(9), record),
		"log record 0: it is in the tail":                                 sealed(bucketTail, indexKey(0), record),
		"log record 9: the next record":                                   sealed(bucketTail, indexKey(9), record),
		"log record 5: its delta " + own.String() + ":6-6 is there twice": sealed(bucketDots, dotKey(crdt.Dot{Replica: own, Sequence: 6}), encodePlace(place{index: 5, last: 6}).payload()),
		"the log has 6 records":                                           sealed(bucketLog, indexKey(9), record),
		"the index by dot has 3 places for 2 runs of records":             sealed(bucketDots, dot, encodePlace(place{index: 9, last: 1}).payload()),
		"the context hashes to":                                           sealed(bucketContext, id[:], encodeSequence(1)),
		"what the state is ahead of hashes to":                            sealed(bucketAhead, id[:], encodeSequence(1)),
		"the entries have":                                                sealed(bucketEntries, []byte(e.Entries[0].Key), delta.EncodeEntry(e.Entries[0].After())),
		"the fingerprint of the entries is":                               sealed(bucketEntries, []byte(e.Entries[0].Key), delta.EncodeEntry(e.Entries[0].After())),
		"corrupt data directory: holes":                                   sealed(bucketHoles, []byte("\x01k"), encodeSequence(1)),
		"the state is ahead of replica " + (crdt.ReplicaID{2}).String():   sealed(bucketContext, append([]byte{2}, make([]byte, 15)...), encodeSequence(1)),
	} {
		if v.bucket == "" {
			err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("other")); return err })
			if err != nil {
				t.Fatal(err)
			}
		} else {
			putRaw(t, db, v)
		}
		if problems := checkFile(db); !containsPrefix(problems, want) {
			t.Errorf("want %q in %q", want, problems)
		}
		if v.bucket == "" {
			db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("other")) })
		} else {
			putRaw(t, db, value{v.bucket, v.key, nil})
		}
	}
	if problems := checkFile(db); len(problems) != 0 {
		t.Errorf("undamaged: %v", problems)
	}
}

func containsPrefix(problems []Problem, prefix string) bool {
	for _, p := range problems {
		if len(p) >= len(prefix) && string(p[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

func TestCheck_OfAPath(t *testing.T) {
	dir := fullDir(t)
	for _, path := range []string{dir, filepath.Join(dir, FileName)} {
		if problems, err := Check(path); err != nil || len(problems) != 0 {
			t.Errorf("%s: %v, %v", path, problems, err)
		}
	}
	if _, err := Check(filepath.Join(dir, "missing")); !errors.Is(err, ErrMissing) {
		t.Errorf("missing: %v", err)
	}
	withBolt(t, dir, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketLog)) })
	if problems, err := Check(dir); err != nil || !containsPrefix(problems, "corrupt data directory: the bucket log is missing") {
		t.Errorf("without a bucket: %v, %v", problems, err)
	}
}

// Damage that bbolt does not survive by itself is reported, not passed on.
func TestGuard_TurnsPanicsIntoErrors(t *testing.T) {
	if err := guard(func() error { panic("of bbolt") }); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	if err := guard(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
