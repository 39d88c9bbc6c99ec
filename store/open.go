package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	// mapBytesMin is how much address space a writable file is given at least,
	// and otherwise twice its size: as long as it fits, no reader makes a
	// writer wait.
	mapBytesMin = 1 << 30
	// growBytes is by how much the file grows at a time.
	growBytes = 1 << 20
)

// prepareDirectory makes sure that there is a directory to open.
func (s *Store) prepareDirectory(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%w: %s is a file; name the directory that holds %s", ErrNotADirectory, dir, FileName)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open data directory: %w", err)
	case s.options.ReadOnly || s.options.MustExist:
		return fmt.Errorf("%w: %s does not exist; `ssnode run --data-dir` creates one", ErrMissing, dir)
	}
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	return syncDirectory(filepath.Dir(dir))
}

// open opens the file, verifies it and makes its content that of the store.
// The caller is alone.
func (s *Store) open() error {
	s.taken = nil
	fresh, err := s.probe()
	if err == nil {
		err = s.attach(fresh)
	}
	return s.undo(err)
}

// undo gives the last transaction back to a file that cannot be opened without it
// either: what is left of it is in that transaction.
func (s *Store) undo(err error) error {
	if err == nil || s.taken == nil || s.taken.isSettled {
		return err
	}
	t := s.taken
	s.taken = nil
	return errors.Join(err, t.giveBack(s.path))
}

// attach opens a file that was probed.
func (s *Store) attach(fresh bool) error {
	db, err := s.options.openFile(s.path, bbolt.Options{
		ReadOnly:        s.options.ReadOnly,
		PreLoadFreelist: true, // for Stats
	})
	if err != nil {
		return err
	}
	if err := s.serve(db, fresh); err != nil {
		s.setFlusher(nil, nil)
		return errors.Join(err, db.Close())
	}
	return nil
}

// serve brings an open file into service.
func (s *Store) serve(db *bbolt.DB, fresh bool) error {
	if fresh {
		if err := s.settle(); err != nil {
			return err
		}
		if err := s.create(db); err != nil {
			return err
		}
	}
	loaded, err := s.load(db)
	if err != nil {
		return err
	}
	if !s.options.ReadOnly {
		if err := s.settle(); err != nil {
			return err
		}
		if err := s.countStart(db, loaded); err != nil {
			return err
		}
		if err := s.openJournal(db, loaded); err != nil {
			return err
		}
	}
	s.become(db, loaded)
	return nil
}

// settle makes durable what an earlier process may have left in between, and
// removes what it may have left over. The caller holds the lock of the file.
func (s *Store) settle() error {
	if err := os.Remove(s.path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an interrupted rewrite left: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(filepath.Dir(s.path), repairDirectory)); err != nil {
		return fmt.Errorf("remove what an interrupted repair left: %w", err)
	}
	f, err := newFlusher(s.path, s.options.NoSync)
	if err != nil {
		return err
	}
	s.setFlusher(f, nil)
	if s.taken != nil {
		s.taken.isSettled = true
	}
	if s.options.NoSync {
		return nil
	}
	return syncDirectory(filepath.Dir(s.path))
}

// openJournal finds the ring of a file of today's format. A transaction that has made it
// is confirmed first: what proves it is what its pages were (S11).
func (s *Store) openJournal(db *bbolt.DB, l *loaded) error {
	if l.version < FormatVersion {
		if err := s.flusher.confirm(); err != nil {
			return fmt.Errorf("confirm the new format: %w", err)
		}
	}
	r, err := openRing(db, &l.journaled, l.state.journal, s.options.NoSync)
	if err != nil {
		return err
	}
	s.setFlusher(s.flusher, r)
	return nil
}

// setFlusher has another file be written to from now on, none if it is nil. The
// caller holds write, commit and file, or is alone.
func (s *Store) setFlusher(f *flusher, r *ring) {
	if s.flusher != nil && s.flusher != f {
		_ = s.flusher.close() // all that it wrote was waited for
	}
	_ = s.ring.Swap(r).close()
	s.flusher = f
}

// become makes what was loaded the content of the store. The caller holds write,
// commit and file, or is alone.
func (s *Store) become(db *bbolt.DB, l *loaded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replica != nil {
		l.replica.ContinueLife(s.replica)
	}
	s.cluster, s.node, s.start = l.identity.cluster, l.identity.node, l.start
	s.replica, s.journaled, s.tip = l.replica, l.journaled, l.journaled
	s.anyIndex, s.derived = l.index, derived(l.index)
	s.state, s.filed = l.state, l.filed
	s.mu.db, s.mu.failed, s.mu.txid = db, nil, l.txid
	s.mu.lineage, s.mu.flights = s.mu.lineage+1, nil
	s.mu.revision++
	s.summary.forget()
}

// openFile opens a bbolt file and takes its lock. What b leaves open is filled
// in.
func (o Options) openFile(path string, b bbolt.Options) (*bbolt.DB, error) {
	b.Timeout, b.FreelistType, b.PageSize = o.LockTimeout, bbolt.FreelistMapType, pageBytes
	if !b.ReadOnly {
		b.InitialMmapSize = mapBytes(path)
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(path, fileMode, &b)
		return err
	})
	if err != nil {
		return nil, explainOpen(path, err)
	}
	db.AllocSize = growBytes
	return db, nil
}

func mapBytes(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return mapBytesMin // a new file
	}
	return max(mapBytesMin, 2*int(info.Size()))
}

// readOnly opens a file for reading.
var readOnly = bbolt.Options{ReadOnly: true}

func inUse(path string) error {
	return fmt.Errorf("%w: another process has %s open; stop that node first, or ask it through its API (--addr)", ErrInUse, path)
}

// explainOpen turns an error of opening the file into one of this package.
func explainOpen(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return inUse(path)
	case errors.As(err, &system), errors.Is(err, ErrCorrupt):
		return fmt.Errorf("open %s: %w", path, err)
	}
	return fmt.Errorf("%w: %s is not a file of ssnode, or its heads are damaged (%w); %s", ErrCorrupt, path, err, adviceDamaged)
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	err = d.Sync()
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
