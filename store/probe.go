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

// probe looks at the file without changing it: whether it is ours, whole, and
// of a format that this release knows. It reports whether the file is still to
// be created.
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
	db, err := s.options.openFile(s.path, bbolt.Options{ReadOnly: true})
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = guard(func() error { return readTransaction(db, checkFormat(s.path)) })
	if err == errNoBuckets {
		return true, s.mayCreate()
	}
	return false, err
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

// checkFormat returns a check that the file is whole and of a known format.
// Beyond the end of a truncated file lies memory that must not be touched.
func checkFormat(path string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %s is truncated: it has %d of %d bytes; restore it from a backup or let the node join anew", ErrCorrupt, path, info.Size(), tx.Size())
		}
		if key, _ := tx.Cursor().First(); key == nil {
			return errNoBuckets
		}
		return readFormat(path, tx)
	}
}

func readFormat(path string, tx *bbolt.Tx) error {
	meta, err := openTable(tx, bucketMeta)
	if err != nil {
		return fmt.Errorf("%w: %s is a bbolt file, but not one of ssnode", ErrCorrupt, path)
	}
	payload, err := meta.get([]byte(metaFormat))
	if err != nil {
		return err
	}
	var f formatArray
	if err := delta.Unmarshal(payload, &f, metaBytesMax); err != nil || f.Magic != magic {
		return fmt.Errorf("%w: %s is a bbolt file, but not one of ssnode", ErrCorrupt, path)
	}
	switch {
	case f.Version > FormatVersion:
		return fmt.Errorf("%w: %s has format %d, this release reads up to %d; install the newer release", ErrNewerFormat, path, f.Version, FormatVersion)
	case f.Version == 0:
		return fmt.Errorf("%w: %s has format 0", ErrCorrupt, path)
	}
	return nil
}

func readTransaction(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
	tx, err := db.Begin(false)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(tx)
}

// guard runs fn on pages that nobody has vouched for: bbolt panics on some
// damage, and follows page numbers that lie outside the file on other. Damage
// that makes it run in circles is not caught; whoever opens a suspect file does
// so in a process of its own, with a limit on its time.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: reading its pages failed: %v", ErrCorrupt, r)
		}
	}()
	return fn()
}
