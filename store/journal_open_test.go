package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// onRing opens the copy of a file for a change of its ring, given where that begins.
func onRing(t *testing.T, dir string, s *Store, change func(f *os.File, base int64) error) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(change(f, s.ring.Load().base), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOpen_KeepsThePagesOfFrames: S18. Who finds frames writes behind them, and not on
// their pages.
func TestOpen_KeepsThePagesOfFrames(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 5)
	found := openTest(t, leftBy(t, s), Options{})
	for i := 5; i < 9; i++ {
		claims(t, found, i, i+1)
		survives(t, found)
	}
}

// TestOpen_TellsOfADamagedFrame: S19. A frame that is not whole was not completed if it
// is the last one, and is damage else.
func TestOpen_TellsOfADamagedFrame(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	shown := everything(t, s)
	claims(t, s, 2, 3)
	for i, f := range s.journaled.frames {
		at := bytes.IndexByte(f.sealed()[frameHeadBytes:], 'k') + frameHeadBytes // within a key
		for what, damage := range map[string][]byte{"gone": make([]byte, at+1), "changed": append(slices.Clone(f.sealed()[:at]), 'K')} {
			dir := leftBy(t, s)
			onRing(t, dir, s, func(file *os.File, base int64) error {
				_, err := file.WriteAt(damage, base+int64(f.at.page)*pageBytes)
				return err
			})
			found, err := Open(dir, Options{NoSync: true})
			switch {
			case i < 2 && !errors.Is(err, ErrCorrupt):
				t.Errorf("frame %d of 3 is %s: %v", i+1, what, err)
			case i == 2 && err != nil:
				t.Errorf("the last frame is %s: %v", what, err)
			case i == 2 && everything(t, found) != shown:
				t.Errorf("the last frame is %s, it shows\n%s\nwant\n%s", what, everything(t, found), shown)
			}
			if err == nil {
				checkAndClose(t, found)
			}
		}
	}
}

// TestOpen_RefusesFramesThatDoNotFit: S2, of whole frames that say what cannot be.
func TestOpen_RefusesFramesThatDoNotFit(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	first, last := s.journaled.frames[0], s.journaled.frames[1]
	again := newFrame(1, last.effects)
	again.encode(last.at.sequence + 1)
	again.at.page = last.at.page + 1
	effects := *last.effects
	effects.ContextHash = first.effects.ContextHash
	other := newFrame(1, &effects)
	other.encode(last.at.sequence)
	other.at.page = last.at.page
	for name, f := range map[string]*frame{"seen before": again, "of another context": other} {
		dir := leftBy(t, s)
		onRing(t, dir, s, func(file *os.File, base int64) error {
			_, err := file.WriteAt(f.sealed(), base+int64(f.at.page)*pageBytes)
			return err
		})
		if found, err := Open(dir, Options{NoSync: true}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("one that is %s: %v", name, err)
			if err == nil {
				found.Close()
			}
		}
	}
}

// TestOpen_ConfirmsANewRing: S11. What proves the transaction that has made a ring is no
// longer true when a frame is there; it is not taken back for that.
func TestOpen_ConfirmsANewRing(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "v5", FileName))
	if err != nil {
		t.Fatal(err)
	}
	s := openTest(t, directoryOf(t, content), Options{})
	claims(t, s, 0, 1)
	mustBeUnfolded(t, s, 1)
	survives(t, s)
}

// TestStore_Confirm_NeedsNoJournal: S12. What was acknowledged is told as damage from
// then on if it is lost; so it must not be where a lost frame is the last one.
func TestStore_Confirm_NeedsNoJournal(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	if err := s.Confirm(); err != nil {
		t.Fatal(err)
	}
	dir := leftBy(t, s)
	onRing(t, dir, s, func(file *os.File, base int64) error {
		_, err := file.WriteAt(make([]byte, 8*pageBytes), base)
		return err
	})
	if got, want := everything(t, openTest(t, dir, Options{})), everything(t, s); got != want {
		t.Errorf("without its journal it shows\n%s\nwant\n%s", got, want)
	}
}

// TestStore_Rewrite_TakesWhatIsJournaled: S18. The ring of the new file has no frames of
// the old one, whose journal goes with it.
func TestStore_Rewrite_TakesWhatIsJournaled(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	err := s.Rewrite(t.Context(), func(_, _ uint64) { claims(t, s, 2, 4) })
	if err != nil {
		t.Fatal(err)
	}
	survives(t, s)
	claims(t, s, 4, 6)
	survives(t, s)
}

// TestView_Backup_WhenTheRingIsFull: S18, S19. However full the ring is, a copy has all
// frames of its instant, and room for the one that ends them.
func TestView_Backup_WhenTheRingIsFull(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 6)
	for i := 6; i < 9; i++ {
		claims(t, s, i, i+1)
		dir := filepath.Join(t.TempDir(), "restored")
		if _, err := Restore(dir, backupOf(t, s), Options{NoSync: true}); err != nil {
			t.Fatal(err)
		}
		if got, want := contents(t, openTest(t, dir, Options{})), contents(t, s); got != want {
			t.Errorf("the copy of %d updates shows\n%s\nwant\n%s", i+1, got, want)
		}
	}
}

