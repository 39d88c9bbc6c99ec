package store

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// Update runs fn on a commit of the replica and makes its effects durable in
// one transaction. When it returns nil they are on disk and adopted: only now
// may a message bear one of their dots. env.Read is supplied here.
//
// On an error nothing has changed, in memory or for any reader. An error of fn
// is returned as it is, and so is one of the file's contents, wrapped in
// ErrCorrupt. If the transaction fails on its way to the disk the error wraps
// ErrFailed and its cause, and so does that of every later call until Reopen:
// whether the disk has it is not known before.
//
// Neither Update nor View may be called from within fn.
func (s *Store) Update(env delta.Env, fn func(*delta.Commit) error) (*delta.Effects, error) {
	s.write.Lock()
	defer s.write.Unlock()
	var effects *delta.Effects
	index := s.index
	err := s.transact(func(t *tables) (state, error) {
		env.Read = entryReader{&t.entries}
		c := s.replica.Begin(env)
		if err := fn(c); err != nil {
			return state{}, err
		}
		e, err := c.Finish()
		if err != nil {
			return state{}, err
		}
		effects = e
		if e.IsEmpty() {
			return state{}, errNothing
		}
		next, err := s.persist(t, e, env.Now)
		if err != nil {
			return state{}, err
		}
		index, err = s.index.Next(e.Entries, env.Read)
		return next, err
	}, func() {
		s.replica.Adopt(effects)
		s.index = index
	})
	if err != nil {
		return nil, err
	}
	return effects, nil
}

// errNothing ends a transaction that has nothing to write, but something to
// adopt: a session is not durable.
var errNothing = errors.New("nothing to write")

// transact runs fn in a writable transaction and commits it together with the
// state that fn returns. Then, before any reader sees it, adopt runs. The
// caller holds write.
func (s *Store) transact(fn func(*tables) (state, error), adopt func()) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	tx, err := db.Begin(true)
	if err != nil {
		return s.fail(err)
	}
	defer tx.Rollback() // does nothing once committed
	t := newTables(tx, s.rewrite.touched())
	t.tailMax = s.options.tailMax
	next, err := fn(t)
	switch {
	case err == errNothing:
		s.publish(s.state, s.txid(), adopt)
		return nil
	case err != nil:
		return err
	}
	return s.finish(tx, next, adopt)
}

// finish commits a transaction and publishes what it did.
func (s *Store) finish(tx *bbolt.Tx, next state, adopt func()) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	txid := tx.ID()
	if err := s.options.commit(tx); err != nil {
		return s.fail(err)
	}
	s.publish(next, txid, adopt)
	return nil
}

// publish makes a committed transaction the one that readers see.
func (s *Store) publish(next state, txid int, adopt func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.mu.txid = next, txid
	s.mu.revision++
	adopt()
	s.summary.forget()
}

func (s *Store) txid() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.txid
}

// fail stops the store (S5) and returns why.
func (s *Store) fail(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.failed = fmt.Errorf("%w: %w", ErrFailed, cause)
	return s.mu.failed
}
