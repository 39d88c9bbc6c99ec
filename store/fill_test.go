package store

import (
	"errors"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
)

// slowDisk is one that has done its work and does not say so before it may.
type slowDisk struct {
	isSlow bool
	isOut  chan struct{}
	end    chan error
}

func newSlowDisk() *slowDisk {
	return &slowDisk{isOut: make(chan struct{}), end: make(chan error)}
}

// commit is Options.Disk.
func (d *slowDisk) commit(commit func() error) error {
	err := commit()
	if !d.isSlow {
		return err
	}
	d.isSlow = false
	close(d.isOut)
	return errors.Join(err, <-d.end)
}

// flyBeside prepares two updates, has the first one be on its way to the disk, and
// fills in the second. Ended is told how the first one ends.
func flyBeside(t *testing.T, s *Store, d *slowDisk) (second *Prepared, ended chan error) {
	t.Helper()
	d.isSlow = true
	first, second := prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b"))
	ended = make(chan error, 1)
	go func() { ended <- first.Commit() }()
	<-d.isOut
	filled := make(chan struct{})
	go func() { second.Fill(); close(filled) }()
	select {
	case <-filled:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is filled in while the disk works")
	}
	if got := s.Summary().Context; len(got) > 0 {
		t.Errorf("what is not durable is told: %s", got)
	}
	return second, ended
}

// TestPrepared_Fill_WhileTheDiskWorks: S16. What is filled in beside the disk is built
// on what that works on. What leaves alone what it is built on may be written meanwhile,
// and all else comes after it.
func TestPrepared_Fill_WhileTheDiskWorks(t *testing.T) {
	d := newSlowDisk()
	dir := t.TempDir()
	s := openTest(t, dir, Options{Disk: d.commit, NewIndex: func() IndexBuilder { return prints{} }})
	second, ended := flyBeside(t, s, d)
	if err := s.SetNote("x", []byte{1}); err != nil {
		t.Error(err)
	}
	filledBack := make(chan error, 1)
	go func() { _, err := s.Backfill(1, nil); filledBack <- err }()
	select {
	case err := <-filledBack:
		t.Errorf("another writes between: %v", err)
		filledBack <- err
	case <-time.After(10 * time.Millisecond): // what could go wrong goes wrong at once
	}
	d.end <- nil
	if err := errors.Join(<-ended, second.Commit(), <-filledBack); err != nil {
		t.Fatal(err)
	}
	third := prepareTest(t, s, carrying(delta.VerbIncrease, "b"))
	if err := third.Commit(); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(v *View) error {
		for from, want := range map[string]int64{"a": 1, "b": 2} {
			if e, err := v.Get(delta.ClaimKey(claim("n1", from, from+"~"))); err != nil || e.Counter.Value() != want {
				t.Errorf("%s shows %d, %v, want %d", from, e.Counter.Value(), err, want)
			}
		}
		if index := v.Index().(prints); len(index) != 2 {
			t.Errorf("the index is %v", index)
		}
		return nil
	})
	checkAndClose(t, s)
	checkAndClose(t, openTest(t, dir, Options{}))
}

// TestPrepared_Fill_OnOneThatFails: S16. Nothing of what was filled in is written if
// the one before fails, though the disk has that; the store is the same as if it had
// never been.
func TestPrepared_Fill_OnOneThatFails(t *testing.T) {
	d := newSlowDisk()
	s := openTest(t, t.TempDir(), Options{Disk: d.commit})
	second, ended := flyBeside(t, s, d)
	d.end <- errDisk
	if err := <-ended; !errors.Is(err, ErrFailed) {
		t.Errorf("the first ends with %v", err)
	}
	if err := second.Commit(); err != ErrStale {
		t.Errorf("the second ends with %v", err)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	id := s.Replica().ID
	if got := s.Summary().Context.Get(id); got != 1 {
		t.Errorf("it is at %d, want 1", got)
	}
	if err := prepareTest(t, s, putting("c")).Commit(); err != nil {
		t.Error(err)
	}
	checkAndClose(t, s)
}

// TestPrepared_Fill_AndAbandon: what is filled in and abandoned leaves nothing, and
// holds up nobody.
func TestPrepared_Fill_AndAbandon(t *testing.T) {
	d := newSlowDisk()
	s := openTest(t, t.TempDir(), Options{Disk: d.commit})
	second, ended := flyBeside(t, s, d)
	d.end <- nil
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	second.Abandon()
	written := make(chan error, 1)
	go func() { written <- prepareTest(t, s, putting("c")).Commit() }()
	select {
	case err := <-written:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing can be written any more")
	}
	if got := s.Summary().Context.Get(s.Replica().ID); got != 2 {
		t.Errorf("it is at %d, want 2", got)
	}
	checkAndClose(t, s)
}

// TestPrepared_Fill_BehindAStaleOne: one that is stale, and not filled in yet, can come
// to its end though the next, which is not stale, was to be filled in before that.
func TestPrepared_Fill_BehindAStaleOne(t *testing.T) {
	for name, end := range map[string]func(*Prepared) error{
		"committed": func(p *Prepared) error { return p.Commit() },
		"abandoned": func(p *Prepared) error { p.Abandon(); return ErrStale },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			first, stale := prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b"))
			first.Abandon()
			next := prepareTest(t, s, putting("c"))
			filled := make(chan struct{})
			go func() { next.Fill(); close(filled) }()
			select {
			case <-filled:
				t.Error("it is filled in before its turn, and holds what the stale one waits for")
				next.Abandon()
				return
			case <-time.After(10 * time.Millisecond): // what could go wrong goes wrong at once
			}
			if err := end(stale); err != ErrStale {
				t.Errorf("got %v", err)
			}
			<-filled
			if err := next.Commit(); err != nil {
				t.Error(err)
			}
			checkAndClose(t, s)
		})
	}
}
