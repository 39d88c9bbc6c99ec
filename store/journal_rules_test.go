package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// The tests of this file, and of journal_open_test.go, hold S16 and S18 to S20 one by
// one; internal/mutant breaks what each of them is about. Rings have 8 pages, and a
// small update is a frame of one.

// leftBy returns a directory with what a store would leave that was killed now.
func leftBy(t *testing.T, s *Store) string {
	t.Helper()
	content, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	return directoryOf(t, content)
}

// survives requires that a store which is killed now is found as it is.
func survives(t *testing.T, s *Store) {
	t.Helper()
	found := openTest(t, leftBy(t, s), Options{})
	defer checkAndClose(t, found)
	if got, want := everything(t, found), everything(t, s); got != want || found.TookBack() {
		t.Errorf("after it was killed it shows\n%s\nwant\n%s\ntook back: %t", got, want, found.TookBack())
	}
}

// claims makes so many updates, each of a claim of its own and a frame by itself.
func claims(t *testing.T, s *Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		write(t, s, registerMany(i, i+1, 1)...)
	}
}

// wide makes an update whose frame has so many pages.
func wide(t *testing.T, s *Store, pages uint64) {
	t.Helper()
	var operations []delta.Operation
	for i := range pages {
		operations = append(operations, register("n1", fmt.Sprint("w", i, strings.Repeat("w", 1850)), "x", 1))
	}
	write(t, s, operations...)
	if last := s.tip.frames[len(s.tip.frames)-1]; last.pages != pages {
		t.Fatalf("the frame has %d pages, not %d", last.pages, pages)
	}
}

func mustFold(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Fold(); err != nil {
		t.Fatal(err)
	}
}

func mustBeUnfolded(t *testing.T, s *Store, want int) {
	t.Helper()
	if got := len(s.unfolded()); got != want {
		t.Fatalf("the tables lack %d frames, want %d", got, want)
	}
}

// shows returns all that can be read of a store, by every way there is.
func shows(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprint(&b, everything(t, s), logOf(t, s, s.Replica().ID, 1, 1<<20), "\n")
	get := func(what string, r delta.Reader) {
		for i := range 4 {
			e, err := r.Get(delta.ClaimKey(registerMany(i, i+1, 1)[0].Claim))
			fmt.Fprintln(&b, what, i, e.Counter, err)
		}
		err := r.Scan(delta.ClaimSpan, func(e delta.Entry) error {
			fmt.Fprintln(&b, what, e.Key, e.Counter)
			return nil
		})
		fmt.Fprintln(&b, what, err)
	}
	view(t, s, func(v *View) error { get("view", v); return nil })
	r := &frontierReader{store: s}
	defer r.release()
	get("frontier", r)
	return b.String()
}

// TestView_ShowsWhatIsJournaled: S18. What the tables do not have is shown as if they
// had: entries that are new and that are changed, records, and what is known of them.
func TestView_ShowsWhatIsJournaled(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	mustFold(t, s)
	write(t, s, registerMany(1, 2, 5)...)
	claims(t, s, 2, 3)
	mustBeUnfolded(t, s, 2)
	before, sizes := shows(t, s), stats(t, s)
	found := openTest(t, leftBy(t, s), Options{})
	mustBeUnfolded(t, found, 2)
	mustFold(t, s)
	if after := shows(t, s); before != after || shows(t, found) != after {
		t.Errorf("folded it shows\n%s\nbefore that\n%s\nfound by another\n%s", after, before, shows(t, found))
	}
	if after := stats(t, s); after.LogRecords != sizes.LogRecords || after.LogBytes != sizes.LogBytes {
		t.Errorf("folded the log has %+v, before that %+v", after, sizes)
	}
}

// TestStore_Fold_MovesTheMark: S18. What was folded is folded once, with bundles and
// all, and what comes then begins behind it.
func TestStore_Fold_MovesTheMark(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for round := range 3 {
		for i := range 5 { // so much that no tail takes it
			write(t, s, registerMany(100*i, 100*i+20, int64(round+1))...)
		}
		mustFold(t, s)
		if s.state.journal != s.ring.Load().next || s.ring.Load().used.Load() != 0 || len(s.journaled.frames) > 0 {
			t.Errorf("the mark is %+v, the next frame comes to %+v, %d pages are used, %d frames held",
				s.state.journal, s.ring.Load().next, s.ring.Load().used.Load(), len(s.journaled.frames))
		}
		mustServe(t, s, 1, uint64(100*(round+1)))
		survives(t, s)
	}
}

