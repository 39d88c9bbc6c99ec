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
//
//	S16 One transaction is on its way to the disk at most. The next may be filled
//	    meanwhile, on what that one leads to (tip), in memory only: none of its
//	    pages is written before that one is durable, and none if it is not.
//
// So what a head that may yet be gone back to (S11) leads to is as it was: pages
// that the one on its way has set free are written to by the next at the earliest.
type transaction struct {
	// fill puts it into the file and returns the state with it.
	fill func(*tables) (state, error)
	// whyNot says why it is not to be carried out any more; nil has no reasons of
	// its own.
	whyNot func() error
	// follow makes the replica of the tip that with it, adopt the one that is
	// acknowledged, before any reader sees it; nil changes neither.
	follow, adopt func()
	// wait waits for what was started beside it; nil has nothing to wait for.
	wait func()
}

// tip is what the last transaction whose pages are written leads to, whether it is
// durable yet or not. It belongs to who holds write.
type tip struct {
	state   state
	replica *delta.Replica
}

// transact carries out a transaction.
func (s *Store) transact(x transaction) error {
	f, err := s.fillIn(&x)
	if err != nil {
		return err
	}
	return f.commit()
}

// filled is a transaction that is put together, in memory. It holds write, until
// its pages are written or it is dropped.
type filled struct {
	*transaction
	store  *Store
	tx     *bbolt.Tx // nil if there is nothing to write
	tables *tables
	next   state
}

// fillIn puts a transaction together.
func (s *Store) fillIn(x *transaction) (f *filled, err error) {
	s.write.Lock()
	defer func() {
		if err != nil {
			s.write.Unlock()
		}
	}()
	if err := s.whyNot(x); err != nil {
		return nil, err
	}
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	tx, err := db.Begin(true)
	if err != nil {
		return nil, s.fail(err)
	}
	t := newTables(tx, s.rewrite.touched())
	t.tailMax, t.freshMax = s.options.tailMax, s.options.freshMax
	f = &filled{transaction: x, store: s, tx: tx, tables: t}
	if f.next, err = x.fill(t); err == nil {
		err = t.endBundle()
	}
	switch err {
	case nil:
		return f, nil
	case errNothing:
		f.rollback()
		f.tx, f.next = nil, s.tip.state
		return f, nil
	}
	f.rollback()
	x.await()
	return nil, err
}

// whyNot says why a transaction cannot be carried out any more, or nil.
func (s *Store) whyNot(x *transaction) error {
	if x.whyNot != nil {
		if err := x.whyNot(); err != nil {
			return err
		}
	}
	_, err := s.database()
	return err
}

// await waits for what was started beside the transaction.
func (x *transaction) await() {
	if x.wait != nil {
		x.wait()
	}
}

// rollback gives up what was filled in.
func (f *filled) rollback() {
	if f.tx != nil {
		f.tx.Rollback() // does nothing once committed
		f.tables.standings.takeBack()
	}
}

// drop ends a transaction of which nothing is to be written.
func (f *filled) drop() {
	f.rollback()
	f.await()
	f.store.write.Unlock()
}

// commit makes a transaction durable, when the one before is, and publishes what it
// did.
func (f *filled) commit() error {
	s := f.store
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.whyNot(f.transaction); err != nil {
		f.drop()
		return err
	}
	if f.tx == nil {
		f.await()
		f.written()
		s.publish(s.state, s.txid(), f.adopt)
		return nil
	}
	txid, isWritten := f.tx.ID(), false
	err := s.commitTransaction(f.tx, func() { isWritten = true; f.written() })
	f.await()
	if err == nil {
		s.publish(f.next, txid, f.adopt)
		return nil
	}
	err = s.fail(err)
	if !isWritten {
		f.rollback()
		s.write.Unlock()
	}
	return err
}

// written lets the next transaction be filled in, on top of this one.
func (f *filled) written() {
	s := f.store
	s.tip.state = f.next
	if f.follow != nil {
		f.follow()
	}
	s.write.Unlock()
}

// commitTransaction makes a transaction of bbolt durable, and calls written when its
// pages are written, which the disk may not have yet. The caller holds commit, or is
// alone.
func (s *Store) commitTransaction(tx *bbolt.Tx, written func()) error {
	return s.options.commit(tx, func() error { return s.flusher.commit(tx, written) })
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

// fail stops the store (S5) and returns why. What is in flight is stale (S10).
func (s *Store) fail(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.failed = fmt.Errorf("%w: %w", ErrFailed, cause)
	s.mu.lineage, s.mu.flights = s.mu.lineage+1, nil
	return s.mu.failed
}
