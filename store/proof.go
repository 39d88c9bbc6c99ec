package store

import (
	"errors"
	"hash/crc32"
	"io"
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
//	S12 What is confirmed is never taken back. A transaction is confirmed when it
//	    has been the last for a moment, when the file is closed, and when it is
//	    opened; and the next one begins only when it is on disk.
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

// readHeads reads the heads of a file. What is damaged, or cannot be read, has its
// error.
func readHeads(file io.ReaderAt) *heads {
	h := &heads{}
	for slot := range h {
		x := &h[slot]
		x.page = make(page, pageBytes)
		if _, x.err = file.ReadAt(x.page, int64(slot)*pageBytes); x.err != nil {
			continue
		}
		x.head, x.err = parseHead(x.page, uint64(slot))
		x.proof, x.proven = decodeProof(x.page[proofOffset:])
		if b, ok := opened(x.page[confirmationOffset:confirmationOffset+confirmationBytes], confirmationMagic); ok {
			x.confirmed, x.hasConfirmation = native.Uint64(b[8:]), true
		}
	}
	return h
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
