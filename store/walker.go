package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// walker reads all pages of a file that nobody has vouched for, without bbolt:
// on damage bbolt panics, touches memory outside the file, or runs in circles
// until memory is used up, which no recover ends. The walker checks every page
// number, position and length before it uses it and takes no page twice, so it
// ends after at most one visit of each page. What it finds nothing wrong with
// bbolt can read:
//
//	W1  both heads are whole
//	W2  every page belongs to exactly one thing: the heads, the freelist, one
//	    place in one tree, or, according to the freelist, nothing
//	W3  keys ascend within a bucket, and lie where the branches lead to
//
// It also verifies the checksum of every value (S3), but of the journal only that it is
// where the format says: its frames are sealed each, see readRing.
//
// W1 is stricter than bbolt, which goes on from the older head if the newer is
// damaged: the last transaction would be gone without a word, and its event
// numbers would be used again.
type walker struct {
	file  io.ReaderAt
	size  int64
	head  fileHead
	taken []uint64 // a bit for each page
	leaf  page     // reused
	last  []byte   // the last key of the bucket so far
	depth int

	// ring are the pages of the journal, nil if there are none, or they were not found.
	ring []byte
	// value is called for every value whose checksum is right, ascending in
	// each bucket; key and payload are valid until it returns. Optional.
	value func(bucket string, key, payload []byte) error
	// structure and values are what is wrong, in words.
	structure, values []string
}

const (
	// depthMax bounds how deep a tree is; one of 2⁶⁴ pages is less deep.
	depthMax = 64
	// overflowBytesMax bounds a page with those that continue it: the largest
	// value that is stored, and its key.
	overflowBytesMax = 1 << 28
)

// walk reads a whole file. An error is one of opening it, or of value; damage,
// pages that cannot be read among it, is in structure and values.
func (w *walker) walk(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.file, w.size = f, info.Size()
	if !w.readHeads() {
		return nil
	}
	w.taken = make([]uint64, w.head.pages/64+1)
	w.take(0, 1)
	w.take(1, 1)
	w.readFreelist()
	if err := w.readRoot(); err != nil {
		return err
	}
	w.account()
	return nil
}

func (w *walker) damaged(format string, args ...any) {
	if len(w.structure) < problemsMax {
		w.structure = append(w.structure, fmt.Sprintf(format, args...))
	}
}

// readHeads finds the newer head. It reports whether there is one to go on
// from.
func (w *walker) readHeads() bool {
	if w.size < headBytes {
		w.damaged("the file has %d bytes, too few for its two heads", w.size)
		return false
	}
	found := false
	for slot, x := range readHeads(w.file) {
		switch {
		case x.err != nil:
			w.damaged("head %d of 2 is damaged (%v): what was written last may be missing", slot+1, x.err)
		case !found || x.head.transaction > w.head.transaction:
			w.head, found = x.head, true
		}
	}
	if have := uint64(w.size) / pageBytes; found && w.head.pages > have {
		w.damaged("the file is truncated: it has %d of %d bytes", w.size, w.head.pages*pageBytes)
		w.head.pages = have
	}
	return found
}

// take marks pages as belonging to something, and reports whether they exist
// and belonged to nothing.
func (w *walker) take(id, n uint64) bool {
	if n > w.head.pages || id > w.head.pages-n {
		w.damaged("page %d is used, but there are only %d", id, w.head.pages)
		return false
	}
	for i := id; i < id+n; i++ {
		if w.taken[i/64]&(1<<(i%64)) != 0 {
			w.damaged("page %d is used twice", i)
			return false
		}
		w.taken[i/64] |= 1 << (i % 64)
	}
	return true
}

