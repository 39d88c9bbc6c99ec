package store

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// indexed returns a store with an index that does not read, and how often that was led on.
func indexed(t *testing.T, o Options) (*Store, *atomic.Int64) {
	led := new(atomic.Int64)
	o.NewIndex = func() IndexBuilder { return blind{prints{}, led} }
	return openTest(t, t.TempDir(), o), led
}

// blind are prints that are led on by what a commit says alone.
type blind struct {
	prints
	led *atomic.Int64
}

func (b blind) Done() Index { return b }

func (b blind) Next(changes []delta.EntryChange, _ delta.Reader) (Index, error) {
	b.led.Add(1)
	next := maps.Clone(b.prints)
	for _, x := range changes {
		if next[x.Key] = delta.FingerprintOf(x.After()); x.After().IsZero() {
			delete(next, x.Key)
		}
	}
	return blind{next, b.led}, nil
}

func (blind) Reads([]delta.EntryChange) bool { return false }

// mustBeOfItsEntries reports whether the index of a view is that of its entries.
func mustBeOfItsEntries(v *View) error {
	want, err := printsOf(v)
	if got := v.Index().(blind).prints; err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("the index is %v, want %v", got, want)
	}
	return err
}

// TestPrepared_Commit_BeforeItsIndex: S21. An update is acknowledged and shown before its
// index is there, by whichever way it goes to the disk. Who asks for one has that of his
// own instant, and nothing is derived twice.
func TestPrepared_Commit_BeforeItsIndex(t *testing.T) {
	for _, pages := range []int{-1, 8} {
		var following *Prepared
		s, led := indexed(t, Options{journalPages: pages, commit: func(_ *bbolt.Tx, commit func() error) error {
			err := commit()
			if following != nil && pages > 0 {
				following.Fill() // on what is not acknowledged yet
			}
			return err
		}})
		mustCommit := func(from string) {
			if err := prepareTest(t, s, putting(from)).Commit(); err != nil {
				t.Fatal(err)
			}
		}
		mustCommit("a")
		view(t, s, func(first *View) error {
			mustCommit("b")
			view(t, s, func(second *View) error {
				mustCommit("c")
				if n := led.Load(); n != 0 {
					t.Errorf("an index that nobody asked for was derived %d times", n)
				}
				return errors.Join(mustBeOfItsEntries(second), mustBeOfItsEntries(first))
			})
			return nil
		})
		flying := []*Prepared{prepareTest(t, s, putting("d")), prepareTest(t, s, putting("e"))}
		for i, p := range flying {
			following = nil
			if i == 0 {
				following = flying[1]
			}
			if err := p.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		view(t, s, mustBeOfItsEntries)
		if n := led.Load(); n != 5 {
			t.Errorf("indexes of five updates were derived %d times", n)
		}
		if d := s.lastDerived(); d.before != nil || d.changes != nil {
			t.Error("an index that is there holds what came before")
		}
	}
}

// TestStore_DeriveIndex_OnceItIsWorth: S21. Many changes say that they are worth to be
// derived, and no more than twice as many, and those of one update, wait for that, also
// where many are under way.
func TestStore_DeriveIndex_OnceItIsWorth(t *testing.T) {
	const each = indexWorth / 4
	s, led := indexed(t, Options{NoSync: true})
	var names []string
	for i := range each {
		names = append(names, fmt.Sprintf("%04d", i))
	}
	write := func() {
		if err := prepareTest(t, s, carrying(delta.VerbRegister, names...)).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepareTest(t, s, carrying(delta.VerbRegister, names...)).Commit(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 4; i++ {
		if s.IsIndexWorth() {
			t.Errorf("%d changes are worth to be derived", i*each)
		}
		write()
	}
	if !s.IsIndexWorth() || led.Load() != 0 {
		t.Errorf("%d changes are worth it: %t; it was derived %d times", indexWorth, s.IsIndexWorth(), led.Load())
	}
	s.DeriveIndex()
	if n := led.Load(); s.IsIndexWorth() || n != 4 {
		t.Errorf("they are after it was derived %d times", n)
	}
	var flying []*Prepared
	for range 40 {
		flying = append(flying, prepareTest(t, s, carrying(delta.VerbRegister, names...)))
	}
	var committing sync.WaitGroup
	for _, p := range flying {
		committing.Go(func() {
			if err := p.Commit(); err != nil {
				t.Error(err)
			}
			if n := s.lastDerived().waiting(); n >= 2*indexWorth+each {
				t.Errorf("%d changes wait", n)
			}
		})
	}
	committing.Wait()
	view(t, s, mustBeOfItsEntries)
	if n := led.Load(); n != 44 {
		t.Errorf("indexes of 44 updates were derived %d times", n)
	}
}

// TestPrepared_Commit_FailsBeforeItsIndex: no index has anything of an update that has
// failed, of one behind that, or of one that was abandoned.
func TestPrepared_Commit_FailsBeforeItsIndex(t *testing.T) {
	isFaulty := false
	s, _ := indexed(t, Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if isFaulty {
			return errDisk
		}
		return commit()
	}})
	mustShow := func(names string) {
		t.Helper()
		if err := prepareTest(t, s, putting(names)).Commit(); err != nil {
			t.Fatal(err)
		}
		view(t, s, mustBeOfItsEntries)
	}
	mustShow("a")
	first, second := prepareTest(t, s, putting("b")), prepareTest(t, s, putting("c"))
	first.Fill()
	first.Abandon()
	if err := second.Commit(); err != ErrStale {
		t.Errorf("what is behind an abandoned one ends with %v", err)
	}
	mustShow("d")
	first, second = prepareTest(t, s, putting("e")), prepareTest(t, s, putting("f"))
	isFaulty = true
	if err := first.Commit(); !errors.Is(err, ErrFailed) {
		t.Errorf("it ends with %v", err)
	}
	if err := second.Commit(); err != ErrStale {
		t.Errorf("the next ends with %v", err)
	}
	isFaulty = false
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	mustShow("g")
}

// TestPrepared_Fill_BehindOneWithoutAnIndex: what is put together behind an update whose
// index could not be derived is stale, also before that has ended.
func TestPrepared_Fill_BehindOneWithoutAnIndex(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{NewIndex: func() IndexBuilder { return failing{prints{}} }})
	first, second := prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b"))
	first.Fill()
	second.Fill()
	if err := first.Commit(); !errors.Is(err, errIndex) {
		t.Errorf("the first ends with %v", err)
	}
	if err := second.Commit(); err != ErrStale || s.Failed() != nil {
		t.Errorf("the second ends with %v, failed: %v", err, s.Failed())
	}
}

// TestDerivation_AskedForByMany: who asks beside updates, and beside others who do, has the
// index of his own instant.
func TestDerivation_AskedForByMany(t *testing.T) {
	s, _ := indexed(t, Options{NoSync: true})
	var asking sync.WaitGroup
	ended := make(chan struct{})
	for range 3 {
		asking.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				if err := s.View(mustBeOfItsEntries); err != nil {
					t.Error(err)
				}
			}
		})
	}
	asking.Go(func() {
		for range 50 {
			s.DeriveIndex()
		}
	})
	for i := range 200 {
		verb := delta.VerbRegister
		if i%3 == 2 {
			verb = delta.VerbRelease
		}
		p := prepareTest(t, s, carrying(verb, fmt.Sprintf("%02d", i%17), fmt.Sprintf("%02d", i%5+20)))
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	close(ended)
	asking.Wait()
}
