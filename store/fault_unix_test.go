//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A page of a mapped file that is no longer there is reported, not passed on.
func TestGuard_TurnsMemoryFaultsIntoErrors(t *testing.T) {
	path := filepath.Join(closedDir(t), FileName)
	if err := guard(func() error { return faultAt(path) }); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

// faultAt reads memory beyond the end of a mapped file.
func faultAt(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := syscall.Mmap(int(f.Fd()), 0, 1<<20, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	defer syscall.Munmap(b)
	if err := f.Truncate(0); err != nil {
		return err
	}
	if b[1<<16] != 0 {
		return os.ErrInvalid
	}
	return nil
}
