package store

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// Stats are about the file. All but FreeBytes and FreePages cost nothing to know.
type Stats struct {
	// Bytes is the size of the file, FreeBytes how much of it holds nothing:
	// new pages go there first, and Rewrite gives it back.
	Bytes, FreeBytes uint64
	// FreePages is how many pages the list of free ones has, which every commit
	// writes: 8 bytes for each.
	FreePages int
	// LogRecords and LogBytes are what the log of deltas holds.
	LogRecords, LogBytes uint64
	// NewestEntries is how many images of entries the tables have, in the bucket fresh but
	// for some large ones, Unplaced how many of them count and wait for their places.
	NewestEntries, Unplaced uint64
	// JournalFrames is how many commits the journal has that the tables do not.
	JournalFrames uint64
}

// Stats returns the sizes as they are now. No pages are read. After a disk
// fault they are those before it, and FreeBytes and FreePages are not known.
func (s *Store) Stats() (Stats, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return Stats{}, fmt.Errorf("size of the store: %w", err)
	}
	stats, db, err := s.knownStats(uint64(info.Size()))
	if db == nil || err != nil {
		return stats, err
	}
	stats.FreePages, stats.FreeBytes, err = free(db, stats.Bytes)
	if err != nil {
		err = s.unless(err)
	}
	return stats, err
}

// knownStats returns what is known without the file, and the file if it can be
// used.
func (s *Store) knownStats(size uint64) (Stats, *bbolt.DB, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	known := s.journaled.over(s.state)
	stats := Stats{
		Bytes: size, LogRecords: known.logRecords, LogBytes: known.logBytes,
		NewestEntries: uint64(s.state.fresh.held()), Unplaced: uint64(s.state.fresh.unplaced),
		JournalFrames: uint64(len(s.journaled.unfolded(s.state.journal.sequence))),
	}
	switch {
	case s.mu.closed:
		return Stats{}, nil, ErrClosed
	case s.mu.failed != nil:
		return stats, nil, nil
	}
	return stats, s.mu.db, nil
}

// free returns how many pages of a file of a given size are in the list of free
// ones, and how much of it holds nothing: these pages, and what lies beyond the last.
func free(db *bbolt.DB, size uint64) (pages int, bytes uint64, err error) {
	tx, err := db.Begin(false)
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	known := db.Stats()
	pages = max(0, known.FreePageN+known.PendingPageN)
	return pages, uint64(pages)*uint64(db.Info().PageSize) + size - min(size, uint64(tx.Size())), nil
}
