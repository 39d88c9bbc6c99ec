package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// TestOpen_FrameThatIsInMemoryOnly: an opening writes the last frame again that it has
// read, before it shows that: after a failed flush the disk may lack it, and no later
// flush writes what the operating system takes for written. Those before it, which were
// acknowledged, it does not touch.
func TestOpen_FrameThatIsInMemoryOnly(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	write(t, s, register("n1", "m", "", 1))
	frames, base := s.unfolded(), s.ring.Load().base
	dir := directoryOf(t, contentOf(t, s.Path()))
	isLost := false
	_ = openTest(t, dir, Options{Visit: func(delta.Entry) error {
		isLost = true // what was read is not what the disk has
		return overwriteAt(dir, base, make([]byte, 2*pageBytes))
	}})
	content := contentOf(t, filepath.Join(dir, FileName))
	for i, isWritten := range []bool{false, true} {
		at := base + int64(frames[i].at.page)*pageBytes
		if got := bytes.Equal(content[at:at+pageBytes], frames[i].sealed()); got != isWritten || !isLost {
			t.Errorf("frame %d of 2 was written again: %t", i+1, got)
		}
	}
	if err := overwriteAt(dir, base, frames[0].sealed()); err != nil { // which the disk had
		t.Error(err)
	}
}

// TestOpen_ReadOnly_WithFramesLeft: who opens for reading what a killed process has left
// sees what was acknowledged, and changes nothing.
func TestOpen_ReadOnly_WithFramesLeft(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	if err := s.Fold(); err != nil {
		t.Fatal(err)
	}
	write(t, s, register("n1", "m", "", 1), register("n1", "a", "m", 3))
	want, image := everything(t, s), contentOf(t, s.Path())
	dir := directoryOf(t, image)
	r := openTest(t, dir, Options{ReadOnly: true})
	if got := everything(t, r); got != want {
		t.Errorf("it shows\n%s\nwant\n%s", got, want)
	}
	if err := r.Fold(); err == nil || r.IsFoldWorth() {
		t.Errorf("to fold it ends with %v", err)
	}
	if got := contentOf(t, r.Path()); string(got) != string(image) {
		t.Error("the file has changed")
	}
	view(t, r, mustAgree)
}

// TestView_Backup_OfAnInstantLongAgo: a backup has the frames of its view, though others
// have taken their pages since, and neither more nor less.
func TestView_Backup_OfAnInstantLongAgo(t *testing.T) {
	for before := range 9 {
		s := openTest(t, t.TempDir(), Options{})
		for n := range before {
			write(t, s, register("n1", string(rune('a'+n)), "", 1))
		}
		want := everything(t, s)
		v, err := s.beginView()
		if err != nil {
			t.Fatal(err)
		}
		for n := range 20 { // more than two laps
			write(t, s, register("n2", string(rune('a'+n)), "", 1))
		}
		copied := copyOfView(t, v)
		v.tables.tx.Rollback()
		if problems, err := Check(directoryOf(t, copied)); err != nil || len(problems) > 0 {
			t.Fatalf("with %d frames: %v, %v", before, problems, err)
		}
		dir := directoryOf(t, copied)
		if got := everything(t, openTest(t, dir, Options{})); got != want {
			t.Errorf("with %d frames the backup shows\n%s\nwant\n%s", before, got, want)
		}
	}
}

// TestView_Backup_OfAFullRing: the frame that ends a backup finds a page also where no
// other would, and a backup of that backup needs no other.
func TestView_Backup_OfAFullRing(t *testing.T) {
	for pages := 3; pages < 9; pages++ {
		s := openTest(t, t.TempDir(), Options{journalPages: pages})
		r := s.ring.Load()
		for lap := range 3 * pages { // so that it begins everywhere
			for n := 0; r.used.Load()+1 < int64(r.pages); n++ {
				write(t, s, register("n1", string(rune('a'+n)), "", int64(lap+1)))
			}
			view(t, s, func(v *View) error {
				got := openTest(t, directoryOf(t, copyOfView(t, v)), Options{})
				if len(got.unfolded()) != len(s.unfolded())+1 || replicaOf(got.Summary()) != replicaOf(s.Summary()) {
					t.Errorf("of %d frames in %d pages the backup has %d", len(s.unfolded()), pages, len(got.unfolded()))
				}
				view(t, got, func(v *View) error {
					again := openTest(t, directoryOf(t, copyOfView(t, v)), Options{})
					if len(again.unfolded()) != len(got.unfolded()) || replicaOf(again.Summary()) != replicaOf(s.Summary()) {
						t.Errorf("of %d frames in %d pages, all of which are taken, the backup has %d", len(got.unfolded()), pages, len(again.unfolded()))
					}
					return nil
				})
				return nil
			})
			write(t, s, register("n1", "x", "", int64(lap+1))) // which folds
		}
	}
}

// TestStore_Rewrite_IntoASmallerRing: the mark that leads to the next frame is that of the
// former ring.
func TestStore_Rewrite_IntoASmallerRing(t *testing.T) {
	for _, pages := range []int{-1, 1, 3, 5, 40} {
		s := openTest(t, t.TempDir(), Options{})
		for n := range 7 {
			write(t, s, register("n1", string(rune('a'+n)), "", 1))
		}
		s.options.journalPages = pages
		if err := s.Rewrite(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			write(t, s, register("n2", string(rune('a'+n)), "", 1))
			left := openTest(t, directoryOf(t, contentOf(t, s.Path())), Options{})
			if got, want := everything(t, left), everything(t, s); got != want {
				t.Errorf("in a ring of %d pages it shows\n%s\nwant\n%s", pages, got, want)
			}
		}
	}
}

// TestStore_Fold_ThatFails: what was acknowledged is there after it, and a frame that was
// on its way meanwhile is not acknowledged.
func TestStore_Fold_ThatFails(t *testing.T) {
	var s *Store
	isFailing := false
	s = openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx != nil && isFailing {
			return errors.Join(errDisk, giveUp(tx))
		}
		err := commit()
		if isFailing {
			if err := s.Fold(); err == nil {
				t.Error("the fold has not failed")
			}
		}
		return err
	}})
	write(t, s, register("n1", "a", "m", 1))
	want := everything(t, s)
	p := prepareTest(t, s, putting("x"))
	isFailing = true
	err := p.Commit()
	if isFailing = false; err == nil || s.Failed() == nil {
		t.Fatalf("the update ends with %v, failed: %v", err, s.Failed())
	}
	if err := s.Fold(); err == nil {
		t.Error("a failed store folds")
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if s.Summary().Context.Get(s.Summary().ID) != 2 { // its frame had reached the disk
		t.Errorf("it shows\n%s\nwas\n%s", everything(t, s), want)
	}
	write(t, s, register("n1", "m", "", 1))
	view(t, s, mustAgree)
}

func copyOfView(t *testing.T, v *View) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := v.Backup(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func overwriteAt(dir string, at int64, b []byte) error {
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, at)
	return errors.Join(err, f.Close())
}
