package store

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// A transaction that is in the file, but not acknowledged, is seen by nobody.
func TestStore_View_DoesNotSeeWhatIsNotAcknowledged(t *testing.T) {
	for _, pages := range []int{-1, 8} {
		var s *Store
		met := false
		s = openTest(t, t.TempDir(), Options{journalPages: pages, commit: func(tx *bbolt.Tx, commit func() error) error {
			err := commit()
			if s == nil {
				return err
			}
			met = true
			v, tryErr := s.tryView()
			switch {
			case tryErr != nil, tx != nil && v != nil: // who looks at the file waits
				t.Errorf("got a view %v, %v", v, tryErr)
			case tx == nil && (v == nil || v.LogStats().Records > 0):
				t.Errorf("got a view %v", v)
			}
			if v != nil {
				v.tables.tx.Rollback()
			}
			return err
		}})
		write(t, s, register("n1", "a", "m", 1))
		if !met {
			t.Error("the test did not look")
		}
		view(t, s, func(v *View) error {
			if v.LogStats().Records != 1 {
				t.Errorf("%d records after it was acknowledged", v.LogStats().Records)
			}
			return nil
		})
		s = nil
	}
}

// The disk fails twice, at an update and at the count of the start that is to
// prove it works again, and then works.
func TestStore_Reopen_UntilTheDiskWorks(t *testing.T) {
	faults, visited := 0, 0
	dir := t.TempDir()
	s, err := Open(dir, Options{
		Node:  "n1",
		Visit: func(delta.Entry) error { visited++; return nil },
		commit: func(tx *bbolt.Tx, commit func() error) error {
			if faults > 0 {
				faults--
				return errors.Join(errDisk, commit())
			}
			return commit()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, s) })
	write(t, s, register("n1", "a", "m", 1))
	if err := s.Reopen(); err != nil || visited != 0 {
		t.Fatalf("nothing has failed: %v, visited %d", err, visited)
	}
	start, revision := s.Start(), s.Revision()

	faults = 2
	if _, err := tryWrite(s, register("n1", "m", "", 1)); !errors.Is(err, ErrFailed) || !errors.Is(err, errDisk) {
		t.Fatalf("Update: %v", err)
	}
	if _, err := tryWrite(s, register("n1", "x", "", 1)); !errors.Is(err, ErrFailed) {
		t.Fatalf("Update after a fault: %v", err)
	}
	if stats, err := s.Stats(); err != nil || stats.LogRecords != 1 || stats.Bytes == 0 {
		t.Errorf("Stats after a fault: %+v, %v", stats, err)
	}
	if err := s.Reopen(); !errors.Is(err, ErrFailed) || !errors.Is(err, errDisk) {
		t.Fatalf("Reopen of a disk that does not work: %v", err)
	}
	if s.Failed() == nil || s.Start() != start {
		t.Fatalf("failed: %v, start %+v", s.Failed(), s.Start())
	}
	visited = 0
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if visited != 2 || s.Start().Counter <= start.Counter || s.Start().Nonce == start.Nonce || s.Revision() <= revision {
		t.Errorf("visited %d, start %+v after %+v, revision %d after %d", visited, s.Start(), start, s.Revision(), revision)
	}
	// The fault came after the file had it all: the dot is used.
	if d := write(t, s, register("n1", "x", "", 1)); d.First != 3 {
		t.Errorf("the next event is %s", d)
	}
}

// Reopen goes on with the same process: what it had issued before the fault is
// carried over, too, if it has to give up its id.
func TestStore_Reopen_IsNoNewLife(t *testing.T) {
	dir, fault := t.TempDir(), false
	s := openTest(t, dir, Options{})
	write(t, s, register("n1", "a", "m", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault {
			return errors.Join(errDisk, giveUp(tx))
		}
		return commit()
	}})
	write(t, s, register("n1", "m", "", 2))
	fault = true
	if _, err := tryWrite(s, register("n1", "x", "", 1)); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	fault = false
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	effects, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { return c.Disown(crdt.ReplicaID{9}) })
	if err != nil {
		t.Fatal(err)
	}
	if len(effects.Entries) != 1 || !strings.Contains(string(effects.Entries[0].Key), "m") {
		t.Errorf("carried over: %+v", effects.Entries)
	}
}

func TestStore_Reopen_AFileThatIsGoneStaysFailed(t *testing.T) {
	fault := false
	dir := t.TempDir()
	s := openTest(t, dir, Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault {
			return errors.Join(errDisk, giveUp(tx))
		}
		return commit()
	}})
	fault = true
	if _, err := tryWrite(s, register("n1", "m", "", 1)); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	fault = false
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	if err := s.Reopen(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new life began: %v", err)
	}
}

// A fault while a copy is being made ends the rewriting, since what Reopen
// writes is not in the copy.
func TestStore_Reopen_EndsARewriting(t *testing.T) {
	fault := false
	s := openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault {
			return errors.Join(errDisk, giveUp(tx))
		}
		return commit()
	}})
	write(t, s, register("n1", "a", "m", 1))
	reopened := make(chan error, 1)
	err := s.Rewrite(t.Context(), func(done, total uint64) {
		fault = true
		if _, err := tryWrite(s, register("n1", "m", "", 1)); !errors.Is(err, ErrFailed) {
			t.Error(err)
		}
		fault = false
		go func() { reopened <- s.Reopen() }() // waits for the copy's view
		for s.isRewriting() {
			runtime.Gosched()
		}
	})
	if err == nil {
		t.Error("rewritten without what Reopen wrote")
	}
	if err := <-reopened; err != nil {
		t.Fatal(err)
	}
	if s.Start().Counter != 2 {
		t.Errorf("start %+v", s.Start())
	}
	write(t, s, register("n1", "m", "", 1))
}

// isRewriting reports whether changes are being noted, as far as can be seen
// without waiting.
func (s *Store) isRewriting() bool {
	if !s.write.TryLock() {
		return false // Reopen has it
	}
	defer s.write.Unlock()
	return s.rewrite.changed != nil
}

// TestStore_Reopen_ProvesByWhatIsJournaled: a disk that has room for the count of the
// start, but not for a fold, does not work. Else the store would fail again at the next
// fold, and be opened anew, as often as anybody tries.
func TestStore_Reopen_ProvesByWhatIsJournaled(t *testing.T) {
	isFull := false
	mark := journalMark{sequence: 1}
	s := openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx == nil {
			return commit()
		}
		state, err := newTables(tx, nil).getState(FormatVersion)
		switch {
		case err != nil:
			return err
		case isFull && state.journal != mark:
			return errors.Join(errDisk, giveUp(tx))
		}
		mark = state.journal
		return commit()
	}})
	claims(t, s, 0, 2)
	isFull = true
	if err := s.Fold(); !errors.Is(err, ErrFailed) {
		t.Fatalf("the fold ends with %v", err)
	}
	for range 2 {
		if err := s.Reopen(); !errors.Is(err, ErrFailed) || !errors.Is(err, errDisk) {
			t.Fatalf("on a disk that is full it is opened anew with %v", err)
		}
		if !errors.Is(s.Failed(), errDisk) {
			t.Errorf("it works again, or says %v", s.Failed())
		}
	}
	isFull = false
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	mustBeUnfolded(t, s, 0)
	if got := s.Summary().Fingerprint.Count; got != 2 {
		t.Errorf("it has %d entries", got)
	}
	survives(t, s)
}
