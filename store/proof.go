package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// bbolt ends a transaction by writing its pages, waiting for the disk, writing
// one of the two heads of the file, and waiting again. Here it waits once, for
// both: with the head goes a proof of what the pages hold. Should the power fail
// in that wait, the disk may have the head without some of the pages; then the
// proof does not hold, and the file goes back to the head before.
//
//	S11 A head is gone on from only if all that its transaction wrote is there:
//	    it is confirmed, or its proof holds. If not, the other head is, whose
//	    transaction was on disk before this one began, and none of whose pages
//	    it has touched.
//	S12 What is confirmed is never taken back. A transaction is confirmed by the
//	    next one, when it has been the last for a moment, when the file is closed,
//	    and when it is opened.
//
// So what is taken back was not acknowledged, unless its pages were damaged after
// that and before it was confirmed: the disk would have to lose, within the
// second, what it has said is there.
//
// A proof names the transaction, the pages that it wrote, and their checksum. It
// stands behind the head that it goes with; where there are too many pages for
// that, the transaction is confirmed with a flush of its own before anybody is
// told of it. A confirmation names a transaction, and stands in the pages of both
// heads. bbolt empties the rest of a head's page when it writes the head. A file
// whose heads have neither was written by bbolt alone, which waits twice.
//
// The pages that a transaction wrote are those that are used now and belonged to
// nothing before: bbolt writes to no page that is in use, and gives none away
// that the transaction itself has set free. What lies behind a page that is not
// new is not new either.
const (
	confirmationOffset = 96
	confirmationBytes  = 24
	confirmationMagic  = 0x316d72666e6f4373 // "sConfrm1"
	proofOffset        = 128
	proofHeadBytes     = 32
	proofMagic         = 0x31666f6f72507373 // "ssProof1"
	runBytes           = 8
	runsMax            = (pageBytes - proofOffset - proofHeadBytes - sumBytes) / runBytes
	sumBytes           = 8
)

// proof says what a transaction wrote.
type proof struct {
	transaction uint64
	runs        []run
	sum         uint32
}

// run is pages that follow each other.
type run struct{ from, pages uint32 }

func (p proof) encode() []byte {
	b := make([]byte, 0, proofHeadBytes+runBytes*len(p.runs)+sumBytes)
	for _, x := range []uint64{proofMagic, p.transaction, uint64(len(p.runs)), uint64(p.sum)} {
		b = native.AppendUint64(b, x)
	}
	for _, r := range p.runs {
		b = native.AppendUint32(native.AppendUint32(b, r.from), r.pages)
	}
	return sealed(b)
}

// decodeProof returns the proof that stands in the page of a head, if one does.
func decodeProof(b []byte) (p proof, ok bool) {
	n := native.Uint64(b[16:])
	if n > runsMax {
		return proof{}, false
	}
	if b, ok = opened(b[:proofHeadBytes+runBytes*n+sumBytes], proofMagic); !ok {
		return proof{}, false
	}
	p = proof{transaction: native.Uint64(b[8:]), sum: uint32(native.Uint64(b[24:]))}
	for b = b[proofHeadBytes:]; len(b) > 0; b = b[runBytes:] {
		p.runs = append(p.runs, run{native.Uint32(b), native.Uint32(b[4:])})
	}
	return p, true
}

// holds reports whether a file has the pages as they were written. visit is shown
// them, if it is not nil.
func (p proof) holds(file io.ReaderAt, visit func(id uint64, b []byte) error) (bool, error) {
	sum, buffer := uint32(0), make([]byte, pageBytes)
	for _, r := range p.runs {
		for i := range r.pages {
			id := uint64(r.from) + uint64(i)
			switch _, err := file.ReadAt(buffer, int64(id)*pageBytes); {
			case errors.Is(err, io.EOF):
				return false, nil
			case err != nil:
				return false, err
			}
			sum = crc32.Update(sum, castagnoli, buffer)
			if visit == nil {
				continue
			}
			if err := visit(id, buffer); err != nil {
				return false, err
			}
		}
	}
	return sum == p.sum, nil
}

func encodeConfirmation(transaction uint64) []byte {
	b := native.AppendUint64(make([]byte, 0, confirmationBytes), confirmationMagic)
	return sealed(native.AppendUint64(b, transaction))
}

// sealed appends a checksum.
func sealed(b []byte) []byte {
	return native.AppendUint64(b, uint64(crc32.Checksum(b, castagnoli)))
}

// opened returns what sealed was given, if it begins with magic.
func opened(b []byte, magic uint64) ([]byte, bool) {
	content, sum := b[:len(b)-sumBytes], native.Uint64(b[len(b)-sumBytes:])
	ok := native.Uint64(content) == magic && sum == uint64(crc32.Checksum(content, castagnoli))
	return content, ok
}

// headPage is a head with what stands beside it.
type headPage struct {
	page   page
	head   fileHead
	proof  proof
	err    error // of the head
	proven bool  // it has a proof
	// confirmed is the transaction that is confirmed here, if hasConfirmation.
	confirmed       uint64
	hasConfirmation bool
}

// heads are both heads of a file.
type heads [2]headPage

