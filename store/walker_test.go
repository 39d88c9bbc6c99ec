package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// inlinePages returns where the pages of inline buckets begin in a file, by the
// names of the buckets, and the page that holds them.
func inlinePages(t *testing.T, content []byte) (root uint64, at map[string]int) {
	t.Helper()
	w := &walker{file: bytes.NewReader(content), size: int64(len(content))}
	if !w.readHeads() {
		t.Fatal(w.structure)
	}
	p := page(content[w.head.root*pageBytes : (w.head.root+1)*pageBytes])
	at = map[string]int{}
	end := p.elements()
	for i := range p.count() {
		e, next, err := p.element(i, end)
		if err != nil {
			t.Fatal(err)
		}
		if native.Uint64(e.value) == 0 {
			at[string(e.key)] = int(w.head.root)*pageBytes + int(next) - len(e.value) + bucketHeadBytes
		}
		end = next
	}
	return w.head.root, at
}

// TestWalker_NoticesAPageThatIsEmptied: a count that has become zero leaves no
// element that would be out of its place, and yet loses all of them.
func TestWalker_NoticesAPageThatIsEmptied(t *testing.T) {
	content, _, _ := flipFile(t)
	root, inline := inlinePages(t, content)
	counts := map[string]int{}
	for name, at := range inline {
		counts["inline bucket "+name] = at + 10
	}
	w := &walker{file: bytes.NewReader(content), size: int64(len(content))}
	if !w.readHeads() {
		t.Fatal(w.structure)
	}
	w.taken = make([]uint64, w.head.pages/64+1)
	w.readFreelist()
	for id := uint64(2); id < uint64(len(content)/pageBytes); id++ {
		if w.taken[id/64]&(1<<(id%64)) != 0 {
			continue // it belongs to nothing
		}
		if flags := page(content[id*pageBytes:]).flags(); flags == pageLeaf || flags == pageBranch {
			counts[fmt.Sprintf("page %d of %d", id, root)] = int(id)*pageBytes + 10
		}
	}
	if len(inline) < 3 || len(counts) < 7 {
		t.Fatalf("the test has only %v", counts)
	}
	dir := t.TempDir()
	for name, at := range counts {
		damaged := bytes.Clone(content)
		if native.Uint16(damaged[at:]) == 0 {
			continue // a bucket with nothing in it
		}
		native.PutUint16(damaged[at:], 0)
		if err := os.WriteFile(filepath.Join(dir, FileName), damaged, fileMode); err != nil {
			t.Fatal(err)
		}
		if problems, err := Check(dir); err != nil || len(problems) == 0 {
			t.Errorf("%s: check finds %q, %v", name, problems, err)
		}
		if s, err := Open(dir, Options{Node: "n1", NoSync: true}); err == nil {
			t.Errorf("%s: it opens", name)
			s.Close()
		}
	}
}
