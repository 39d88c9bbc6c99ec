package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// images are a file after one acknowledged update, and after the next.
type images struct{ before, after []byte }

// openLarge opens a store whose buckets have pages of their own.
func openLarge(t *testing.T) *Store {
	t.Helper()
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	var all []delta.Operation
	for n := range 1000 {
		all = append(all, register(fmt.Sprintf("n%d", n), "a", "m", 1))
	}
	write(t, s, all...)
	for n := range 60 {
		write(t, s, register(fmt.Sprintf("n%d", n), "a", "m", 2))
	}
	return s
}

// takeImages returns those of the last two of some updates.
func takeImages(t *testing.T, updates int) images {
	t.Helper()
	s := openLarge(t)
	var i images
	for n := range updates {
		i.before = i.after
		write(t, s, register(fmt.Sprintf("n%d", 100*n), "a", "m", int64(n+3)))
		i.after = contentOf(t, s.Path())
	}
	return i
}

// takeImagesOfMany returns those of an update that is too large for the tail.
func takeImagesOfMany(t *testing.T) images {
	t.Helper()
	s := openLarge(t)
	i := images{before: contentOf(t, s.Path())}
	var many []delta.Operation
	for n := range 20 {
		many = append(many, register(fmt.Sprintf("n%d", 100*n), "a", "m", 3))
	}
	write(t, s, many...)
	i.after = contentOf(t, s.Path())
	return i
}

// changed returns the pages that the last update wrote, heads left out.
func (i images) changed() []int {
	var out []int
	for page := 2; page < len(i.after)/pageBytes; page++ {
		from, to := page*pageBytes, (page+1)*pageBytes
		if to > len(i.before) || string(i.before[from:to]) != string(i.after[from:to]) {
			out = append(out, page)
		}
	}
	return out
}

// without returns the file after the last update, but for some of its pages.
func (i images) without(pages ...int) []byte {
	out := slices.Clone(i.after)
	for _, page := range pages {
		copy(out[page*pageBytes:(page+1)*pageBytes], i.before[page*pageBytes:])
	}
	return out
}

// directoryOf returns a directory with a file.
func directoryOf(t *testing.T, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), content, fileMode); err != nil {
		t.Fatal(err)
	}
	return dir
}

// summaryOf opens a file and returns what it holds.
func summaryOf(t *testing.T, content []byte) (*Summary, bool) {
	t.Helper()
	s := openTest(t, directoryOf(t, content), Options{})
	defer checkAndClose(t, s)
	return s.Summary(), s.TookBack()
}

// TestOpen_TornTransaction_IsTakenBack: S11, with each page and each pair of pages
// of a transaction missing that its head is there without.
func TestOpen_TornTransaction_IsTakenBack(t *testing.T) {
	i := takeImagesOfMany(t)
	before, _ := summaryOf(t, i.before)
	after, tookBack := summaryOf(t, i.after)
	if tookBack || after.Fingerprint == before.Fingerprint {
		t.Fatalf("whole, it is taken back: %v", tookBack)
	}
	pages := i.changed()
	if len(pages) < 3 {
		t.Fatalf("the update wrote the pages %v; the test needs more", pages)
	}
	for n, a := range pages {
		for _, b := range pages[n:] {
			if got, tookBack := summaryOf(t, i.without(a, b)); !tookBack || got.Fingerprint != before.Fingerprint {
				t.Errorf("without the pages %d and %d: taken back %v", a, b, tookBack)
			}
		}
	}
}

// TestOpen_TornTransaction_IsOnlyTakenBackToWrite: who only reads changes nothing,
// and says what has happened.
func TestOpen_TornTransaction_IsOnlyTakenBackToWrite(t *testing.T) {
	i := takeImages(t, 3)
	dir := directoryOf(t, i.without(i.changed()[0]))
	if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, ErrCorrupt) || !errors.Is(err, errTorn) {
		t.Errorf("to read it: %v", err)
	}
	problems, err := Check(dir)
	if err != nil || len(problems) != 1 || !strings.Contains(string(problems[0]), "`ssnode run` takes it back") {
		t.Errorf("check: %v, %v", problems, err)
	}
}

// TestOpen_NoProof_IsTakenBack: a process may end between the head and its proof.
func TestOpen_NoProof_IsTakenBack(t *testing.T) {
	i := takeImages(t, 3)
	before, _ := summaryOf(t, i.before)
	h := readHeads(bytes.NewReader(i.after))
	content := slices.Clone(i.after)
	clear(content[h.newest()*pageBytes+headEnd : (h.newest()+1)*pageBytes])
	if got, tookBack := summaryOf(t, content); !tookBack || got.Fingerprint != before.Fingerprint {
		t.Errorf("taken back %v", tookBack)
	}
}

// TestOpen_ConfirmedTransaction_IsNeverTakenBack: S12. What is damaged then is
// told, and left as it is.
func TestOpen_ConfirmedTransaction_IsNeverTakenBack(t *testing.T) {
	for name, confirm := range map[string]func(*Store) error{
		"Confirm": (*Store).Confirm,
		"Close":   (*Store).Close,
	} {
		t.Run(name, func(t *testing.T) {
			s := openLarge(t)
			before := contentOf(t, s.Path())
			write(t, s, register("n200", "a", "m", 3))
			if err := confirm(s); err != nil {
				t.Fatal(err)
			}
			i := images{before, contentOf(t, s.Path())}
			refused := 0
			for _, page := range i.changed() {
				content := i.without(page)
				dir := directoryOf(t, content)
				damaged, err := Open(dir, Options{})
				if err == nil { // for Check to find: an opening does not look at all
					if damaged.TookBack() {
						t.Errorf("without page %d it is taken back", page)
					}
					damaged.Close()
					continue
				}
				if refused++; !errors.Is(err, ErrCorrupt) {
					t.Errorf("without page %d: %v", page, err)
				}
				if got := contentOf(t, filepath.Join(dir, FileName)); string(got) != string(content) {
					t.Errorf("without page %d: the file was changed", page)
				}
			}
			if refused == 0 {
				t.Error("no page was missed")
			}
		})
	}
}

// TestFlusher_Commit_ProofWithoutRoom: then what is acknowledged is confirmed.
func TestFlusher_Commit_ProofWithoutRoom(t *testing.T) {
	i := func() images {
		s := openLarge(t)
		s.flusher.runsMax = 0 // two pages may be next to each other
		var i images
		for n := range 5 {
			write(t, s, register(fmt.Sprintf("n%d", 100*n), "a", "m", 3))
			if !s.flusher.isConfirmed {
				t.Fatal("an update is acknowledged that has neither proof nor confirmation")
			}
			i.before, i.after = i.after, contentOf(t, s.Path())
		}
		return i
	}()
	after, tookBack := summaryOf(t, i.after)
	if before, _ := summaryOf(t, i.before); tookBack || after.Fingerprint == before.Fingerprint {
		t.Errorf("taken back %v", tookBack)
	}
}