// TestView_Backup_IsOfItsInstant: what comes to the ring while a copy is made is not in
// it, and the last frame that is cannot be lost without a word.
func TestView_Backup_IsOfItsInstant(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	claims(t, s, 0, 2)
	shown := everything(t, s)
	v, err := s.beginView()
	if err != nil {
		t.Fatal(err)
	}
	defer v.tables.tx.Rollback()
	claims(t, s, 2, 4)
	var b bytes.Buffer
	if err := v.Backup(&b); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, openTest(t, directoryOf(t, b.Bytes()), Options{})); got != shown {
		t.Errorf("the copy shows\n%s\nwant\n%s", got, shown)
	}
	dir := directoryOf(t, b.Bytes())
	onRing(t, dir, s, func(file *os.File, base int64) error {
		_, err := file.WriteAt(make([]byte, frameHeadBytes), base+pageBytes)
		return err
	})
	mustBeDamaged(t, dir)
}

// TestOpen_AKeyThatLooksLikeAFrame: S19. What somebody writes is taken for no frame that
// is behind others, on whichever page it comes to be.
func TestOpen_AKeyThatLooksLikeAFrame(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	fake := sealFrame(make([]byte, frameHeadBytes), 1<<60, 0)[:frameHeadBytes]
	for shift := range fake { // one of them begins where a page does
		key := string(bytes.Repeat(fake, 4080/len(fake)+2)[shift:][:4080])
		p := prepareTest(t, s, func(c *delta.Commit, _ Pause) error {
			_, _, err := c.Write([]delta.Operation{register("n1", key, "", 1)})
			return err
		})
		p.Fill()
		isFound := false
		for i := pageBytes; i < len(p.frame.encoded); i += pageBytes {
			if _, ok := wholeFrame(p.frame.encoded[i:]); ok {
				isFound = true
			}
		}
		if !isFound {
			p.Abandon()
			continue
		}
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		survives(t, s)
		mustFold(t, s)
		claims(t, s, 0, 6) // the last one on the first page of the frame, if there was one
		survives(t, s)
		return
	}
	t.Error("no page of a frame begins like one")
}

// TestOpen_ATransactionBeforeFrames_IsNotTakenBack: S20. It was on disk when what is behind
// it was written, so it is damaged, and not one that the power has torn.
func TestOpen_ATransactionBeforeFrames_IsNotTakenBack(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: 64})
	write(t, s, registerMany(0, 40, 1)...) // into the tables at once, as each batch
	for _, last := range []struct {
		name string
		do   func() error
	}{
		{"a batch", func() error { _, err := tryWrite(s, registerMany(0, 40, 2)...); return err }},
		{"a note", func() error { return s.SetNote("note", []byte("text")) }},
		{"a fold", s.Fold},
	} {
		name, before := last.name, contentOf(t, s.Path())
		if err := last.do(); err != nil {
			t.Fatal(err)
		}
		alone := contentOf(t, s.Path())
		for i := range 2 { // all that the batch has changed, in frames
			write(t, s, registerMany(20*i, 20*i+20, 3)...)
		}
		lacking(t, before, alone, func(image []byte) {
			if found := openTest(t, directoryOf(t, image), Options{}); !found.TookBack() {
				t.Errorf("%s that the disk lacks a page of is not taken back", name)
			}
		})
		lacking(t, before, contentOf(t, s.Path()), func(image []byte) {
			dir := directoryOf(t, image)
			if _, err := Open(dir, Options{NoSync: true}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "transaction") {
				t.Errorf("without a page of %s that frames are behind it is opened with %v", name, err)
			}
			if !bytes.Equal(contentOf(t, filepath.Join(dir, FileName)), image) {
				t.Errorf("without a page of %s the file was changed", name)
			}
		})
	}
}

// TestOpen_OfABackup_IsTakenBack: S20. A backup has its heads where bbolt puts them: the
// count of the start may replace the newer one, and is taken back to the other.
func TestOpen_OfABackup_IsTakenBack(t *testing.T) {
	s, torn := openTest(t, t.TempDir(), Options{}), 0
	for range 2 { // the count of the start goes to either head
		claims(t, s, 0, 1)
		mustFold(t, s)
		claims(t, s, 1, 2)
		var image bytes.Buffer
		if err := s.Backup(&image); err != nil {
			t.Fatal(err)
		}
		dir := directoryOf(t, image.Bytes())
		opened, err := Open(dir, Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		lacking(t, image.Bytes(), contentOf(t, opened.Path()), func(image []byte) {
			found := openTest(t, directoryOf(t, image), Options{})
			if n := found.Summary().Fingerprint.Count; n != 2 {
				t.Errorf("it has %d entries", n)
			}
			if found.TookBack() {
				torn++
			}
		})
		if err := opened.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if torn < 2 {
		t.Errorf("%d were taken back", torn)
	}
}
