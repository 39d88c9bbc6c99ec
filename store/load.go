package store

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// loaded is the content of a file beside its entries and its log.
type loaded struct {
	version  uint64
	identity identity
	start    Start
	// state and filed are what the tables have, journaled is what the journal has beyond
	// them, and replica that of both.
	state     state
	filed     *delta.Replica
	journaled journaled
	replica   *delta.Replica
	index     Index
	txid      int
}

// load reads and verifies a file.
func (s *Store) load(db *bbolt.DB) (*loaded, error) {
	l := &loaded{}
	err := guard(func() error {
		return readTransaction(db, func(tx *bbolt.Tx) error {
			var err error
			if l.version, err = readFormat(s.path, tx); err != nil {
				return err
			}
			t, err := openTables(tx, l.version)
			if err != nil {
				return err
			}
			l.txid = tx.ID()
			return s.read(t, l)
		})
	})
	switch {
	case errors.Is(err, ErrCorrupt):
		return nil, fmt.Errorf("open %s: %w; %s", s.path, err, adviceDamaged)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	return l, nil
}

func (s *Store) read(t *tables, l *loaded) (err error) {
	if l.identity, err = t.getIdentity(); err != nil {
		return err
	}
	if err := s.checkIdentity(l.identity); err != nil {
		return err
	}
	if l.start, err = t.getStart(); err != nil {
		return err
	}
	if l.state, err = t.getState(l.version); err != nil {
		return err
	}
	if err := t.readTail(&l.state); err != nil {
		return err
	}
	if err := t.readOverlay(l.version, &l.state); err != nil {
		return err
	}
	l.replica = delta.NewReplica(l.identity.replica)
	if err := readContexts(t, l); err != nil {
		return err
	}
	l.filed = l.replica.Clone()
	if err := s.readJournal(t, l); err != nil {
		return err
	}
	l.replica.BeginLife()
	l.filed.BeginLife()
	return s.readEntries(t, l)
}

func (s *Store) checkIdentity(i identity) error {
	switch {
	case s.options.Cluster != "" && s.options.Cluster != i.cluster:
		return fmt.Errorf("%w: it belongs to cluster %s, not %s; use another directory, or --cluster %s", ErrOtherCluster, i.cluster, s.options.Cluster, i.cluster)
	case s.options.Node != "" && s.options.Node != i.node:
		return fmt.Errorf("%w: it belongs to node %s, not %s; use another directory, or --node %s", ErrOtherNode, i.node, s.options.Node, i.node)
	}
	return nil
}

// readContexts reads both contexts and verifies their hashes (S2).
func readContexts(t *tables, l *loaded) (err error) {
	r := l.replica
	if r.Context, err = readContext(&t.context); err != nil {
		return err
	}
	if r.Ahead, err = readContext(&t.ahead); err != nil {
		return err
	}
	r.ContextHash = delta.HashContext(r.Context)
	if r.ContextHash != l.state.contextHash {
		return fmt.Errorf("%w: the context hashes to %s, stored is %s", ErrCorrupt, r.ContextHash, l.state.contextHash)
	}
	if hash := delta.HashContext(r.Ahead); hash != l.state.aheadHash {
		return fmt.Errorf("%w: what the state is ahead of hashes to %s, stored is %s", ErrCorrupt, hash, l.state.aheadHash)
	}
	return nil
}

// readJournal reads what the journal has beyond the tables, and makes it part of the
// replica.
func (s *Store) readJournal(t *tables, l *loaded) error {
	l.journaled = newJournaled(&l.state)
	frames, err := readFrames(t.tx, l.state.journal)
	if err != nil {
		return err
	}
	for _, sealed := range frames {
		f, err := decodeFrame(sealed, l.identity.replica)
		if err != nil {
			return err
		}
		if problem := f.missing(l.txid); problem != "" {
			return fmt.Errorf("%w: %s", ErrCorrupt, problem)
		}
		for _, p := range f.effects.Deltas {
			if l.replica.Context.Covers(p.Dot(0)) {
				return fmt.Errorf("%w: frame %d of the journal has %s, which was seen before", ErrCorrupt, f.at.sequence, p.Delta)
			}
		}
		l.replica.Adopt(f.effects)
		l.journaled = l.journaled.with(f, folded{})
	}
	if hash := delta.HashContext(l.replica.Context); hash != l.replica.ContextHash {
		return fmt.Errorf("%w: the context with the journal hashes to %s, stored is %s", ErrCorrupt, hash, l.replica.ContextHash)
	}
	return nil
}

// readFrames returns the frames that a file has from a mark on.
func readFrames(tx *bbolt.Tx, from journalMark) ([]sealedFrame, error) {
	_, ring, err := ringOf(tx)
	if err != nil {
		return nil, err
	}
	frames, problem := readRing(ring, from)
	if problem != "" {
		err = fmt.Errorf("%w: %s", ErrCorrupt, problem)
	}
	return frames, err
}

// readEntries visits all entries and verifies their fingerprint and count (S2).
func (s *Store) readEntries(t *tables, l *loaded) error {
	r, index := l.replica, s.options.NewIndex()
	v := &verifier{parallel: s.options.Parallel, visit: func(e delta.Entry, f delta.Fingerprint) error {
		index.Add(e.Key, f)
		if e.Key.IsForgotten() {
			id, err := e.Key.Forgotten()
			if err != nil {
				return corrupt("entries", err)
			}
			r.Forgotten[id] = struct{}{}
		}
		return s.options.Visit(e)
	}}
	stored := l.journaled.over(l.state).fingerprint
	err := v.run(t.reader(&l.state, &l.journaled))
	r.Fingerprint, l.index = v.sum, index.Done()
	switch {
	case err != nil:
		return err
	case r.Fingerprint.Count != stored.Count:
		return fmt.Errorf("%w: it has %d records, stored is a count of %d", ErrCorrupt, r.Fingerprint.Count, stored.Count)
	case r.Fingerprint != stored:
		return fmt.Errorf("%w: the fingerprint of the entries is %s, stored is %s", ErrCorrupt, r.Fingerprint, stored)
	}
	return nil
}
