package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// counting returns the images that count, ascending.
func counting(c chunked) (out []*image) {
	p := journaled{images: c.overlay}
	r := entryReader{fresh: c, journaled: p}
	a := r.ascend("")
	for x := a.next(); x != nil; x = a.next() {
		out = append(out, x)
	}
	return out
}

// validOverlay holds S8 for the overlay of a view.
func validOverlay(v *View) error {
	kept := v.state.fresh
	read := v.state
	if err := v.tables.readOverlay(FormatVersion, &read); err != nil {
		return err
	}
	images := counting(kept)
	for _, x := range images {
		if kept.get(x.key) != x {
			return fmt.Errorf("S8: the image of %q is another one in order than by its hash", x.key)
		}
	}
	images = slices.DeleteFunc(images, func(x *image) bool { return x.isUnchunked })
	if known := len(counting(read.fresh)); len(images) != known {
		return fmt.Errorf("S8: %d images of %d are known, the file has %d of %d", len(images), kept.held(), known, read.fresh.held())
	}
	for _, x := range images {
		y := read.fresh.get(x.key)
		if y == nil || !bytes.Equal(x.sealed, y.sealed) || x.isGone() != y.isGone() {
			return fmt.Errorf("S8: the image of %q is %+v, the file has %+v", x.key, x, y)
		}
	}
	return validBounds(kept, read.fresh)
}

// validBounds holds what is counted of images against what there is, in memory and in
// the file.
func validBounds(kept, read chunked) error {
	bytes, beside, inChunks := 0, 0, 0
	kept.eachPart(kept.dropped, kept.taken, func(images []*image) {
		for _, x := range images {
			if x.isUnchunked {
				beside += x.bytes()
				continue
			}
			bytes, inChunks = bytes+x.bytes(), inChunks+1
		}
	})
	switch {
	case kept.taken != kept.end() || !kept.isChunked():
		return fmt.Errorf("the tables have taken images below %d of those below %d", kept.taken, kept.end())
	case kept.bytes != bytes || kept.beside != beside:
		return fmt.Errorf("the images take %d bytes, and others %d, not %d and %d", bytes, beside, kept.bytes, kept.beside)
	case inChunks != read.held() || bytes != read.bytes:
		return fmt.Errorf("S8: chunks have %d images of %d bytes, the file has %d of %d", inChunks, bytes, read.held(), read.bytes)
	}
	return nil
}

// validStandings holds S8 and S9 for where the images of a view stand, if it is that
// of the last transaction, and nobody writes who could wait for it to end. Of a
// transaction that has failed on its way to the disk they stand as it has left them,
// until the file is opened anew.
func validStandings(s *Store, v *View) error {
	if !s.file.TryLock() {
		return nil
	}
	defer s.file.Unlock()
	if db, err := s.readable(); err != nil || v.tables.tx.DB() != db || v.tables.tx.ID() != s.txid() {
		return nil
	}
	kept, waiting, counted := v.state.fresh, 0, 0
	var wrong error
	kept.eachPart(kept.dropped, kept.taken, func(images []*image) {
		for _, x := range images {
			if held := kept.get(x.key); (held == x) == (x.standing == replaced) {
				wrong = fmt.Errorf("S9: an image of %q stands at %d, and what counts is %+v", x.key, x.standing, held)
			}
			if x.standing != replaced {
				counted++
			}
		}
	})
	images := counting(kept)
	if wrong != nil || counted != len(images) {
		return errors.Join(wrong, fmt.Errorf("S8: %d images count, the chunks have %d", len(images), counted))
	}
	for _, x := range images {
		if x.standing == unplaced {
			waiting++
			continue
		}
		stored, err := v.tables.entries.get([]byte(x.key))
		if err != nil || !bytes.Equal(stored, x.payload()) || (stored == nil) != x.isGone() {
			return errors.Join(fmt.Errorf("S8: %q is placed, but in place is %x, not %x", x.key, stored, x.payload()), err)
		}
	}
	if waiting != kept.unplaced {
		return fmt.Errorf("S8: %d images are not placed, not %d", waiting, kept.unplaced)
	}
	return nil
}

