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
	// changed are the keys that transactions touched since the copy began, or
	// since they were carried over last; nil if none is made. tooMany says that
	// they were more than touchesMax, and are not all there. Guarded by
	// Store.file.
	changed map[touch]struct{}
	tooMany bool
}

const (
	// touchesMax bounds the keys that are remembered while a copy is made, and
	// so the memory of a rewriting, to some hundred MiB at worst.
	touchesMax = 1 << 20
	// touchesLast is how many keys may be left for the step in which writers
	// pause; catchUpMax is how often they are carried over before that at most:
	// where they come faster than they can be carried over, writers wait.
	touchesLast = 1024
	catchUpMax  = 16
)

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
	return func(bucket string, key []byte) {
		if r.changed[touch{bucket, string(key)}] = struct{}{}; len(r.changed) > touchesMax {
			r.tooMany = true
			clear(r.changed)
		}
	}
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
	if err := s.placeAll(ctx); err != nil {
		return fmt.Errorf("rewrite: %w", err)
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
	if err == nil {
		err = s.catchUp(ctx, n)
	}
	if err != nil {
		return nil, err
	}
	return s.swap(n)
}

// catchUp carries over what changed while the copy was made, while writers go
// on, until what is left is little.
func (s *Store) catchUp(ctx context.Context, n *newFile) error {
	for range catchUpMax {
		v, changed, err := s.takeChanges()
		if v == nil || err != nil {
			return err
		}
		err = n.carryOver(v.tables.tx, changed)
		v.tables.tx.Rollback() // never fails on an open transaction
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// takeChanges returns the keys that changed, unless they are few, and a view of
// the instant from which on they are noted anew.
func (s *Store) takeChanges() (*View, map[touch]struct{}, error) {
	s.file.Lock()
	defer s.file.Unlock()
	if err := s.canCarryOver(); err != nil || len(s.rewrite.changed) <= touchesLast {
		return nil, nil, err
	}
	v, err := s.tryView()
	if err != nil {
		return nil, nil, err
	}
	changed := s.rewrite.changed
	s.rewrite.changed = map[touch]struct{}{}
	return v, changed, nil
}

// canCarryOver reports why the copy can no longer become the file, or nil. The
// caller holds file.
func (s *Store) canCarryOver() error {
	switch _, err := s.database(); {
	case err != nil:
		return err
	case s.rewrite.changed == nil:
		return errors.New("the store was reopened meanwhile")
	case s.rewrite.tooMany:
		return fmt.Errorf("more than %d values changed meanwhile; try again when less is written", touchesMax)
	}
	return nil
}

// beginCopy starts to note what changes, from the instant of the view on.
func (s *Store) beginCopy() (*View, uint64, error) {
	s.file.Lock()
	defer s.file.Unlock()
	if _, err := s.database(); err != nil {
		return nil, 0, err
	}
	v, err := s.tryView()
	if err != nil {
		return nil, 0, err
	}
	stats, err := s.Stats()
	if err != nil {
		v.tables.tx.Rollback()
		return nil, 0, err
	}
	s.rewrite.changed, s.rewrite.tooMany = map[touch]struct{}{}, false
	return v, stats.Bytes - min(stats.Bytes, stats.FreeBytes), nil
}

func (s *Store) endCopy() {
	s.file.Lock()
	defer s.file.Unlock()
	s.rewrite.changed = nil
}

// swap carries over what changed since the copy began and puts the new file in
// place, while nobody writes.
func (s *Store) swap(n *newFile) (*bbolt.DB, error) {
	s.await()
	defer s.goOn()
	if err := s.fold(); err != nil { // the new file has a ring of its own
		return nil, err
	}
	if err := s.canCarryOver(); err != nil { // which the fold may have decided
		return nil, err
	}
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	err = readTransaction(db, func(tx *bbolt.Tx) error { return n.carryOver(tx, s.rewrite.changed) })
	if err != nil {
		return nil, err
	}
	txid, err := n.lastTransaction()
	if err != nil {
		return nil, err
	}
	f, err := followConfirmed(n.path+newSuffix, s.options.NoSync) // by carryOver
	if err != nil {
		return nil, err
	}
	r, err := openRing(n.db, &journaled{}, s.state.journal, s.options.NoSync)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	if err := n.rename(); err != nil {
		return nil, errors.Join(err, f.close(), r.close())
	}
	s.setFlusher(f, r)
	s.exchange(n.db, txid)
	s.forgetFolded()
	if err := syncDirectory(filepath.Dir(s.path)); err != nil {
		// Which file has the name, on disk, is not known.
		return db, s.fail(err)
	}
	return db, nil
}

// exchange makes new views read another file. The caller holds write, commit
// and file.
func (s *Store) exchange(db *bbolt.DB, txid int) {
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