// TestStore_Fold_KeepsPagesUntilItIsOnDisk: S18. While a fold is on its way nothing is
// written to the pages of its frames, since it may fail.
func TestStore_Fold_KeepsPagesUntilItIsOnDisk(t *testing.T) {
	var s *Store
	isArmed, ended := false, make(chan error, 1)
	s = openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx == nil || !isArmed {
			return commit()
		}
		isArmed = false
		go func() {
			var err error
			for i := 10; i < 13 && err == nil; i++ {
				_, err = tryWrite(s, registerMany(i, i+1, 1)...)
			}
			ended <- err
		}()
		time.Sleep(10 * time.Millisecond) // what could go wrong goes wrong at once
		return errors.Join(errDisk, giveUp(tx))
	}})
	claims(t, s, 0, 7)
	shown := everything(t, s)
	isArmed = true
	if err := s.Fold(); !errors.Is(err, ErrFailed) {
		t.Fatalf("the fold ends with %v", err)
	}
	if err := <-ended; !errors.Is(err, ErrFailed) {
		t.Errorf("what came meanwhile ends with %v", err)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, s); got != shown {
		t.Errorf("it shows\n%s\nwant\n%s", got, shown)
	}
}

// TestPrepared_Commit_WaitsForOneFold: an update for which a fold under way makes room does
// not fold once more, what came meanwhile.
func TestPrepared_Commit_WaitsForOneFold(t *testing.T) {
	var s *Store
	folds, ended := 0, make(chan error, 4)
	s = openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx == nil || s == nil {
			return commit()
		}
		if folds++; folds > 1 {
			return commit()
		}
		go func() {
			for i := 10; i < 14; i++ { // there is room for three
				_, err := tryWrite(s, registerMany(i, i+1, 1)...)
				ended <- err
			}
		}()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * time.Millisecond) // until the last one waits
		return commit()
	}})
	claims(t, s, 0, 4)
	mustFold(t, s)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if folds != 1 {
		t.Errorf("it has folded %d times", folds)
	}
	mustBeUnfolded(t, s, 4)
	survives(t, s)
}

// TestStore_Fold_LeavesWhatIsOnItsWay: S16, S18. A frame that nobody was told of yet is
// none that is folded.
func TestStore_Fold_LeavesWhatIsOnItsWay(t *testing.T) {
	d := newSlowDisk()
	s := openTest(t, t.TempDir(), Options{Disk: d.commit})
	d.isSlow = true
	p, ended := prepareTest(t, s, putting("a")), make(chan error, 1)
	go func() { ended <- p.Commit() }()
	<-d.isOut
	mustFold(t, s)
	view(t, s, func(v *View) error {
		if e, err := v.Get(delta.ClaimKey(claim("n1", "a", "a~"))); err != nil || !e.IsZero() {
			t.Errorf("before it is acknowledged it shows %+v, %v", e, err)
		}
		return nil
	})
	d.end <- nil
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	mustBeUnfolded(t, s, 1)
	survives(t, s)
}

// changeNothing begins a change that turns out to be none.
func changeNothing(t *testing.T, s *Store) {
	t.Helper()
	err := s.changeBeside(func(*tables, state, *delta.Replica) (state, error) { return state{}, errNothing })
	if err != nil {
		t.Fatal(err)
	}
}

// TestStore_ChangeBeside_OfNothingLeavesWhatIsJournaled: a change that turns out to be none
// leaves the tables, and who reads of them, without the frames before it.
func TestStore_ChangeBeside_OfNothingLeavesWhatIsJournaled(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 3)
	changeNothing(t, s)
	mustBeUnfolded(t, s, 3)
	if len(s.filed.Context) > 0 {
		t.Errorf("the tables have seen %s", s.filed.Context)
	}
	mustFold(t, s)
	survives(t, s)
}

// TestPrepared_Commit_DirectlyAfterFrames: S16. What goes into the tables at once comes
// after what was journaled before, and before what is journaled then.
func TestPrepared_Commit_DirectlyAfterFrames(t *testing.T) {
	for name, change := range map[string]func(*Store) error{
		"an update": func(s *Store) error { _, err := tryWrite(s, registerMany(100, 100+2*batchMin, 1)...); return err },
		"a note":    func(s *Store) error { return s.SetNote("x", []byte{1}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			claims(t, s, 0, 2)
			if err := change(s); err != nil {
				t.Fatal(err)
			}
			mustBeUnfolded(t, s, 0)
			claims(t, s, 2, 4)
			mustBeUnfolded(t, s, 2)
			events := s.Summary().Context.Get(s.Replica().ID)
			for range 2 {
				mustServe(t, s, 1, events)
				survives(t, s)
				if shown := everything(t, s); strings.Contains(shown, "hole") {
					t.Errorf("it lacks what nobody has trimmed:\n%s", shown)
				}
				mustFold(t, s)
			}
		})
	}
}

// TestPrepared_Commit_WaitsForTheFlush: S19. A frame is acknowledged when the disk has
// it, whether its pages are flushed alone or the whole file is. What this test has in place
// of either takes what is written, and cannot be flushed.
func TestPrepared_Commit_WaitsForTheFlush(t *testing.T) {
	t.Run("the file", func(t *testing.T) { mustWaitForTheFlush(t, func(*ring) []byte { return nil }) })
	if os.Getpagesize() != pageBytes || runtime.GOOS != "linux" {
		return // the whole file is flushed here, always
	}
	t.Run("the pages", func(t *testing.T) {
		mustWaitForTheFlush(t, func(r *ring) []byte {
			if r.mapped == nil {
				t.Fatal("its pages cannot be flushed alone")
			}
			return r.mapped[1:] // which is not where pages are
		})
	})
}

