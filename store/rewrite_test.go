package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
)

// trimAll drops every record.
func trimAll(t *testing.T, s *Store) {
	t.Helper()
	var plan compaction.Plan
	view(t, s, func(v *View) error {
		return v.EachRecord(0, func(r Record) error {
			plan.Drop = append(plan.Drop, compaction.Drop{Index: r.Index, Class: compaction.Other})
			return nil
		})
	})
	if err := s.Trim(plan); err != nil {
		t.Fatal(err)
	}
}

// fillLog writes n deltas of about a kilobyte each.
func fillLog(t *testing.T, s *Store, n int) {
	t.Helper()
	long := strings.Repeat("k", 1000)
	for i := range n {
		write(t, s, register("n1", long, "m", int64(i+1)))
	}
}

func TestStore_Rewrite_GivesSpaceBack(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	fillLog(t, s, 4000)
	trimAll(t, s)
	before, shown := stats(t, s), contents(t, s)
	if before.FreeBytes < before.Bytes/2 || before.LogRecords != 0 || before.LogBytes != 0 {
		t.Fatalf("after trimming: %+v", before)
	}
	s.Close()
	s = openTest(t, dirOf(s), Options{ReadOnly: true})
	if got := stats(t, s); got.FreeBytes < before.Bytes/2 || got.Bytes != before.Bytes {
		t.Errorf("read-only it has %+v, was %+v", got, before)
	}
	s.Close()
	s = openTest(t, dirOf(s), Options{})
	var last, of uint64
	if err := s.Rewrite(t.Context(), func(done, total uint64) { last, of = done, total }); err != nil {
		t.Fatal(err)
	}
	after := stats(t, s)
	if after.Bytes > before.Bytes/2 || contents(t, s) != shown {
		t.Errorf("%+v became %+v, showing\n%s", before, after, contents(t, s))
	}
	if last != of || of == 0 {
		t.Errorf("progress ended at %d of %d", last, of)
	}
	s.Close()
	s = openTest(t, dirOf(s), Options{})
	if contents(t, s) != shown {
		t.Errorf("after reopening it shows\n%s", contents(t, s))
	}
}

func dirOf(s *Store) string { return strings.TrimSuffix(s.Path(), FileName) }

