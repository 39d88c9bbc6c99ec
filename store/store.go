package store

import (
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// Store is an open data directory. Its methods may be called concurrently;
// those that write wait for each other.
type Store struct {
	options Options
	path    string

	// frontier is held while an update is prepared, and taken before all others.
	frontier frontier

	// write is held while an update is put together, and until it is written (S16). It
	// is taken before commit, file and mu, and guards what leads to the next frame.
	write sync.Mutex
	tip   journaled
	// anyIndex is the index of some instant, for what Reads asks.
	anyIndex Index
	taken    *taken // the transaction that opening took back, nil if none

	// commit is held while an update is on its way to the disk, and while the file is
	// replaced. What is between here and file was acknowledged; it changes while both
	// commit and mu are held.
	commit    sync.Mutex
	replica   *delta.Replica
	derived   *derivation
	journaled journaled // and while file and mu are, by frames that the tables have
	ring      atomic.Pointer[ring]

	// file is held while the tables change, and while the file is replaced: a reader
	// that meets what is visible in the file but not yet acknowledged waits here.
	// What is between here and mu is what the tables have; it changes while both are
	// held.
	file    sync.Mutex
	state   state
	filed   *delta.Replica
	rewrite rewrite
	scratch scratch
	flusher *flusher // nil if the file is only read

	// mu guards what readers need; it is held for moments, never during I/O.
	mu struct {
		sync.RWMutex
		db     *bbolt.DB
		closed bool
		failed error
		// txid is the last acknowledged transaction of the tables.
		txid int
		// revision counts what was published since Open.
		revision uint64
		// flights are the updates that are prepared and not acknowledged, in order.
		// The slice is replaced, not changed. lineage tells those that build on
		// what is acknowledged from those that build on what has failed or was
		// abandoned (S10).
		flights []*Prepared
		lineage uint64
	}

	cluster, node string
	start         Start
	summary       summaryCache
}

// Open opens a data directory, and creates it if it is missing and may be
// created. It verifies S2, calls Options.Visit for every entry, and, unless
// read-only, counts the start. O(state).
//
// Its errors wrap ErrInUse, ErrMissing, ErrNotADirectory, ErrNewerFormat,
// ErrOtherCluster, ErrOtherNode, ErrCorrupt or ErrOptions where they apply;
// the file is then as it was.
func Open(dir string, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Store{options: o.withDefaults(), path: filepath.Join(dir, FileName)}
	if err := s.prepareDirectory(dir); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the store. It waits for a running Update, for one that was filled in
// (Prepared.Fill), and for open Views. Further calls do nothing.
func (s *Store) Close() error {
	s.await()
	defer s.goOn()
	_ = s.rest() // if not now, the next opening does: all that was acknowledged is on disk
	s.mu.Lock()
	db := s.mu.db
	s.mu.db, s.mu.closed = nil, true
	s.mu.Unlock()
	defer s.setFlusher(nil, nil)
	if db == nil {
		return nil
	}
	return db.Close()
}

// Confirm has the tables have all that was acknowledged, and notes on disk that this is
// there, so that it is never taken back (S12), whatever becomes of its pages; then damage
// is told as such. It is for
// when nothing else is written, and does nothing if that was noted. An error is as
// one of Prepared.Commit.
func (s *Store) Confirm() error {
	s.await()
	defer s.goOn()
	return s.rest()
}

// rest folds what the journal has and confirms it, for who holds write, commit and file.
func (s *Store) rest() error {
	if _, err := s.database(); err != nil {
		return err
	}
	if err := s.fold(); err != nil {
		return err
	}
	s.forgetFolded()
	if err := s.flusher.confirm(); err != nil {
		return s.fail(err)
	}
	return nil
}

// TookBack reports whether Open or the last Reopen found that the last transaction
// had not been completed, and went back to the one before.
func (s *Store) TookBack() bool {
	s.write.Lock()
	defer s.write.Unlock()
	return s.taken != nil
}

// Cluster returns the name of the cluster the directory belongs to.
func (s *Store) Cluster() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cluster
}

// Node returns the name of the node the directory belongs to.
func (s *Store) Node() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.node
}

// Path returns the path of the file.
func (s *Store) Path() string { return s.path }

// Start returns which writable opening this is; after Reopen, a later one. A
// reader is given that of the last writer.
func (s *Store) Start() Start {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.start
}

// Failed returns why the store has stopped, wrapped in ErrFailed, or nil.
func (s *Store) Failed() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.failed
}

// usable reports why nothing can be done, or nil. The caller holds mu.
func (s *Store) usable() error {
	switch {
	case s.mu.closed:
		return ErrClosed
	case s.mu.failed != nil:
		return s.mu.failed
	}
	return nil
}

// await waits until nothing is on its way to the disk, nor being put together, and keeps
// it so until goOn.
func (s *Store) await() {
	s.write.Lock()
	s.commit.Lock()
	s.file.Lock()
}

func (s *Store) goOn() {
	s.file.Unlock()
	s.commit.Unlock()
	s.write.Unlock()
}

// readable returns the open file.
func (s *Store) readable() (*bbolt.DB, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.db, s.usable()
}

// database returns the open file for writing.
func (s *Store) database() (*bbolt.DB, error) {
	db, err := s.readable()
	if err == nil && s.options.ReadOnly {
		err = ErrReadOnly
	}
	return db, err
}
