package store

import (
	"errors"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// deriveLater is a Beside that derives while others go on.
func deriveLater(_ *delta.Effects, derive func()) (wait func()) {
	go derive()
	return func() {}
}

// deriveAfter is a Beside that derives when it may.
func deriveAfter(may <-chan struct{}) Beside {
	return func(_ *delta.Effects, derive func()) (wait func()) {
		return deriveLater(nil, func() { <-may; derive() })
	}
}

// mustWait reports an error if something has come to an end, or does at once.
func mustWait[T any](t *testing.T, ended chan T, what string) {
	t.Helper()
	select {
	case x := <-ended:
		t.Errorf("%s: %v", what, x)
		ended <- x
	case <-time.After(10 * time.Millisecond):
	}
}

// indexed returns a store with an index that does not read.
func indexed(t *testing.T, o Options) *Store {
	o.NewIndex = func() IndexBuilder { return blind{prints{}} }
	return openTest(t, t.TempDir(), o)
}

// blind are prints that are led on by what a commit says alone.
type blind struct{ prints }

func (b blind) Done() Index { return b }

func (b blind) Next(changes []delta.EntryChange, _ delta.Reader) (Index, error) {
	next := prints{}
	for k, f := range b.prints {
		next[k] = f
	}
	for _, x := range changes {
		next[x.Key] = delta.FingerprintOf(x.After())
	}
	return blind{next}, nil
}

func (blind) Reads([]delta.EntryChange) bool { return false }

// TestPrepared_Commit_BeforeItsIndex: S21. An update is acknowledged and shown before its
// index is there, by whichever way it goes to the disk: who asks for that waits, and so
// does the update after the next.
func TestPrepared_Commit_BeforeItsIndex(t *testing.T) {
	for _, pages := range []int{-1, 8} {
		s := indexed(t, Options{journalPages: pages})
		first, second := make(chan struct{}), make(chan struct{})
		if err := prepareTest(t, s, putting("a")).Commit(deriveAfter(first)); err != nil {
			t.Fatal(err)
		}
		asked := make(chan int, 2)
		ask := func() {
			err := s.View(func(v *View) error {
				x, _ := v.Index().(blind)
				asked <- len(x.prints)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		view(t, s, func(v *View) error {
			if e, err := v.Get(delta.ClaimKey(claim("n1", "a", "a~"))); err != nil || e.Counter.Value() != 1 {
				t.Errorf("what is acknowledged shows %d, %v", e.Counter.Value(), err)
			}
			return nil
		})
		go ask()
		mustWait(t, asked, "an index is told that is not there")
		ended := make(chan error, 1)
		p := prepareTest(t, s, putting("b"))
		go func() { ended <- p.Commit(deriveAfter(second)) }()
		mustWait(t, ended, "two are acknowledged whose indexes are not there")
		close(first)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if n := <-asked; n != 1 {
			t.Errorf("the first index has %d entries", n)
		}
		close(second)
		if ask(); <-asked != 2 {
			t.Error("the second index is not of two entries")
		}
	}
}

// TestPrepared_Commit_FailsBeforeItsIndex: what is derived of an update that has failed, or
// of one behind that, has ended when the update has, and is of no use to anybody.
func TestPrepared_Commit_FailsBeforeItsIndex(t *testing.T) {
	isFaulty := false
	s := indexed(t, Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if isFaulty {
			return errDisk
		}
		return commit()
	}})
	may := make(chan struct{})
	first, second := prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b"))
	isFaulty = true
	ended := make(chan error, 2)
	go func() { ended <- first.Commit(deriveAfter(may)) }()
	mustWait(t, ended, "it ends before what is derived of it")
	close(may)
	if err := <-ended; !errors.Is(err, ErrFailed) {
		t.Errorf("it ends with %v", err)
	}
	if err := second.Commit(deriveLater); err != ErrStale {
		t.Errorf("the next ends with %v", err)
	}
	isFaulty = false
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if err := prepareTest(t, s, putting("c")).Commit(deriveLater); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(v *View) error {
		if n := len(v.Index().(blind).prints); n != 1 {
			t.Errorf("the index has %d entries", n)
		}
		return nil
	})
}

// TestStore_Close_BeforeTheIndex: nothing is derived any more when it is closed.
func TestStore_Close_BeforeTheIndex(t *testing.T) {
	s := indexed(t, Options{})
	may := make(chan struct{})
	if err := prepareTest(t, s, putting("a")).Commit(deriveAfter(may)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Close() }()
	mustWait(t, ended, "it is closed while an index is derived")
	close(may)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
