package store

import (
	"errors"
	"fmt"
	"math"
	"os"

	"go.etcd.io/bbolt"
)

// flusher commits the transactions of one file, each with one flush. It is used by
// who may write to the file.
type flusher struct {
	prover
	out    *os.File
	noSync bool
	// runsMax is how many runs a proof has room for; tests lower it.
	runsMax int
	// last is the last transaction, slot that of its head.
	last        uint64
	slot        int64
	isConfirmed bool
}

// newFlusher settles a file that nobody writes to, and follows its last
// transaction.
func newFlusher(path string, noSync bool) (*flusher, error) {
	return openFlusher(path, noSync, (*flusher).settle)
}

// followConfirmed follows the last transaction of a file that nobody writes to, and
// which was just confirmed.
func followConfirmed(path string, noSync bool) (*flusher, error) {
	return openFlusher(path, noSync, func(f *flusher, _ *heads) error {
		f.isConfirmed = true
		return nil
	})
}

// confirmAll confirms the last transaction of a file that nobody writes to, and all
// of which is on disk.
func confirmAll(path string) error {
	f, err := openFlusher(path, false, func(f *flusher, _ *heads) error { return f.confirm() })
	if err != nil {
		return err
	}
	return f.close()
}

func openFlusher(path string, noSync bool, begin func(*flusher, *heads) error) (*flusher, error) {
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("settle the heads: %w", err)
	}
	f := &flusher{prover: prover{file: out}, out: out, noSync: noSync, runsMax: runsMax}
	h := readHeads(out)
	err = errors.Join(h[0].err, h[1].err)
	if err == nil {
		f.last, f.slot = h[h.newest()].head.transaction, int64(h.newest())
		err = f.follow(h[h.newest()].head)
	}
	if err == nil {
		err = begin(f, h)
	}
	if err != nil {
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
//
// Never are both heads on their way to the disk: it may spoil what it writes when
// the power fails.
func (f *flusher) settle(h *heads) error {
	slot := h.newest()
	if !h.isConfirmed() {
		if err := f.writeAgain(h[slot].proof); err != nil {
			return err
		}
	}
	if _, err := f.out.WriteAt(h[slot].page, int64(slot)*pageBytes); err != nil {
		return err
	}
	if err := f.sync(); err != nil {
		return err
	}
	if _, err := f.out.WriteAt(h[1-slot].page, int64(1-slot)*pageBytes); err != nil {
		return err
	}
	return f.confirm() // which begins behind that one, and waits
}

// writeAgain writes the pages of the last transaction once more. Whoever has found
// them whole may have found them in memory; they may be gone from there.
func (f *flusher) writeAgain(p proof) error {
	holds, err := p.holds(f.file, func(id uint64, b []byte) error {
		_, err := f.out.WriteAt(b, int64(id)*pageBytes)
		return err
	})
	switch {
	case err != nil:
		return err
	case !holds || p.transaction != f.last:
		return errTorn
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
	f.last, f.slot, f.isConfirmed = id, int64(slot), false
	if len(found.runs) > f.runsMax || x.pages > math.MaxUint32 {
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

// confirm notes behind both heads that the last transaction is on disk (S12), first
// behind the older one, as if the next transaction wrote it.
func (f *flusher) confirm() error {
	if f.isConfirmed {
		return nil
	}
	for _, slot := range []int64{1 - f.slot, f.slot} {
		if _, err := f.out.WriteAt(encodeConfirmation(f.last), slot*pageBytes+confirmationOffset); err != nil {
			return err
		}
		if err := f.sync(); err != nil {
			return err
		}
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
