package store

import (
	"errors"
	"fmt"
	"os"
)

// The two heads of a bbolt file are its first two pages. A transaction writes
// its pages, waits for the disk, writes one of the heads, and waits again.
const (
	pageBytes = 4096
	headBytes = 2 * pageBytes
)

// settleHead writes both heads once more, as they are, and waits for the disk.
// The caller holds the lock of the file.
//
// The file may have been left between the writing of a head and the disk's word
// for it, by a fault or a killed process. The pages that head points to are on
// disk, but the head may be in the memory of the operating system only; after a
// failed fsync it may even be clean there, so that no later fsync would write
// it. A transaction on top of it overwrites pages that the older head, still
// the one on disk, points to: should the power fail before that transaction has
// ended, there would be neither. With the heads written again, what we read is
// what is there.
func settleHead(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("settle the head: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, headBytes)
	if _, err := f.ReadAt(head, 0); err != nil {
		return fmt.Errorf("settle the head: %w", err)
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return fmt.Errorf("settle the head: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("settle the head: %w", err)
	}
	return nil
}
