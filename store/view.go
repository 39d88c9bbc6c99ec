package store

import (
	"errors"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// View reads one instant of the store: entries, log and summary belong
// together. It implements delta.Reader. It is valid within the function it was
// given to, on one goroutine.
type View struct {
	entryReader
	tables  *tables
	summary *Summary
	index   *derivation
	// state is that of the tables.
	state state

	revision uint64
}

var _ delta.Reader = (*View)(nil)

// View calls fn with a view of the last acknowledged transaction. It does not
// wait for a running Update but in its last moment. What fn holds open keeps
// pages from being reused and, if the file must grow beyond its mapping, makes
// writers wait: keep it short. Neither View nor Update may be called from
// within fn.
func (s *Store) View(fn func(*View) error) error {
	v, err := s.beginView()
	if err != nil {
		return err
	}
	defer v.tables.tx.Rollback()
	return fn(v)
}

// beginView pairs a transaction with the summary of the same instant.
func (s *Store) beginView() (*View, error) {
	if v, err := s.tryView(); v != nil || err != nil {
		return v, err
	}
	// A transaction is in the file that was not acknowledged when we looked.
	s.file.Lock()
	defer s.file.Unlock()
	v, err := s.tryView()
	if err == nil && v == nil {
		err = s.failUnknown()
	}
	return v, err
}

// tryView returns nil if the file and what is acknowledged do not agree, which
// cannot be while file is held.
func (s *Store) tryView() (*View, error) {
	db, err := s.readable()
	if err != nil {
		return nil, err
	}
	// Not under mu: it waits for a writer that maps the file anew, and that for
	// views to end.
	tx, err := db.Begin(false)
	if err != nil {
		return nil, s.unless(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil || s.mu.db != db || s.mu.txid != tx.ID() {
		tx.Rollback() // never fails on an open transaction
		return nil, err
	}
	return s.newView(tx), nil
}

// unless returns why the file was closed, if it was, and else the error that
// using it gave; nil if it was replaced.
func (s *Store) unless(err error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch why := s.usable(); {
	case why != nil:
		return why
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return nil
	}
	return err
}

func (s *Store) newView(tx *bbolt.Tx) *View {
	t := newTables(tx, nil)
	return &View{entryReader: t.reader(&s.state, &s.journaled), tables: t, summary: s.summary.of(s.replica), index: s.derived, state: s.state, revision: s.mu.revision}
}

// failUnknown stops a store whose file holds a transaction that nobody here
// has committed.
func (s *Store) failUnknown() error {
	if err := s.Failed(); err != nil {
		return err
	}
	return s.fail(errUnknownTransaction)
}

// Summary returns what the replica knows beside its entries at this instant.
func (v *View) Summary() *Summary { return v.summary }

// Revision numbers the instant of the view among those of this process: of two
// views, the one with the higher revision has seen everything the other has.
func (v *View) Revision() uint64 { return v.revision }

// Revision returns that of a view that would begin now.
func (s *Store) Revision() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.revision
}
