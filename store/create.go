package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"go.etcd.io/bbolt"
)

// create fills a new file in one transaction.
func (s *Store) create(db *bbolt.DB) error {
	tx, err := db.Begin(true)
	if err != nil {
		return fmt.Errorf("create %s: %w", s.path, err)
	}
	defer tx.Rollback()
	if err := s.fill(tx); err != nil {
		return fmt.Errorf("create %s: %w", s.path, err)
	}
	if err := s.commitTransaction(tx); err != nil {
		return fmt.Errorf("create %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) fill(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := createRing(tx, s.options.journalPages); err != nil {
		return err
	}
	t := newTables(tx, nil)
	return s.fillMeta(t, s.options.NewID(), emptyState())
}

// fillMeta writes who the directory belongs to and what it holds.
func (s *Store) fillMeta(t *tables, id crdt.ReplicaID, held state) error {
	who := identity{cluster: s.options.Cluster, node: s.options.Node, replica: id}
	if who.cluster == "" {
		who.cluster = DefaultCluster
	}
	if err := t.putFormat(); err != nil {
		return err
	}
	if err := t.putIdentity(who); err != nil {
		return err
	}
	if err := t.putStart(Start{}); err != nil {
		return err
	}
	if err := t.putMeta(metaPeers, []string{}); err != nil {
		return err
	}
	return t.putState(held)
}

// countStart makes this opening distinguishable from every other.
func (s *Store) countStart(db *bbolt.DB, l *loaded) error {
	tx, err := db.Begin(true)
	if err != nil {
		return fmt.Errorf("count the start: %w", err)
	}
	defer tx.Rollback()
	t := newTables(tx, nil)
	l.start = Start{Counter: l.start.Counter + 1, Nonce: s.options.NewNonce()}
	l.txid = tx.ID()
	if err := t.putStart(l.start); err != nil {
		return err
	}
	if err := t.migrate(l, s.options.journalPages); err != nil {
		return err
	}
	if err := s.commitTransaction(tx); err != nil {
		return fmt.Errorf("count the start: %w", err)
	}
	return nil
}
