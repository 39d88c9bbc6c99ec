package store

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Reopen settles the outcome of a transaction that failed on its way to the
// disk: it closes the file, opens it as Open does, which makes durable what the
// operating system shows of it, verifies it, and proves with transactions of its own, the
// count of the start and a fold of what is journaled, that the disk takes writes again: a
// full one may have room for the first only. Options.Visit is called for every entry; what
// derives from the entries is to be built anew, since the failed transaction may have
// reached the disk or not.
//
// It does nothing if the store has not failed, and may be called again if it
// fails itself. In between another process may take the file: ErrInUse.
func (s *Store) Reopen() error {
	s.await()
	defer s.goOn()
	db, err := s.detach()
	if err != nil || s.Failed() == nil {
		return err
	}
	if db != nil {
		// Waits for open views. What it reports is of a file given up.
		_ = db.Close()
	}
	err = s.reopen()
	if err == nil || errors.Is(err, ErrFailed) { // a fold has failed, and says so
		return err
	}
	return s.fail(fmt.Errorf("reopen: %w", err))
}

// detach takes the database of a failed store away from its readers. The caller
// holds write, commit and file.
func (s *Store) detach() (*bbolt.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.closed:
		return nil, ErrClosed
	case s.mu.failed == nil:
		return nil, nil
	}
	db := s.mu.db
	s.mu.db = nil
	s.rewrite.changed = nil // a copy does not know what Reopen writes
	return db, nil
}

func (s *Store) reopen() error {
	s.taken = nil
	fresh, err := s.probe()
	if err == nil && fresh {
		err = fmt.Errorf("%w: %s is gone", ErrCorrupt, s.path)
	}
	if err == nil {
		err = s.attach(false)
	}
	if err := s.undo(err); err != nil {
		return err
	}
	return s.fold()
}
