package store

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// openFiles returns how many files of a directory this process has open, or mapped: neither
// are given back while it has, though they have been replaced.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	mapped, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	n = strings.Count(string(mapped), dir)
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

// TestStore_Rewrite_LetsGoOfTheOldFile: nothing of a file is open that was replaced, nor
// twice of one that was opened again.
func TestStore_Rewrite_LetsGoOfTheOldFile(t *testing.T) {
	fault := false
	s := openTest(t, t.TempDir(), Options{commit: func(_ *bbolt.Tx, commit func() error) error {
		if fault {
			fault = false
			return errDisk
		}
		return commit()
	}})
	dir := dirOf(s)
	before := openFiles(t, dir)
	for i := range 2 {
		claims(t, s, i, i+1)
		if err := s.Rewrite(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		fault = true
		if _, err := tryWrite(s, registerMany(i, i+1, 2)...); !errors.Is(err, ErrFailed) {
			t.Fatal(err)
		}
		if err := s.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if after := openFiles(t, dir); after != before {
		t.Errorf("%d files are open or mapped, %d were before", after, before)
	}
}
