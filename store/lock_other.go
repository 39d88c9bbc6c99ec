//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"os"
)

// lockFile finds out whether a file is in use. On these systems the lock is not
// kept: what begins meanwhile refuses the damaged file, and is refused the new
// one while that is written.
func lockFile(f *os.File) error {
	db, err := Options{}.withDefaults().openFile(f.Name(), readOnly)
	switch {
	case err == nil:
		return db.Close()
	case errors.Is(err, ErrInUse):
		return err
	}
	return nil // damaged, and so in use by nobody
}