// readHeads reads the heads of a file. What is damaged has its error.
func readHeads(file io.ReaderAt) (*heads, error) {
	h := &heads{}
	for slot := range h {
		x := &h[slot]
		x.page = make(page, pageBytes)
		if _, err := file.ReadAt(x.page, int64(slot)*pageBytes); err != nil {
			return nil, fmt.Errorf("read the heads: %w", err)
		}
		x.head, x.err = parseHead(x.page, uint64(slot))
		x.proof, x.proven = decodeProof(x.page[proofOffset:])
		if b, ok := opened(x.page[confirmationOffset:confirmationOffset+confirmationBytes], confirmationMagic); ok {
			x.confirmed, x.hasConfirmation = native.Uint64(b[8:]), true
		}
	}
	return h, nil
}

// areWhole reports whether both can be read.
func (h *heads) areWhole() bool { return h[0].err == nil && h[1].err == nil }

// newest returns the slot of the newer head, of two whole ones.
func (h *heads) newest() int {
	if h[1].head.transaction > h[0].head.transaction {
		return 1
	}
	return 0
}

// isConfirmed reports whether the newer head is known to be whole, or was written
// by bbolt alone.
func (h *heads) isConfirmed() bool {
	last := h[h.newest()].head.transaction
	isOurs := false
	for _, x := range h {
		if x.hasConfirmation && x.confirmed >= last {
			return true
		}
		isOurs = isOurs || x.proven || x.hasConfirmation
	}
	return !isOurs
}

// isTorn reports whether the newer head has to be given up (S11). Damage of other
// kinds is for the walker to find.
func (h *heads) isTorn(file io.ReaderAt) (bool, error) {
	if !h.areWhole() || h.isConfirmed() {
		return false, nil
	}
	slot := h.newest()
	last := &h[slot]
	if last.head.transaction == h[1-slot].head.transaction {
		return false, nil // there is nothing to go back to
	}
	if !last.proven || last.proof.transaction != last.head.transaction {
		return true, nil
	}
	holds, err := last.proof.holds(file, nil)
	return !holds, err
}

// prover makes proofs of the transactions of one file, one after the other.
type prover struct {
	file io.ReaderAt
	// free are the pages that belonged to nothing after the last transaction,
	// ascending, pages how many there were in all.
	free  []uint64
	pages uint64

	// Of the proof that is being made.
	head    fileHead
	found   proof
	buffers []page // by depth
}

var errPages = errors.New("its pages are not in order")

// follow has the next proof be that of what follows a head.
func (p *prover) follow(head fileHead) error {
	p.head = head
	list, err := p.read(head.freelist, pageFreelist, 0)
	if err != nil {
		return err
	}
	return p.setFree(list)
}

func (p *prover) setFree(list page) error {
	ids, err := list.ids()
	if err != nil {
		return err
	}
	p.free, p.pages = p.free[:0], p.head.pages
	for ; len(ids) > 0; ids = ids[8:] {
		p.free = append(p.free, native.Uint64(ids))
	}
	return nil
}

// proofOf returns the proof of a transaction. The next proof is that of what
// follows it. O(pages written and free).
func (p *prover) proofOf(head fileHead) (proof, error) {
	p.head = head
	p.found = proof{transaction: head.transaction, runs: p.found.runs[:0]}
	if err := p.tree(head.root, 0, true); err != nil {
		return proof{}, err
	}
	list, err := p.read(head.freelist, pageFreelist, 0)
	if err != nil {
		return proof{}, err
	}
	if p.isNew(head.freelist) {
		p.add(head.freelist, list)
	}
	return p.found, p.setFree(list)
}

func (p *prover) isNew(id uint64) bool {
	if id >= p.pages {
		return true
	}
	_, isFree := slices.BinarySearch(p.free, id)
	return isFree
}

// add takes a page into the proof, with those that continue it.
func (p *prover) add(id uint64, x page) {
	p.found.sum = crc32.Update(p.found.sum, castagnoli, x)
	pages := uint32(len(x) / pageBytes)
	if n := len(p.found.runs); n > 0 && p.found.runs[n-1].from+p.found.runs[n-1].pages == uint32(id) {
		p.found.runs[n-1].pages += pages
		return
	}
	p.found.runs = append(p.found.runs, run{uint32(id), pages})
}