// overlayOf returns what is known of the newest entries, and how many are in
// place.
func overlayOf(t *testing.T, s *Store) (o chunked, inPlace int) {
	t.Helper()
	view(t, s, func(v *View) error {
		o = v.state.fresh
		return errors.Join(validOverlay(v), validStandings(s, v), v.tables.entries.each(nil, nil, func([]byte, []byte) error { inPlace++; return nil }))
	})
	return o, inPlace
}

func registerMany(from, to int, amount int64) []delta.Operation {
	var out []delta.Operation
	for i := from; i < to; i++ {
		out = append(out, register("n1", fmt.Sprintf("k%05d", i), fmt.Sprintf("k%05d~", i), amount))
	}
	return out
}

// TestOverlay_IsBounded writes to random claims of a state, and to one only:
// what waits for its place, and what the chunks have, stays below its bounds.
func TestOverlay_IsBounded(t *testing.T) {
	const claims, limit = 2000, 100
	s := openTest(t, t.TempDir(), Options{journalPages: -1, freshMax: limit})
	for i := 0; i < claims; i += 500 {
		write(t, s, registerMany(i, i+500, 1)...)
	}
	bounded := func(what string) {
		t.Helper()
		o, inPlace := overlayOf(t, s)
		if o.unplaced > limit || o.held() > 4*limit || inPlace < claims-limit {
			t.Errorf("%s: %d wait, the chunks have %d, %d are in place", what, o.unplaced, o.held(), inPlace)
		}
	}
	for i := range 3000 {
		at := i * 7919 % claims
		write(t, s, registerMany(at, at+1, int64(2+i))...)
		if i%500 == 499 {
			bounded("random claims")
		}
	}
	for i := range 1000 {
		write(t, s, registerMany(5, 6, int64(1e6+i))...)
	}
	bounded("one claim")
	if problems := s.Check(); len(problems) > 0 {
		t.Error(problems)
	}
}

// A small state is all in place but a few hundred images, whatever was written to
// it, so that its file stays small.
func TestOverlay_OfASmallStateIsSmall(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	write(t, s, registerMany(0, 300, 1)...)
	for i := range 3000 {
		at := i * 37 % 300
		write(t, s, registerMany(at, at+1, int64(2+i))...)
	}
	if o, _ := overlayOf(t, s); o.held() > 4*freshMin {
		t.Errorf("the chunks have %d images", o.held())
	}
}

// A rewritten file has every entry in its place, and once.
func TestOverlay_OfARewrittenFile(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	for i := range 1500 {
		write(t, s, registerMany(i, i+1, 1)...)
	}
	before := contents(t, s)
	if o, inPlace := overlayOf(t, s); o.unplaced == 0 || inPlace == 0 {
		t.Fatalf("%d wait, %d are in place", o.unplaced, inPlace)
	}
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if o, inPlace := overlayOf(t, s); len(counting(o)) != 0 || o.bytes != 0 || inPlace != 1500 {
		t.Errorf("%d images, %d entries in place", len(counting(o)), inPlace)
	}
	if got := contents(t, s); got != before {
		t.Error("it shows something else than before")
	}
	checkAndClose(t, s)
}

// TestOverlay_OfABatch: a batch is put in
// place, unless that would leave an older image to count (S7), and a restart
// sees the same.
func TestOverlay_OfABatch(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1})
	write(t, s, registerMany(10, 13, 5)...)
	release := registerMany(11, 12, 0)
	release[0].Verb = delta.VerbRelease
	write(t, s, release...)
	write(t, s, registerMany(0, batchMin, 9)...)
	if o, inPlace := overlayOf(t, s); len(counting(o)) != 3 || inPlace != batchMin-3 {
		t.Errorf("%d images, %d entries in place", len(counting(o)), inPlace)
	}
	want := contents(t, s)
	s.Close()
	s = openTest(t, dir, Options{journalPages: -1})
	if got := contents(t, s); got != want {
		t.Errorf("after a restart it shows\n%s\nwant\n%s", got, want)
	}
	if got := priorityOf(t, s, "n1", "k00011", "k00011~"); got != 9 {
		t.Errorf("what was released and registered again has priority %d", got)
	}
	checkAndClose(t, s)
}

