package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

const (
	// newSuffix names a file that is being written beside the one it becomes.
	newSuffix = ".new"
	// newFill is how full the pages of a new file are.
	newFill = 0.9
	// newChunkBytes is about how much goes into one transaction of it.
	newChunkBytes = 8 << 20
)

// newFile is a file that is being written, in transactions that wait for
// nothing, until it is complete and synced as a whole and gets its name.
type newFile struct {
	path  string // that of the file it becomes
	db    *bbolt.DB
	tx    *bbolt.Tx
	bytes int // in the open transaction
}

// begin creates an empty file beside path.
func (o Options) begin(path string) (*newFile, error) {
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	db, err := o.openFile(path+newSuffix, bbolt.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	n := &newFile{path: path, db: db}
	for _, name := range buckets {
		if err := n.create(name); err != nil {
			return nil, errors.Join(err, n.discard())
		}
	}
	if err := createRing(n.tx, o.journalPages); err != nil {
		return nil, errors.Join(err, n.discard())
	}
	return n, nil
}

func (n *newFile) create(bucket string) error {
	tx, err := n.transaction()
	if err == nil {
		_, err = tx.CreateBucket([]byte(bucket))
	}
	return err
}

// transaction returns the open transaction.
func (n *newFile) transaction() (*bbolt.Tx, error) {
	if n.tx != nil {
		return n.tx, nil
	}
	tx, err := n.db.Begin(true)
	n.tx, n.bytes = tx, 0
	return tx, err
}

// wrote counts what went into the open transaction and ends it when it is
// large.
func (n *newFile) wrote(bytes int) error {
	n.bytes += bytes
	if n.bytes < newChunkBytes {
		return nil
	}
	return n.commit()
}

func (n *newFile) commit() error {
	if n.tx == nil {
		return nil
	}
	tx := n.tx
	n.tx = nil
	return tx.Commit()
}

// put stores a sealed value as it is; nil removes. The value must stay valid
// until the transaction has ended.
func (n *newFile) put(bucket string, key, stored []byte) error {
	tx, err := n.transaction()
	if err != nil {
		return err
	}
	b := tx.Bucket([]byte(bucket))
	b.FillPercent = newFill
	if stored == nil {
		return b.Delete(key)
	}
	if err := b.Put(key, stored); err != nil {
		return err
	}
	return n.wrote(len(key) + len(stored))
}

// sync ends the open transaction, makes everything durable and confirms it: what
// was written here has no proof.
func (n *newFile) sync() error {
	if err := n.commit(); err != nil {
		return err
	}
	if err := n.db.Sync(); err != nil {
		return err
	}
	return confirmAll(n.path + newSuffix)
}

// rename gives the file its name, in place of what has it.
func (n *newFile) rename() error { return os.Rename(n.path+newSuffix, n.path) }

// appear gives the file its name, unless something has it, and closes it.
func (n *newFile) appear() error {
	if err := os.Link(n.path+newSuffix, n.path); err != nil {
		return errors.Join(alreadyThere(n.path, err), n.discard())
	}
	err := n.discard()
	return errors.Join(err, syncDirectory(filepath.Dir(n.path)))
}

func alreadyThere(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s exists; name a fresh directory", ErrExists, path)
	}
	return err
}

// discard closes the file and takes its first name away.
func (n *newFile) discard() error {
	if n.tx != nil {
		n.tx.Rollback()
		n.tx = nil
	}
	err := n.db.Close()
	if gone := os.Remove(n.path + newSuffix); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