func stats(t *testing.T, s *Store) Stats {
	t.Helper()
	x, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// What is written while the copy is made is carried over: new, changed and
// deleted alike.
func TestStore_Rewrite_CarriesOverWhatIsWrittenMeanwhile(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1), register("n1", "b", "m", 1))
	write(t, s, register("n1", "c", "m", 1))
	err := s.Rewrite(t.Context(), func(done, total uint64) {
		trimAll(t, s)
		release := register("n1", "a", "m", 0)
		release.Verb = delta.VerbRelease
		write(t, s, release, register("n1", "b", "m", 5), register("n1", "d", "m", 1))
		if err := s.SetNote("x", []byte{1}); err != nil {
			t.Error(err)
		}
		if err := s.Rewrite(t.Context(), nil); !errors.Is(err, ErrBusy) {
			t.Errorf("a second rewriting: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := contents(t, s)
	for _, problem := range s.Check() {
		t.Error(problem)
	}
	if n := s.Summary().Fingerprint.Count; n != 3 || stats(t, s).LogRecords != 1 {
		t.Errorf("%d records, %+v", n, stats(t, s))
	}
	write(t, s, register("n1", "e", "m", 1))
	s.Close()
	s = openTest(t, dirOf(s), Options{})
	if note, err := s.Note("x"); err != nil || len(note) != 1 {
		t.Errorf("note %v, %v", note, err)
	}
	if !strings.HasPrefix(contents(t, s), "context") || contents(t, s) == shown {
		t.Error("the last write is missing")
	}
}

func TestStore_Rewrite_ThatEndsEarlyLeavesItAsItWas(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	shown := contents(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Rewrite(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(s.Path() + newSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left over: %v", err)
	}
	if contents(t, s) != shown {
		t.Errorf("it shows\n%s", contents(t, s))
	}
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// What a killed rewriting left over goes at the next opening.
func TestOpen_RemovesALeftOverCopy(t *testing.T) {
	dir := closedDir(t)
	s := openTest(t, dir, Options{})
	left := s.Path() + newSuffix
	s.Close()
	if err := os.WriteFile(left, []byte("half"), fileMode); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, Options{})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// A view that began before the swap reads the old file to its end.
func TestStore_Rewrite_LetsViewsEnd(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	rewritten := make(chan error, 1)
	view(t, s, func(v *View) error {
		old := s.current()
		go func() { rewritten <- s.Rewrite(context.Background(), nil) }()
		for s.current() == old {
			runtime.Gosched()
		}
		write(t, s, register("n1", "b", "m", 1))
		n := 0
		err := v.Scan(delta.Whole, func(delta.Entry) error { n++; return nil })
		if n != 1 || v.LogStats().Records != 1 {
			t.Errorf("the old view has %d entries, %d records", n, v.LogStats().Records)
		}
		return err
	})
	if err := <-rewritten; err != nil {
		t.Fatal(err)
	}
}

// current names the file that new views read.
func (s *Store) current() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fmt.Sprintf("%p", s.mu.db)
}

// Much that is written meanwhile is carried over before writers pause, and what
// is written while that is done is not lost either.
func TestStore_Rewrite_CatchesUpBeforeWritersPause(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	wrote := false
	err := s.Rewrite(t.Context(), func(done, total uint64) {
		if wrote {
			return
		}
		wrote = true
		var claims []delta.Operation
		for i := range touchesLast {
			claims = append(claims, register("n1", fmt.Sprintf("k%05d", i), "m", 3))
		}
		write(t, s, claims...)
	})
	if err != nil || !wrote {
		t.Fatal(wrote, err)
	}
	if got := priorityOf(t, s, "n1", "k01000", "m"); got != 3 || s.Summary().Fingerprint.Count != touchesLast+1 || stats(t, s).LogRecords != 2 {
		t.Errorf("it has priority %d; %s, %+v", got, s.Summary().Fingerprint, stats(t, s))
	}
	n, err := s.options.begin(s.path + "2")
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := s.beginCopy()
	if err != nil {
		t.Fatal(err)
	}
	defer v.tables.tx.Rollback()
	write(t, s, register("n1", "x", "y", 1))
	if v, _, err := s.takeChanges(); v != nil || err != nil {
		t.Errorf("few changes are taken: %v", err)
	}
	s.rewrite.tooMany = true
	if err := s.catchUp(t.Context(), n); err == nil || !strings.Contains(err.Error(), "try again when less is written") {
		t.Errorf("too many changes: %v", err)
	}
	s.endCopy()
	if err := n.discard(); err != nil {
		t.Error(err)
	}
}

// TestRewrite_Canceled_WritesNothing: before the copy, too.
func TestRewrite_Canceled_WritesNothing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, registerMany(0, 9, 1)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := s.txid()
	if err := s.Rewrite(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if s.txid() != before {
		t.Errorf("it has made %d transactions", s.txid()-before)
	}
}

// TestPlaceSome_NeedsNoFurtherRoundForTheLast: what others write after it is not
// waited for, or there would be no end under traffic.
func TestPlaceSome_NeedsNoFurtherRoundForTheLast(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for i := range 200 {
		write(t, s, registerMany(i, i+1, 1)...)
	}
	left, err := s.placeSome()
	if o, _ := overlayOf(t, s); left > 0 || err != nil || o.held() != 0 {
		t.Errorf("%d are left, %d images, %v", left, o.held(), err)
	}
}

// TestRewrite_OfAStoreOpenedAnew_PlacesAll: an opening does not know which images are in
// place, so about all wait that the chunks have, and no chunk goes before the sweep has been
// everywhere.
func TestRewrite_OfAStoreOpenedAnew_PlacesAll(t *testing.T) {
	const claims = 3*freshMax/2 + 2
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1, NoSync: true})
	for i := 0; i < claims; i += 5000 {
		write(t, s, registerMany(i, min(i+5000, claims), 1)...)
	}
	trimAll(t, s)
	appendAgain(t, s)
	if o, _ := overlayOf(t, s); o.unplaced != claims || o.held() != claims {
		t.Fatalf("%d images of %d wait, want %d", o.unplaced, o.held(), claims)
	}
	want := s.Summary().Fingerprint
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if o, inPlace := overlayOf(t, s); o.held() != 0 || inPlace != claims || s.Summary().Fingerprint != want {
		t.Errorf("%d images are left, %d of %d entries in place", o.held(), inPlace, claims)
	}
}

// appendAgain appends images of all entries to the chunks, the last ones first.
func appendAgain(t *testing.T, s *Store) {
	t.Helper()
	err := s.changeAlone(func(t *tables, next state, _ *delta.Replica) (state, error) {
		var images []image
		err := t.entries.each(nil, nil, func(key, payload []byte) error {
			images = append(images, image{key: delta.Key(key), sealed: unsealedOf(payload).seal(bucketEntries, key)})
			return nil
		})
		slices.Reverse(images)
		w := chunkWriter{tables: t, state: &next}
		return next, errors.Join(err, w.addAll(images, false), w.end())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// writeFar leaves a file without free pages to speak of, and many entries all over
// it that wait for their places.
func writeFar(t *testing.T, s *Store) {
	t.Helper()
	const claims = 8000
	for i := 0; i < claims; i += 500 {
		write(t, s, registerMany(i, i+500, 1)...)
	}
	trimAll(t, s)
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		at := i * 7919 % claims
		write(t, s, registerMany(at, at+1, 2)...)
	}
}

// TestRewrite_WithoutRoom_PlacesNothing: what a full disk may refuse is not tried in
// the file that serves. The copy has the newest entries as they are.
func TestRewrite_WithoutRoom_PlacesNothing(t *testing.T) {
	room := uint64(1 << 40)
	s := openTest(t, t.TempDir(), Options{journalPages: -1, room: func(string) uint64 { return room }})
	writeFar(t, s)
	o, _ := overlayOf(t, s)
	room = placeRoom(0, o.bytes) - 1
	want, before := contents(t, s), s.txid()
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if o, _ := overlayOf(t, s); o.held() != 1500 || contents(t, s) != want {
		t.Errorf("%d images are left of 1500, after %d transactions", o.held(), s.txid()-before)
	}
	room++
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if o, _ := overlayOf(t, s); o.held() != 0 || contents(t, s) != want {
		t.Errorf("%d images are left", o.held())
	}
}

// TestRewrite_WithoutRoom_CountsWhatIsJournaled: what is placed in the same transaction that
// folds the journal needs room for both.
func TestRewrite_WithoutRoom_CountsWhatIsJournaled(t *testing.T) {
	room := uint64(1 << 40)
	s := openTest(t, t.TempDir(), Options{journalPages: 64, room: func(string) uint64 { return room }})
	writeFar(t, s)
	write(t, s, registerMany(1, 2, 7)...)
	write(t, s, registerMany(3, 4, 7)...)
	frames := s.unfolded()
	o, _ := overlayOf(t, s)
	bytes := o.bytes
	for _, f := range frames {
		for i := range f.images {
			bytes += f.images[i].bytes()
		}
	}
	room = placeRoom(imagesOf(frames), bytes) - 1
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if after, _ := overlayOf(t, s); len(frames) == 0 || after.held() < o.held() {
		t.Errorf("%d images are left of %d, %d frames", after.held(), o.held(), len(frames))
	}
	room++
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if o, _ := overlayOf(t, s); o.held() != 0 {
		t.Errorf("%d images are left", o.held())
	}
}
