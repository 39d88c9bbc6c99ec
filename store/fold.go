package store

import (
	"errors"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// Fold puts into the tables what the journal has, many commits together, while others
// go on: each touches few pages for each claim then. It does nothing if there is
// nothing. An error is as one of Prepared.Commit; what was acknowledged is in the journal
// all the same.
func (s *Store) Fold() error {
	s.file.Lock()
	defer s.file.Unlock()
	return s.fold()
}

// IsFoldWorth reports whether it is time to Fold, so that no commit has to wait for room
// in the journal.
func (s *Store) IsFoldWorth() bool {
	r := s.ring.Load()
	return r != nil && r.used.Load() > int64(r.pages)/foldShare
}

// foldShare is which part of the ring is folded together: while it is, as many frames
// find room in the rest.
const foldShare = 3

// Unfolded returns how many records of the journal the tables do not have.
func (s *Store) Unfolded() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.journaled.logNext - s.state.logNext
}

// fold is Fold for who holds file.
func (s *Store) fold() error {
	if len(s.unfolded()) == 0 {
		return nil
	}
	return s.amend(nil)
}

// forgetFolded has the next frame begin on what is acknowledged without what was folded:
// else that is kept until there is one. It is for who holds write, commit and file, when
// all was acknowledged.
func (s *Store) forgetFolded() { s.tip = s.acknowledged() }

// acknowledged returns what is journaled. The caller holds file.
func (s *Store) acknowledged() journaled {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.journaled
}

// unfolded returns the frames that were acknowledged and that the tables do not have. The
// caller holds file.
func (s *Store) unfolded() []*frame {
	p := s.acknowledged()
	return p.unfolded(s.state.journal.sequence)
}

// fillFunc puts a change into the tables, which have a state, that of a replica, and
// returns the state with it: errNothing, if there is nothing to change.
type fillFunc func(*tables, state, *delta.Replica) (state, error)

// amendment is a change of the tables beside what the journal has.
type amendment struct {
	fill fillFunc
	// alone says that no update goes on meanwhile: write and commit are held, too.
	alone bool
	// adopt is called with what is acknowledged, before any reader sees it; nil for nobody.
	adopt func()
}

// errNothing ends a transaction that has nothing to write.
var errNothing = errors.New("nothing to write")

// changeBeside carries out a change of the tables that leaves alone what updates build on:
// entries, contexts, and where the log ends. They go on meanwhile, but for those that do
// not go by way of the journal.
func (s *Store) changeBeside(fill fillFunc) error {
	s.file.Lock()
	defer s.file.Unlock()
	return unlessNothing(s.amend(&amendment{fill: fill}))
}

// changeAlone carries out any other.
func (s *Store) changeAlone(fill fillFunc) error {
	s.await()
	defer s.goOn()
	return unlessNothing(s.amend(&amendment{fill: fill, alone: true}))
}

func unlessNothing(err error) error {
	if err == errNothing {
		return nil
	}
	return err
}

// amend has the tables have what the journal has, and then a change; nil is none. The
// caller holds file.
func (s *Store) amend(x *amendment) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	tx, err := db.Begin(true)
	if err != nil {
		return s.fail(err)
	}
	t := newTables(tx, s.rewrite.touched())
	t.tailMax, t.freshMax, t.chunkMax = s.options.tailMax, s.options.freshMax, s.options.chunkMax
	s.scratch.lend(t)
	defer s.scratch.take(t)
	p := s.acknowledged()
	frames := p.unfolded(s.state.journal.sequence)
	next, filed, err := s.fillTables(t, frames, p.images, x)
	if err == nil {
		txid := tx.ID()
		if err = s.commitTransaction(tx); err == nil {
			s.publishTables(next, txid, filed, frames, x)
			return nil
		}
		err = s.fail(err)
	}
	tx.Rollback() // does nothing once committed
	t.standings.takeBack()
	return err
}

// fillTables puts all of it into a transaction, and returns the state of the tables with
// it, and the replica with the frames, which have images in an overlay.
func (s *Store) fillTables(t *tables, frames []*frame, images overlay, x *amendment) (next state, filed *delta.Replica, err error) {
	next, filed = s.state, s.filed
	if n := len(frames); n > 0 {
		next.fresh = next.fresh.follow(images)
		next.journal, filed = frames[n-1].behind(), filed.Clone()
		if err := errors.Join(s.persist(t, &next, filed, frames...), t.endBundle()); err != nil {
			return state{}, nil, err
		}
		filed.Adopt(frames[n-1].effects)
	}
	if x != nil {
		if next, err = x.fill(t, next, filed); err == nil {
			err = t.endBundle()
		}
		if err != nil {
			return state{}, nil, err
		}
	}
	return next, filed, t.putState(next)
}

// publishTables makes a transaction of the tables the one that readers see, and gives
// the pages of its frames back to the ring.
func (s *Store) publishTables(next state, txid int, filed *delta.Replica, frames []*frame, x *amendment) {
	r := s.ring.Load()
	for _, f := range frames {
		r.used.Add(-f.cost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.mu.txid, s.filed = next, txid, filed
	s.journaled = s.journaled.without(next.folded())
	if x == nil {
		return
	}
	if x.alone {
		s.journaled = newJournaled(&next)
		s.tip = s.journaled
	}
	s.mu.revision++
	if x.adopt != nil {
		x.adopt()
	}
	s.summary.forget()
}

// commitTransaction makes a transaction of the tables durable. The caller holds file, or
// is alone.
func (s *Store) commitTransaction(tx *bbolt.Tx) error {
	return s.options.commit(tx, func() error { return s.flusher.commit(tx) })
}
