package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/bbolt"
)

// rewrite is a rewriting in progress.
type rewrite struct {
	running sync.Mutex
	// changed are the keys that transactions touched since the copy began;
	// nil if none is made. Guarded by Store.write.
	changed map[touch]struct{}
}

// touch is a key in a bucket.
type touch struct{ bucket, key string }

func (t touch) compare(other touch) int {
	if c := strings.Compare(t.bucket, other.bucket); c != 0 {
		return c
	}
	return strings.Compare(t.key, other.key)
}

// touched returns what transactions are to report their keys to, nil outside
// of a rewriting.
func (r *rewrite) touched() func(bucket string, key []byte) {
	if r.changed == nil {
		return nil
	}
	return func(bucket string, key []byte) { r.changed[touch{bucket, string(key)}] = struct{}{} }
}

// Rewrite copies the store into a new file, without the space that is free,
// and puts it in place of the old one. Readers and writers go on meanwhile;
// writers pause for the last step, in which what they wrote since is carried
// over. Progress is told now and then how many bytes of about how many are
// copied; it may be nil.
//
// If it fails or ctx ends, the store is as it was, unless the error wraps
// ErrFailed. Every value is verified while it is copied. A second Rewrite at
// the same time is refused with ErrBusy.
func (s *Store) Rewrite(ctx context.Context, progress func(done, total uint64)) error {
	if !s.rewrite.running.TryLock() {
		return ErrBusy
	}
	defer s.rewrite.running.Unlock()
	if _, err := s.database(); err != nil {
		return err
	}
	n, err := s.options.begin(s.path)
	if err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	old, err := s.rewriteInto(ctx, n, progress)
	if old == nil {
		return errors.Join(fmt.Errorf("rewrite: %w", err), n.discard())
	}
	return errors.Join(err, old.Close()) // waits for views of it
}

// rewriteInto returns the database that was replaced, nil if none was.
func (s *Store) rewriteInto(ctx context.Context, n *newFile, progress func(done, total uint64)) (*bbolt.DB, error) {
	v, total, err := s.beginCopy()
	if err != nil {
		return nil, err
	}
	defer s.endCopy()
	c := &copier{ctx: ctx, to: n, total: total, progress: progress}
	err = c.copyAll(v.tables.tx)
	v.tables.tx.Rollback() // never fails on an open transaction
	if err == nil {
		err = n.sync()
	}
	if err != nil {
		return nil, err
	}
	return s.swap(n)
}

// beginCopy starts to note what changes, from the instant of the view on.
func (s *Store) beginCopy() (*View, uint64, error) {
	s.write.Lock()
	defer s.write.Unlock()
	if _, err := s.database(); err != nil {
		return nil, 0, err
	}
	v, err := s.beginView()
	if err != nil {
		return nil, 0, err
	}
	stats, err := s.Stats()
	if err != nil {
		v.tables.tx.Rollback()
		return nil, 0, err
	}
	s.rewrite.changed = map[touch]struct{}{}
	return v, stats.Bytes - min(stats.Bytes, stats.FreeBytes), nil
}

func (s *Store) endCopy() {
	s.write.Lock()
	defer s.write.Unlock()
	s.rewrite.changed = nil
}

// swap carries over what changed since the copy began and puts the new file in
// place, while nobody writes.
func (s *Store) swap(n *newFile) (*bbolt.DB, error) {
	s.write.Lock()
	defer s.write.Unlock()
	db, err := s.database()
	switch {
	case err != nil:
		return nil, err
	case s.rewrite.changed == nil:
		return nil, errors.New("the store was reopened meanwhile")
	}
	err = readTransaction(db, func(tx *bbolt.Tx) error { return n.carryOver(tx, s.rewrite.changed) })
	if err != nil {
		return nil, err
	}
	txid, err := n.lastTransaction()
	if err != nil {
		return nil, err
	}
	if err := n.rename(); err != nil {
		return nil, err
	}
	n.db.NoSync = s.options.NoSync
	s.exchange(n.db, txid)
	if err := syncDirectory(filepath.Dir(s.path)); err != nil {
		// Which file has the name, on disk, is not known.
		return db, s.fail(err)
	}
	return db, nil
}

// exchange makes new views read another file.
func (s *Store) exchange(db *bbolt.DB, txid int) {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.db, s.mu.txid = db, txid
}

// carryOver copies the values that some keys have now.
func (n *newFile) carryOver(tx *bbolt.Tx, changed map[touch]struct{}) error {
	for _, x := range slices.SortedFunc(maps.Keys(changed), touch.compare) {
		stored := tx.Bucket([]byte(x.bucket)).Get([]byte(x.key))
		if stored != nil {
			if _, err := unseal(x.bucket, []byte(x.key), stored); err != nil {
				return err
			}
		}
		if err := n.put(x.bucket, []byte(x.key), stored); err != nil {
			return err
		}
	}
	return n.sync()
}

// lastTransaction returns the id of the last transaction.
func (n *newFile) lastTransaction() (id int, err error) {
	err = readTransaction(n.db, func(tx *bbolt.Tx) error {
		id = tx.ID()
		return nil
	})
	return id, err
}
