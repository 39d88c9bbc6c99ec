package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// around writes and returns the file as it was before and after.
func around(t *testing.T, s *Store, operations ...delta.Operation) (before, after []byte) {
	t.Helper()
	before = contentOf(t, s.path)
	write(t, s, operations...)
	return before, contentOf(t, s.path)
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// lacking calls visit with a file for each page of its last transaction, in which
// that page is as it was before.
func lacking(t *testing.T, before, after []byte, visit func(image []byte)) {
	t.Helper()
	h := readHeads(bytes.NewReader(after))
	for _, r := range h[h.newest()].proof.runs {
		for id := int(r.from); id < int(r.from+r.pages); id++ {
			image := bytes.Clone(after)
			copy(image[id*pageBytes:][:pageBytes], before[id*pageBytes:])
			visit(image)
		}
	}
}

func isTornImage(t *testing.T, image []byte) bool {
	t.Helper()
	torn, err := readHeads(bytes.NewReader(image)).isTorn(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	return torn
}

// stale returns files with a torn transaction that salvage takes for whole: a page
// that the disk lacks is an older version of the same leaf.
func stale(t *testing.T, h *harmed) (images [][]byte) {
	s := openTest(t, h.dir, Options{Cluster: "c1", Node: "n1", freshMax: 40})
	defer s.Close()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		for i := range 6 { // claims come and go, half of them or all
			batch := registerMany(i%3*20, harmedClaims-i%2*20, int64(2000+8*round+i))
			if i%2 == 0 {
				for j := range batch {
					batch[j].Verb = delta.VerbRelease
				}
			}
			h.write(s, batch...)
		}
		h.pull(h.stores[1], s)
		trimAll(t, s)
		before, after := around(t, s, registerMany(0, harmedClaims, int64(2007+8*round))...)
		lacking(t, before, after, func(image []byte) {
			path := filepath.Join(directoryOf(t, image), FileName)
			if x, err := salvage(path); err == nil && x.isWhole && isTornImage(t, image) {
				images = append(images, image)
			}
		})
		h.pull(h.stores[1], s)
		if len(images) > 3 {
			break
		}
	}
	return images
}

// TestRepair_OfATornTransaction: what is in a stale leaf must not be said to be all
// that the contexts cover, or the other member takes the rest for closed, of what was
// acknowledged too.
func TestRepair_OfATornTransaction(t *testing.T) {
	h := newHarmed(t, rand.New(rand.NewPCG(1, 1)))
	images := stale(t, h)
	if len(images) > 0 {
		t.Errorf("%d torn files are salvaged as whole ones", len(images))
	}
	want := fmt.Sprint(payloadsOf(t, h.stores[1]))
	for i, image := range images {
		if err := os.WriteFile(filepath.Join(h.dir, FileName), image, fileMode); err != nil {
			t.Fatal(err)
		}
		if _, err := Repair(h.dir, h.backup, 1, Options{Node: "n1"}); err != nil {
			t.Fatal(err)
		}
		r := openTest(t, h.dir, Options{})
		h.session(h.stores[1], r)
		r.Close()
		if got := fmt.Sprint(payloadsOf(t, h.stores[1])); got != want {
			t.Fatalf("image %d: the other member loses what the disk lacked: %d bytes of %d are left", i, len(got), len(want))
		}
	}
}

// TestFlusher_Settle_DoesNotConfirmWhatIsTorn: an opening has found that the proof
// holds. But after a failed flush, pages that are clean in memory and not on disk may
// be gone by then.
func TestFlusher_Settle_DoesNotConfirmWhatIsTorn(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	before, after := around(t, s, registerMany(0, 50, 1)...)
	lacking(t, before, after, func(image []byte) {
		path := filepath.Join(directoryOf(t, image), FileName)
		f, err := newFlusher(path, true)
		if err != nil {
			return
		}
		_ = f.close()
		if readHeads(bytes.NewReader(contentOf(t, path))).isConfirmed() {
			t.Error("a torn transaction is confirmed")
		}
	})
}

// TestOpen_RefusedIsAsItWas: a file that is damaged elsewhere, too, keeps its last
// transaction. Its newer head leads to all that is left of what was acknowledged.
func TestOpen_RefusedIsAsItWas(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, registerMany(0, 200, 1)...)
	write(t, s, registerMany(0, 200, 2)...)
	_, after := around(t, s, register("n1", "z", "", 1)) // acknowledged, not confirmed
	h := readHeads(bytes.NewReader(after))
	last := &h[h.newest()]
	after[int(last.proof.runs[0].from)*pageBytes+pageBytes-1] ^= 1 // of the last transaction
	p := prover{file: bytes.NewReader(after), head: last.head}
	used := func(id int) bool {
		for _, r := range last.proof.runs {
			if uint32(id) >= r.from && uint32(id)-r.from < r.pages {
				return false
			}
		}
		x, err := p.read(uint64(id), pageLeaf, 0)
		return err == nil && x.count() > 1
	}
	if err := p.follow(last.head); err != nil {
		t.Fatal(err)
	}
	for id := 2; id < int(last.head.pages); id++ {
		if !p.isNew(uint64(id)) && used(id) {
			after[id*pageBytes+pageHeadBytes] ^= 0xff // and of one before
			break
		}
	}
	dir := directoryOf(t, after)
	was := tree(t, dir)
	if _, err := Open(dir, Options{MustExist: true, NoSync: true}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
	if tree(t, dir) != was {
		t.Error("a file that is refused was changed")
	}
}

func TestStore_TookBack_IsOfTheLastOpening(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	before, after := around(t, s, registerMany(0, 50, 1)...)
	h := readHeads(bytes.NewReader(after))
	at := int(h[h.newest()].proof.runs[0].from) * pageBytes
	copy(after[at:at+pageBytes], append(before, make([]byte, len(after))...)[at:])
	dir := directoryOf(t, after)
	fault := false
	x := openTest(t, dir, Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault {
			fault = false
			return errors.Join(errDisk, commit())
		}
		return commit()
	}})
	if !x.TookBack() {
		t.Fatal("nothing was taken back")
	}
	fault = true
	if _, err := tryWrite(x, register("n1", "a", "m", 1)); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if err := x.Reopen(); err != nil || x.TookBack() {
		t.Errorf("%v; Reopen took nothing back, TookBack: %v", err, x.TookBack())
	}
}
