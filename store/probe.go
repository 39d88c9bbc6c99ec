package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// probe looks at the file without changing it: whether all of it is whole, it is
// ours, and of a format that this release knows. It reports whether the file is
// still to be created. O(file).
func (s *Store) probe() (fresh bool, err error) {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0:
		return true, s.mayCreate()
	case err != nil:
		return false, fmt.Errorf("open data directory: %w", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: %s is not a file", ErrCorrupt, s.path)
	}
	db, err := s.options.openFile(s.path, readOnly)
	if err != nil {
		return false, err
	}
	defer db.Close() // until then nobody writes
	if err := checkSize(s.path, db); err != nil {
		return false, err
	}
	switch torn, err := isTorn(s.path); {
	case err != nil:
		return false, fmt.Errorf("read %s: %w", s.path, err)
	case torn && s.options.ReadOnly:
		return false, fmt.Errorf("%w: %s: %w; `ssnode run` takes it back", ErrCorrupt, s.path, errTorn)
	case torn:
		err := db.Close()
		if err == nil {
			s.taken, err = takeBack(s.path)
		}
		if err != nil {
			return false, err
		}
		return s.probe()
	}
	w := &walker{}
	if err := w.walk(s.path); err != nil {
		return false, fmt.Errorf("read %s: %w", s.path, err)
	}
	if err := firstProblem(s.path, w.structure); err != nil {
		return false, err
	}
	err = guard(func() error { return readTransaction(db, checkFormat(s.path)) })
	switch {
	case err == errNoBuckets:
		return true, s.mayCreate()
	case err != nil:
		return false, err // a newer format may seal its values differently
	}
	return false, firstProblem(s.path, w.values)
}

func (s *Store) mayCreate() error {
	switch {
	case s.options.ReadOnly || s.options.MustExist:
		return fmt.Errorf("%w: there is no %s yet; `ssnode run --data-dir` creates it", ErrMissing, s.path)
	case s.options.Node == "":
		return fmt.Errorf("%w: a new data directory needs the name of its node", ErrOptions)
	}
	return nil
}

// errNoBuckets says that a file was created, but not yet filled, when its
// process ended.
var errNoBuckets = errors.New("no buckets")

// checkSize checks that no page lies beyond the end of the file, where there
// is memory that must not be touched.
func checkSize(path string, db *bbolt.DB) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return readTransaction(db, func(tx *bbolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %s is truncated: it has %d of %d bytes; %s", ErrCorrupt, path, info.Size(), tx.Size(), adviceDamaged)
		}
		return nil
	})
}

// checkFormat returns a check that the file is of a known format.
func checkFormat(path string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		if key, _ := tx.Cursor().First(); key == nil {
			return errNoBuckets
		}
		_, err := readFormat(path, tx)
		return err
	}
}

// readFormat returns the version of a file, which is one that is known here.
func readFormat(path string, tx *bbolt.Tx) (uint64, error) {
	meta, err := openTable(tx, bucketMeta)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is a bbolt file, but not one of ssnode", ErrCorrupt, path)
	}
	payload, err := meta.get([]byte(metaFormat))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	var f formatArray
	if err := delta.Unmarshal(payload, &f, metaBytesMax); err != nil || f.Magic != magic {
		return 0, fmt.Errorf("%w: %s is a bbolt file, but not one of ssnode", ErrCorrupt, path)
	}
	switch {
	case f.Version > FormatVersion:
		return 0, fmt.Errorf("%w: %s has format %d, this release reads up to %d; install the newer release", ErrNewerFormat, path, f.Version, FormatVersion)
	case f.Version == 0:
		return 0, fmt.Errorf("%w: %s has format 0", ErrCorrupt, path)
	}
	return f.Version, nil
}

func readTransaction(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
	tx, err := db.Begin(false)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(tx)
}

// guard runs fn on pages that may have changed since a walker found them whole,
// or that the disk cannot read any more: bbolt panics on some damage, and
// follows page numbers that lie outside the file on other.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: reading its pages failed: %v", ErrCorrupt, r)
		}
	}()
	return fn()
}