// TestRepair_WithoutAChunk: where images are lost, what is in place of their
// entries is older than the context. It must not be taken for all that the replica
// knew, or what others have written would be taken for closed.
func TestRepair_WithoutAChunk(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1, Cluster: "c1", freshMax: 2})
	write(t, s, register("n1", "a", "b", 1))
	write(t, s, register("n1", "c", "d", 1)) // puts both in their places
	other := openTest(t, t.TempDir(), Options{journalPages: -1, Cluster: "c1", Node: "n2"})
	write(t, other, register("n1", "a", "b", 7))
	view(t, other, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			_, err := s.Update(delta.Env{}, func(c *delta.Commit) error { _, err := c.Receive(p); return err })
			return err
		})
	})
	trimAll(t, s)
	var inPlace, newest []byte
	view(t, s, func(v *View) (err error) {
		k := delta.ClaimKey(claim("n1", "a", "b"))
		stored, err := v.tables.entries.get([]byte(k))
		inPlace, newest = bytes.Clone(stored), v.state.fresh.get(k).payload()
		return err
	})
	if inPlace == nil || bytes.Equal(inPlace, newest) {
		t.Fatalf("in place is %x, newer %x", inPlace, newest)
	}
	s.Close()
	spoil(t, dir, string(newest[:len(newest)-1]))
	_, r := repairOf(t, dir, backupOf(t, other))
	view(t, r, func(v *View) error {
		e, err := v.Get(delta.ClaimKey(claim("n1", "a", "b")))
		if len(e.Counter) != 2 {
			t.Errorf("it has %v, not what is in the backup and what is in place", e.Counter)
		}
		return err
	})
}

// TestRepair_OfManyNewestEntries: the images that are left are what they were, also
// where they take many pages and others are read after them.
func TestRepair_OfManyNewestEntries(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1, Cluster: "c1"})
	const claims = 3000
	write(t, s, registerMany(0, claims, 1)...)
	for i := range 700 {
		at := i * 7919 % claims
		write(t, s, registerMany(at, at+1, int64(2+at))...)
	}
	if err := s.SetNote("lost", []byte("what is spoiled")); err != nil {
		t.Fatal(err)
	}
	if o, _ := overlayOf(t, s); o.next-o.first < 100 {
		t.Fatalf("only %d chunks", o.next-o.first)
	}
	want := payloadsOf(t, s)
	trimAll(t, s)
	s.Close()
	spoil(t, dir, "what is spoile")
	other := openTest(t, t.TempDir(), Options{journalPages: -1, Cluster: "c1", Node: "n2"})
	_, r := repairOf(t, dir, backupOf(t, other))
	mustKeep(t, r, want)
}

// mustKeep compares what a repair has made with what was intact.
func mustKeep(t *testing.T, r *Store, want map[delta.Key]string) {
	t.Helper()
	got, missing, wrong := payloadsOf(t, r), 0, 0
	for k, payload := range want {
		switch found, ok := got[k]; {
		case !ok:
			missing++
		case found != payload:
			wrong++
		}
	}
	if missing+wrong > 0 {
		t.Errorf("of %d entries, all of them intact, %d are missing and %d are what they were not", len(want), missing, wrong)
	}
}

// TestRepair_OfImagesInTheTail: they are kept, also where no event says the same.
func TestRepair_OfImagesInTheTail(t *testing.T) {
	dir, peer := t.TempDir(), newMemory(2)
	s := openTest(t, dir, Options{journalPages: -1, Cluster: "c1"})
	if _, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "a", "m", 1)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	answer := wholeOf(t, peer)
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error { return c.Take(answer) })
	if err := errors.Join(err, s.SetNote("lost", []byte("what is spoiled"))); err != nil {
		t.Fatal(err)
	}
	if s.state.moved == s.state.fresh.next {
		t.Fatal("the tail has no images")
	}
	want := payloadsOf(t, s)
	s.Close()
	spoil(t, dir, "what is spoile")
	other := openTest(t, t.TempDir(), Options{journalPages: -1, Cluster: "c1", Node: "n2"})
	_, r := repairOf(t, dir, backupOf(t, other))
	mustKeep(t, r, want)
}

// payloadsOf returns what is stored of each entry.
func payloadsOf(t *testing.T, s *Store) map[delta.Key]string {
	t.Helper()
	out := map[delta.Key]string{}
	view(t, s, func(v *View) error {
		return v.Scan(delta.Whole, func(e delta.Entry) error { out[e.Key] = string(delta.EncodeEntry(e)); return nil })
	})
	return out
}
