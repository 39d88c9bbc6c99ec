package store

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

// table is one bucket within a transaction: every value goes through seal and
// unseal.
type table struct {
	name   string
	bucket *bbolt.Bucket
	// touched hears of every key that is put or deleted; nil hears nothing.
	touched func(bucket string, key []byte)
}

func openTable(tx *bbolt.Tx, name string) (table, error) {
	b := tx.Bucket([]byte(name))
	if b == nil {
		return table{}, fmt.Errorf("%w: the bucket %s is missing", ErrCorrupt, name)
	}
	return table{name: name, bucket: b}, nil
}

// get returns the payload under key, nil if there is none. It is valid until
// the transaction ends.
func (t table) get(key []byte) ([]byte, error) {
	stored := t.bucket.Get(key)
	if stored == nil {
		return nil, nil
	}
	return unseal(t.name, key, stored)
}

func (t table) put(key, payload []byte) error {
	if t.touched != nil {
		t.touched(t.name, key)
	}
	if err := t.bucket.Put(key, seal(t.name, key, payload)); err != nil {
		return fmt.Errorf("put %s %x: %w", t.name, key, err)
	}
	return nil
}

func (t table) delete(key []byte) error {
	if t.touched != nil {
		t.touched(t.name, key)
	}
	if err := t.bucket.Delete(key); err != nil {
		return fmt.Errorf("delete %s %x: %w", t.name, key, err)
	}
	return nil
}

// each calls visit for every key from on, ascending, up to but excluding to;
// a nil to has no end. Key and payload are valid until the transaction ends.
func (t table) each(from, to []byte, visit func(key, payload []byte) error) error {
	c := t.bucket.Cursor()
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
	tx                                                     *bbolt.Tx
	meta, context, ahead, entries, log, dots, holes, notes table

	// tailMax is how many records wait for the index by dot at most.
	tailMax int
}

func openTables(tx *bbolt.Tx, touched func(bucket string, key []byte)) (*tables, error) {
	t := &tables{tx: tx, tailMax: tailMax}
	places := []*table{&t.meta, &t.context, &t.ahead, &t.entries, &t.log, &t.dots, &t.holes, &t.notes}
	for i, name := range buckets {
		opened, err := openTable(tx, name)
		if err != nil {
			return nil, err
		}
		opened.touched = touched
		*places[i] = opened
	}
	// The log grows at its end only, so its pages may be packed.
	t.log.bucket.FillPercent = 0.9
	return t, nil
}