func mustWaitForTheFlush(t *testing.T, mapped func(*ring) []byte) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 1)
	frames := s.journaled.frames
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := s.ring.Load()
	former := ring{file: r.file, mapped: r.mapped}
	defer former.close()
	r.file, r.mapped, r.noSync = null, mapped(r), false
	if _, err := tryWrite(s, registerMany(1, 2, 1)...); !errors.Is(err, ErrFailed) {
		t.Errorf("what cannot be flushed ends with %v", err)
	}
	if err := r.settle(frames); err == nil {
		t.Error("what was read is relied on though it cannot be flushed")
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if got := s.Summary().Fingerprint.Count; got != 1 {
		t.Errorf("it has %d entries", got)
	}
}

// TestPrepared_Commit_BesideAFoldThatFails: a frame is not acknowledged that became
// durable while a fold has failed: the fault may be the disk's.
func TestPrepared_Commit_BesideAFoldThatFails(t *testing.T) {
	var s *Store
	isArmed := false
	s = openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		switch {
		case !isArmed:
			return commit()
		case tx != nil:
			return errors.Join(errDisk, giveUp(tx))
		}
		err := commit()
		if err := s.Fold(); !errors.Is(err, ErrFailed) {
			t.Errorf("the fold ends with %v", err)
		}
		isArmed = false
		return err
	}})
	claims(t, s, 0, 1)
	isArmed = true
	if _, err := tryWrite(s, registerMany(1, 2, 1)...); !errors.Is(err, ErrFailed) {
		t.Errorf("the update ends with %v", err)
	}
	if got := s.Summary().Fingerprint.Count; got != 1 {
		t.Errorf("it has %d entries", got)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	survives(t, s)
}

// TestPrepared_Fill_BesideAFold: S16. What was put together on frames that are folded
// since says nothing of these twice.
func TestPrepared_Fill_BesideAFold(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	p := prepareTest(t, s, putting("a"))
	p.Fill()
	mustFold(t, s)
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	mustBeUnfolded(t, s, 1)
	before := shows(t, s)
	survives(t, s)
	mustFold(t, s)
	if after := shows(t, s); before != after {
		t.Errorf("folded it shows\n%s\nbefore that\n%s", after, before)
	}
}

// TestJournaled_With_ForgetsWhatIsFolded: what is held in memory is bounded by the ring.
func TestJournaled_With_ForgetsWhatIsFolded(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{freshMax: 4})
	for i := range 100 {
		claims(t, s, i, i+1)
		for name, p := range map[string]*journaled{"readers": &s.journaled, "the next frame": &s.tip} {
			beyond := p.images.end() - s.state.fresh.taken
			if beyond > 8 || len(p.frames) > 8 || beyond != len(p.unfolded(s.state.journal.sequence)) || p.images.held() > 40 {
				t.Fatalf("after %d updates %s have %d frames, %d images, %d of them beyond the tables",
					i+1, name, len(p.frames), p.images.held(), beyond)
			}
		}
	}
}

// TestRing_Append_OverwritesNothing: S18. However often the ring is gone round, what is
// there is what was acknowledged.
func TestRing_Append_OverwritesNothing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for i := range 18 {
		claims(t, s, i, i+1)
		if i >= 6 && i%2 == 0 {
			survives(t, s)
		}
	}
}

// TestRing_Place_WithinTheRing: S18. Wherever the last frame ends, the next one is on
// pages of the ring, behind that if they are there.
func TestRing_Place_WithinTheRing(t *testing.T) {
	for next := range uint64(9) {
		for pages := uint64(1); pages <= 3; pages++ {
			r := &ring{pages: 8, next: journalMark{1, next}}
			wantPage, wantCost := next, pages
			if next+pages > 8 {
				wantPage, wantCost = 0, pages+8-next
			}
			page, cost := r.place(&frame{pages: pages})
			if page != wantPage || cost != int64(wantCost) {
				t.Errorf("%d pages behind page %d: on page %d, for %d, want %d, for %d", pages, next, page, cost, wantPage, wantCost)
			}
		}
	}
}

// TestRing_Append_WhatDoesNotFit: S18. A frame that does not fit behind the last one goes
// to the first page, and what it leaves free counts as used.
func TestRing_Append_WhatDoesNotFit(t *testing.T) {
	for _, pages := range []uint64{2, 3} {
		s := openTest(t, t.TempDir(), Options{})
		folded := 5 - int(pages)
		claims(t, s, 0, folded)
		mustFold(t, s)
		claims(t, s, folded, folded+4)
		wide(t, s, pages)
		survives(t, s)
		claims(t, s, 10, 14)
		survives(t, s)
		checkAndClose(t, s)
	}
}
