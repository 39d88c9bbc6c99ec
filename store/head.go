package store

import (
	"errors"
	"fmt"
	"os"
	"slices"
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
	return readHeads(f).isTorn(f)
}

// taken is a transaction that was taken back: the page of its head.
type taken struct {
	slot int
	page page
	// isSettled says that something may build on its absence.
	isSettled bool
}

// takeBack has a file whose last transaction is torn go back to the one before, and
// returns what it has taken, nil if another process was here meanwhile.
func takeBack(path string) (t *taken, err error) {
	err = onHeads(path, func(f *os.File, h *heads) error {
		torn, err := h.isTorn(f)
		if err != nil || !torn {
			return err
		}
		slot := h.newest()
		t = &taken{slot: slot, page: h[slot].page}
		before := h[1-slot]
		page := slices.Clone(before.page)
		native.PutUint64(page, uint64(slot))
		copy(page[confirmationOffset:], encodeConfirmation(before.head.transaction))
		return writeHead(f, slot, page)
	})
	return t, err
}

// giveBack undoes takeBack.
func (t *taken) giveBack(path string) error {
	return onHeads(path, func(f *os.File, _ *heads) error { return writeHead(f, t.slot, t.page) })
}

// onHeads runs fn on a file of which nobody else has the lock.
func onHeads(path string, fn func(*os.File, *heads) error) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lockFile(f); err != nil {
		return err
	}
	return fn(f, readHeads(f))
}

func writeHead(f *os.File, slot int, page page) error {
	if _, err := f.WriteAt(page, int64(slot)*pageBytes); err != nil {
		return fmt.Errorf("take back the last transaction: %w", err)
	}
	return f.Sync()
}
