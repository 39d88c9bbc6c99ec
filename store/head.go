package store

import (
	"errors"
	"fmt"
	"os"
)

// The two heads of a bbolt file are its first two pages, written in turn.
const (
	pageBytes = 4096
	headBytes = 2 * pageBytes
)

// errTorn says that the last transaction was not completed.
var errTorn = errors.New("its last transaction was not completed, since the power failed or the process ended meanwhile; nobody was told that it was")

// isTorn reports whether the last transaction of a file is not whole (S11).
// Nobody may write to it meanwhile.
func isTorn(path string) (torn bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h, err := readHeads(f)
	if err != nil {
		return false, err
	}
	return h.isTorn(f)
}

// takeBack has a file whose last transaction is torn go back to the one before.
func takeBack(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lockFile(f); err != nil {
		return err
	}
	h, err := readHeads(f)
	if err != nil {
		return err
	}
	torn, err := h.isTorn(f)
	if err != nil || !torn {
		return err // another process was here meanwhile
	}
	slot := h.newest()
	before := &h[1-slot]
	native.PutUint64(before.page, uint64(slot))
	copy(before.page[confirmationOffset:], encodeConfirmation(before.head.transaction))
	if _, err := f.WriteAt(before.page, int64(slot)*pageBytes); err != nil {
		return fmt.Errorf("take back the last transaction: %w", err)
	}
	return f.Sync()
}