// read reads a page of some kinds with those that continue it, into the buffer
// if it fits. It returns nil if there is none.
func (w *walker) read(id uint64, kinds uint16, buffer page) page {
	if id < 2 || id >= w.head.pages {
		w.damaged("page %d is used, but pages are from 2 to %d", id, w.head.pages-1)
		return nil
	}
	var head [pageHeadBytes]byte
	if _, err := w.file.ReadAt(head[:], int64(id)*pageBytes); err != nil {
		w.damaged("page %d cannot be read: %v", id, err)
		return nil
	}
	p := page(head[:])
	bytes := (p.overflow() + 1) * pageBytes
	switch flags := p.flags(); {
	case p.id() != id:
		w.damaged("page %d says that it is page %d", id, p.id())
		return nil
	case flags&kinds == 0 || flags&(flags-1) != 0:
		w.damaged("page %d is of kind %x, not what is expected here", id, flags)
		return nil
	case bytes > overflowBytesMax:
		w.damaged("page %d has %d bytes", id, bytes)
		return nil
	case !w.take(id, bytes/pageBytes):
		return nil
	}
	if uint64(cap(buffer)) < bytes {
		buffer = make(page, bytes)
	}
	buffer = buffer[:bytes]
	if _, err := w.file.ReadAt(buffer, int64(id)*pageBytes); err != nil {
		w.damaged("page %d cannot be read: %v", id, err)
		return nil
	}
	return buffer
}

// readFreelist takes the pages that belong to nothing.
func (w *walker) readFreelist() {
	p := w.read(w.head.freelist, pageFreelist, nil)
	if p == nil {
		return
	}
	ids, err := p.ids()
	if err != nil {
		w.damaged("%v", err)
		return
	}
	before := uint64(1)
	for ; len(ids) > 0; ids = ids[8:] {
		id := native.Uint64(ids)
		if id <= before {
			w.damaged("the freelist has page %d after page %d", id, before)
			return
		}
		if !w.take(id, 1) {
			return
		}
		before = id
	}
}

// readRoot reads the tree of buckets, and each of them.
func (w *walker) readRoot() error {
	return w.readTree(w.head.root, bounds{}, func(e element) error {
		if !e.isBucket {
			w.damaged("%q is no bucket", e.key)
			return nil
		}
		// Of the outer tree, to go on after the bucket.
		outer := w.last
		w.last = nil
		err := w.readBucket(string(e.key), bytes.Clone(e.value))
		w.last = outer
		return err
	})
}

func (w *walker) readBucket(name string, value []byte) error {
	visit := func(e element) error {
		if e.isBucket {
			w.damaged("the bucket %s holds the bucket %q", name, e.key)
			return nil
		}
		payload, problem := tryUnseal(name, e.key, e.value)
		switch {
		case problem == "" && w.value != nil:
			return w.value(name, e.key, payload)
		case problem != "" && len(w.values) < problemsMax:
			w.values = append(w.values, problem)
		}
		return nil
	}
	if len(value) < bucketHeadBytes {
		w.damaged("the bucket %q has %d bytes", name, len(value))
		return nil
	}
	root := native.Uint64(value)
	if root != 0 && name == bucketJournal {
		w.readRing(root)
		return nil
	}
	if root != 0 {
		return w.readTree(root, bounds{}, visit)
	}
	p := page(value[bucketHeadBytes:])
	if len(p) < pageHeadBytes || p.id() != 0 || p.flags() != pageLeaf || p.overflow() != 0 ||
		p.count() == 0 && len(p) > pageHeadBytes {
		w.damaged("the only page of the bucket %q is none", name)
		return nil
	}
	if name == bucketJournal && p.count() > 0 {
		w.damaged("the journal has no pages of its own")
		return nil
	}
	return w.readLeaf(p, bounds{}, visit)
}

// readRing finds the pages of the journal: those that continue a leaf with one key.
func (w *walker) readRing(id uint64) {
	p := w.read(id, pageLeaf, nil)
	if p == nil {
		return
	}
	var e element
	end, err := uint64(0), errPacking
	if p.count() == 1 {
		e, end, err = p.element(0, p.elements())
	}
	switch {
	case err != nil || e.isBucket || string(e.key) != ringKey:
		w.damaged("page %d is not that of the journal", id)
	case end != uint64(len(p)) || len(p) == pageBytes:
		w.damaged("the journal has %d bytes in the %d of its pages", len(e.value), len(p))
	default:
		w.ring = p[pageBytes:]
	}
}

