package store

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// openFiles returns how many files named FileName this process has open.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if to, err := os.Readlink("/proc/self/fd/" + x.Name()); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

func TestOpen_FailedLeavesNoFileOpen(t *testing.T) {
	dir := closedDir(t)
	_, err := Open(dir, Options{NoSync: true, Visit: func(delta.Entry) error { return errDisk }})
	if !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	if n := openFiles(t, dir); n > 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestStore_Close_AfterAFailedReopen(t *testing.T) {
	dir := closedDir(t)
	fault := false
	s, err := Open(dir, Options{NoSync: true, commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault {
			return errors.Join(errDisk, giveUp(tx))
		}
		return commit()
	}})
	if err != nil {
		t.Fatal(err)
	}
	fault = true
	if _, err := tryWrite(s, register("n1", "b", "m", 1)); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if err := s.Reopen(); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := openFiles(t, dir); n > 0 {
		t.Errorf("%d files are open", n)
	}
}
