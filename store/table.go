package store

import (
	"bytes"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// table is one bucket within a transaction: every value goes through seal and
// unseal.
type table struct {
	name string
	tx   *bbolt.Tx
	// touched hears of every key that is put or deleted; nil hears nothing.
	touched func(bucket string, key []byte)
	// fill is how full its pages are made, 0 for what bbolt does.
	fill float64

	opened *bbolt.Bucket
	// getter finds what is read by key, and key is where such a key is put together:
	// to have both once spares two allocations for each read.
	getter *bbolt.Cursor
	key    []byte
}

func openTable(tx *bbolt.Tx, name string) (*table, error) {
	t := &table{name: name, tx: tx}
	_, err := t.bucket()
	return t, err
}

// bucket opens the bucket when it is first needed: most transactions need few,
// and to open one is a search and some allocations.
func (t *table) bucket() (*bbolt.Bucket, error) {
	if t.opened != nil {
		return t.opened, nil
	}
	b := t.tx.Bucket([]byte(t.name))
	if b == nil {
		return nil, fmt.Errorf("%w: the bucket %s is missing", ErrCorrupt, t.name)
	}
	if t.fill != 0 {
		b.FillPercent = t.fill
	}
	t.opened = b
	return b, nil
}

// cursor returns a cursor over the stored values.
func (t *table) cursor() (*bbolt.Cursor, error) {
	b, err := t.bucket()
	if err != nil {
		return nil, err
	}
	return b.Cursor(), nil
}

// get returns the payload under key, nil if there is none. It is valid until
// the transaction ends.
func (t *table) get(key []byte) ([]byte, error) {
	if t.getter == nil {
		c, err := t.cursor()
		if err != nil {
			return nil, err
		}
		t.getter = c
	}
	found, stored := t.getter.Seek(key)
	if stored == nil || !bytes.Equal(found, key) {
		return nil, nil
	}
	return unseal(t.name, key, stored)
}

// lastUpTo returns the last key that is not after one, and what is stored there; nil
// if there is none. They are valid until the transaction ends. In one that deletes keys
// it must be asked for ascending ones: a cursor of bbolt finds nothing when it goes back
// to a page of which all was deleted, and so none of what is before that page.
func (t *table) lastUpTo(want []byte) (key, stored []byte, err error) {
	c, err := t.cursor()
	if err != nil {
		return nil, nil, err
	}
	key, stored = c.Seek(want)
	switch {
	case key == nil:
		key, stored = c.Last()
	case !bytes.Equal(key, want):
		key, stored = c.Prev()
	}
	return key, stored, nil
}

// keyOf returns the bytes of a key, until it is called again: bbolt keeps none.
func (t *table) keyOf(k delta.Key) []byte {
	t.key = append(t.key[:0], k...)
	return t.key
}

func (t *table) put(key, payload []byte) error { return t.seal(key, unsealedOf(payload)) }

// seal is put for a payload that nobody else has. It is sealed where it is.
func (t *table) seal(key []byte, u unsealed) error {
	return t.putSealed(key, u.seal(t.name, key))
}

// putSealed puts what was sealed for this key. It must not change any more.
func (t *table) putSealed(key, stored []byte) error {
	b, err := t.change(key)
	if err != nil {
		return err
	}
	if err := b.Put(key, stored); err != nil {
		return fmt.Errorf("put %s %x: %w", t.name, key, err)
	}
	return nil
}

func (t *table) delete(key []byte) error {
	b, err := t.change(key)
	if err != nil {
		return err
	}
	if err := b.Delete(key); err != nil {
		return fmt.Errorf("delete %s %x: %w", t.name, key, err)
	}
	return nil
}

// change returns the bucket in which a key is about to change.
func (t *table) change(key []byte) (*bbolt.Bucket, error) {
	if t.touched != nil {
		t.touched(t.name, key)
	}
	return t.bucket()
}

// each calls visit for every key from on, ascending, up to but excluding to;
// a nil to has no end. Key and payload are valid until the transaction ends.
func (t *table) each(from, to []byte, visit func(key, payload []byte) error) error {
	c, err := t.cursor()
	if err != nil {
		return err
	}
	for key, stored := c.Seek(from); key != nil; key, stored = c.Next() {
		if to != nil && bytes.Compare(key, to) >= 0 {
			return nil
		}
		if stored == nil {
			return fmt.Errorf("%w: the bucket %s holds the bucket %x", ErrCorrupt, t.name, key)
		}
		payload, err := unseal(t.name, key, stored)
		if err != nil {
			return err
		}
		if err := visit(key, payload); err != nil {
			return err
		}
	}
	return nil
}

// tables are all buckets of a transaction.
type tables struct {
	tx                                                                  *bbolt.Tx
	meta, context, ahead, entries, log, dots, holes, notes, tail, fresh table

	// tailMax is how many records the tail holds at most. With direct, records
	// are put where they belong at once.
	tailMax int
	direct  bool
	// freshMax is how many images wait for their places at most.
	freshMax int
	// chunkMax is how large a chunk becomes.
	chunkMax int
	// pending are records on their way into the log, see endBundle; record is where
	// one is put together.
	pending pending
	record  []byte
	// standings are what the transaction has changed of where images stand.
	standings standings
	// scratch has room for values, nil if each has its own.
	scratch *scratch
}

// newTables returns the tables of a transaction in a file that was loaded.
func newTables(tx *bbolt.Tx, touched func(bucket string, key []byte)) *tables {
	t := &tables{tx: tx, tailMax: tailMax, freshMax: freshMax, chunkMax: chunkBytes}
	for i, at := range t.all() {
		*at = table{name: buckets[i], tx: tx, touched: touched}
	}
	// These grow at their end only, so their pages may be packed.
	t.log.fill, t.fresh.fill = 0.9, 0.9
	return t
}

// openTables is newTables for a file of some version, of which it is not known yet
// whether it has all buckets.
func openTables(tx *bbolt.Tx, version uint64) (*tables, error) {
	t := newTables(tx, nil)
	for _, one := range t.all() {
		if version < 2 && one == &t.tail || version < 3 && one == &t.fresh {
			continue
		}
		if _, err := one.bucket(); err != nil {
			return nil, err
		}
	}
	if version >= 6 && tx.Bucket([]byte(bucketJournal)) == nil {
		return nil, fmt.Errorf("%w: the bucket %s is missing", ErrCorrupt, bucketJournal)
	}
	return t, nil
}

// all returns the tables in the order of buckets.
func (t *tables) all() [len(buckets)]*table {
	return [...]*table{&t.meta, &t.context, &t.ahead, &t.entries, &t.log, &t.dots, &t.holes, &t.notes, &t.tail, &t.fresh}
}