// bounds say where the keys of a page lie: from on, and before to unless that
// is nil.
type bounds struct{ from, to []byte }

func (b bounds) contain(key []byte) bool {
	return bytes.Compare(key, b.from) >= 0 && (b.to == nil || bytes.Compare(key, b.to) < 0)
}

func (w *walker) readTree(id uint64, b bounds, visit func(element) error) error {
	if w.depth == depthMax {
		w.damaged("page %d lies deeper than any tree is", id)
		return nil
	}
	w.depth++
	defer func() { w.depth-- }()
	// One buffer serves all leaves, but not the outer tree within which a
	// bucket is read.
	buffer := w.leaf
	w.leaf = nil
	p := w.read(id, pageBranch|pageLeaf, buffer)
	if p == nil {
		w.leaf = buffer
		return nil
	}
	if p.count() == 0 && id != w.head.root {
		// bbolt keeps an empty bucket without a page of its own.
		w.damaged("page %d has no elements", id)
	}
	if p.flags() == pageLeaf {
		err := w.readLeaf(p, b, visit)
		w.leaf = p
		return err
	}
	return w.readBranch(p, b, visit)
}

func (w *walker) readBranch(p page, b bounds, visit func(element) error) error {
	at := p.elements()
	if at == 0 || p.count() == 0 {
		w.damaged("page %d has %d elements", p.id(), p.count())
		return nil
	}
	children := make([]element, p.count())
	for i := range children {
		e, end, err := p.element(i, at)
		switch {
		case err != nil:
			w.damaged("page %d: %v", p.id(), err)
			return nil
		case !b.contain(e.key) || i > 0 && bytes.Compare(children[i-1].key, e.key) >= 0:
			w.damaged("page %d: its key %x is out of order", p.id(), e.key)
			return nil
		}
		children[i], at = e, end
	}
	for i, e := range children {
		within := bounds{e.key, b.to}
		if i+1 < len(children) {
			within.to = children[i+1].key
		}
		if err := w.readTree(e.child, within, visit); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) readLeaf(p page, b bounds, visit func(element) error) error {
	at := p.elements()
	if at == 0 {
		w.damaged("page %d has %d elements, more than it has room for", p.id(), p.count())
		return nil
	}
	for i := range p.count() {
		e, end, err := p.element(i, at)
		if err != nil {
			w.damaged("page %d: %v", p.id(), err)
			return nil
		}
		at = end
		if !b.contain(e.key) || w.last != nil && bytes.Compare(w.last, e.key) >= 0 {
			w.damaged("page %d: its key %x is out of order", p.id(), e.key)
			continue
		}
		w.last = append(w.last[:0], e.key...)
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// account reports pages that belong to nothing. Where pages were damaged, what
// they led to is missing anyway.
func (w *walker) account() {
	if len(w.structure) > 0 {
		return
	}
	for id := range w.head.pages {
		if w.taken[id/64]&(1<<(id%64)) == 0 {
			w.damaged("page %d belongs to nothing", id)
			return
		}
	}
}

// problem returns the first of what is wrong, wrapped in ErrCorrupt, or nil.
func firstProblem(path string, found []string) error {
	switch n := len(found); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: %s: %s; %s", ErrCorrupt, path, found[0], adviceDamaged)
	default:
		return fmt.Errorf("%w: %s: %s, and %d more; %s", ErrCorrupt, path, found[0], n-1, adviceDamaged)
	}
}

// adviceDamaged says what to do about a damaged file.
const adviceDamaged = "`ssnode check` tells more, `ssnode repair --from` rebuilds it from another node or a backup"