// tree adds what is new of a tree; of the outer one, the trees of its buckets.
func (p *prover) tree(id uint64, depth int, isOuter bool) error {
	if !p.isNew(id) {
		return nil
	}
	if depth >= depthMax {
		return errPages
	}
	x, err := p.read(id, pageBranch|pageLeaf, depth)
	if err != nil {
		return err
	}
	p.add(id, x)
	isLeaf := x.flags() == pageLeaf
	if isLeaf && !isOuter {
		return nil
	}
	at := x.elements()
	if at == 0 {
		return errPages
	}
	for i := range x.count() {
		e, end, err := x.element(i, at)
		if err != nil {
			return err
		}
		at = end
		switch {
		case !isLeaf:
			err = p.tree(e.child, depth+1, isOuter)
		case e.isBucket && len(e.value) >= bucketHeadBytes && native.Uint64(e.value) != 0:
			err = p.tree(native.Uint64(e.value), depth+1, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a page with those that continue it, into the buffer of a depth.
func (p *prover) read(id uint64, kinds uint16, depth int) (page, error) {
	for len(p.buffers) <= depth {
		p.buffers = append(p.buffers, make(page, pageBytes))
	}
	if id < 2 || id >= p.head.pages {
		return nil, errPages
	}
	x := p.buffers[depth][:pageBytes]
	if _, err := p.file.ReadAt(x, int64(id)*pageBytes); err != nil {
		return nil, err
	}
	bytes := (x.overflow() + 1) * pageBytes
	if x.id() != id || x.flags()&kinds == 0 || bytes > overflowBytesMax || bytes/pageBytes > p.head.pages-id {
		return nil, errPages
	}
	if bytes == pageBytes {
		return x, nil
	}
	if uint64(cap(x)) < bytes {
		x = make(page, bytes)
		p.buffers[depth] = x
	}
	x = x[:bytes]
	_, err := p.file.ReadAt(x, int64(id)*pageBytes)
	return x, err
}

// flusher commits the transactions of one file, each with one flush. It is used by
// who may write to the file.
type flusher struct {
	prover
	out    *os.File
	noSync bool
	// last is the last transaction.
	last        uint64
	isConfirmed bool
}

// newFlusher settles a file that nobody writes to, and follows its last
// transaction.
func newFlusher(path string, noSync bool) (*flusher, error) {
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("settle the heads: %w", err)
	}
	f := &flusher{prover: prover{file: out}, out: out, noSync: noSync}
	if err := f.settle(); err != nil {
		return nil, errors.Join(fmt.Errorf("settle the heads: %w", err), out.Close())
	}
	return f, nil
}

// settle has the disk take everything that is read of the file, and confirms it.
//
// The file may have been left between the writing of a head and the disk's word
// for it, by a fault or a killed process: then what the head leads to may be in
// the memory of the operating system only. After a failed fsync it may even be
// clean there, so that no later fsync would write it. So it is written again:
// the pages first, since the confirmation must not be there without them.
func (f *flusher) settle() error {
	h, err := readHeads(f.file)
	switch {
	case err != nil:
		return err
	case !h.areWhole():
		return errors.Join(h[0].err, h[1].err)
	}
	last := h[h.newest()].head
	if !h.isConfirmed() {
		if err := f.rewrite(h[h.newest()].proof); err != nil {
			return err
		}
	}
	if err := f.follow(last); err != nil {
		return err
	}
	for slot, x := range h {
		if _, err := f.out.WriteAt(x.page, int64(slot)*pageBytes); err != nil {
			return err
		}
	}
	f.last, f.isConfirmed = last.transaction, false
	return f.confirm()
}

// rewrite writes the pages of a transaction once more.
func (f *flusher) rewrite(p proof) error {
	_, err := p.holds(f.file, func(id uint64, b []byte) error {
		_, err := f.out.WriteAt(b, int64(id)*pageBytes)
		return err
	})
	if err != nil {
		return err
	}
	return f.sync()
}

// commit makes a transaction durable. If it fails, what is on disk is not known.
func (f *flusher) commit(tx *bbolt.Tx) error {
	id := uint64(tx.ID())
	tx.DB().NoSync = true // nothing else is written by this database meanwhile
	if err := tx.Commit(); err != nil {
		return err
	}
	if err := f.prove(id); err != nil {
		return err
	}
	return f.sync()
}

// prove writes the proof of the transaction that bbolt has just written, or
// confirms it where that has no room.
func (f *flusher) prove(id uint64) error {
	slot := id % 2
	x, err := f.headAt(slot)
	switch {
	case err != nil:
		return err
	case x.transaction != id:
		return fmt.Errorf("%w: head %d is of transaction %d, not %d", ErrCorrupt, slot, x.transaction, id)
	}
	found, err := f.proofOf(x)
	if err != nil {
		return err
	}
	f.last, f.isConfirmed = id, false
	if len(found.runs) > runsMax {
		if err := f.sync(); err != nil {
			return err
		}
		return f.confirm()
	}
	_, err = f.out.WriteAt(found.encode(), int64(slot)*pageBytes+proofOffset)
	return err
}

func (f *flusher) headAt(slot uint64) (fileHead, error) {
	var b [headEnd]byte
	if _, err := f.file.ReadAt(b[:], int64(slot)*pageBytes); err != nil {
		return fileHead{}, err
	}
	return parseHead(b[:], slot)
}

// confirm notes in both heads that the last transaction is on disk (S12).
func (f *flusher) confirm() error {
	if f.isConfirmed {
		return nil
	}
	for slot := range int64(2) {
		if _, err := f.out.WriteAt(encodeConfirmation(f.last), slot*pageBytes+confirmationOffset); err != nil {
			return err
		}
	}
	if err := f.sync(); err != nil {
		return err
	}
	f.isConfirmed = true
	return nil
}

func (f *flusher) sync() error {
	if f.noSync {
		return nil
	}
	return datasync(f.out)
}

func (f *flusher) close() error { return f.out.Close() }
