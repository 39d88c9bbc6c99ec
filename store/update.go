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
// is returned as it is, as by Prepare; see Prepared.Commit for others. fn may run
// again, where an update at the same time has failed.
//
// Neither Update nor View may be called from within fn.
func (s *Store) Update(env delta.Env, fn func(*delta.Commit) error) (*delta.Effects, error) {
	for {
		p, err := s.Prepare(env, func(c *delta.Commit, _ Pause) error { return fn(c) })
		if err == nil {
			err = p.Commit(deriveFirst)
		}
		switch err {
		case ErrStale:
			continue
		case nil:
			return p.effects, nil
		}
		return nil, err
	}
}

// Beside is told of the effects of an update before the disk works on them. It
// runs derive, which takes a while, and whatever else its owner wants to have
// derived, at the same time if it can, and returns what waits for the end of it.
type Beside func(e *delta.Effects, derive func()) (wait func())

// deriveFirst is a Beside that knows of nothing that could run at the same time.
func deriveFirst(_ *delta.Effects, derive func()) (wait func()) {
	derive()
	return func() {}
}

// errNothing ends a transaction that has nothing to write, but something to
// adopt: a session is not durable.
var errNothing = errors.New("nothing to write")

// transaction is what becomes durable together.
type transaction struct {
	// fill puts it into the file and returns the state with it.
	fill func(*tables) (state, error)
	// beside starts what is done while the disk works, before adopt; nil has
	// nothing to do.
	beside func() (wait func())
	// adopt runs when it is durable, before any reader sees it; nil has nothing
	// to do.
	adopt func()
}

// transact carries out a transaction. The caller holds write.
func (s *Store) transact(x transaction) error {
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
	t.tailMax, t.freshMax = s.options.tailMax, s.options.freshMax
	next, err := x.fill(t)
	if err == errNothing {
		x.startBeside()()
		s.publish(s.state, s.txid(), x.adopt)
		return nil
	}
	if err == nil {
		err = s.finish(tx, next, x)
	}
	if err != nil {
		t.standings.takeBack()
	}
	return err
}

// startBeside starts what runs while the disk works, and returns what waits for
// its end.
func (x *transaction) startBeside() (wait func()) {
	if x.beside == nil {
		return func() {}
	}
	return x.beside()
}

// finish commits a transaction and publishes what it did.
func (s *Store) finish(tx *bbolt.Tx, next state, x transaction) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	txid := tx.ID()
	wait := x.startBeside()
	err := s.commitTransaction(tx)
	wait()
	if err != nil {
		return s.fail(err)
	}
	s.publish(next, txid, x.adopt)
	return nil
}

// commitTransaction makes a transaction of bbolt durable. The caller holds write.
func (s *Store) commitTransaction(tx *bbolt.Tx) error {
	return s.options.commit(tx, func() error { return s.flusher.commit(tx) })
}

// publish makes a committed transaction the one that readers see.
func (s *Store) publish(next state, txid int, adopt func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.mu.txid = next, txid
	s.mu.revision++
	if adopt != nil {
		adopt()
	}
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
