package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// Update runs fn on a commit of the replica and makes its effects durable
// together. When it returns nil they are on disk and adopted: only now
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
			err = p.Commit()
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

// carryOut makes an update durable that was put together: by way of the journal if it is
// small, or else in the tables at once.
//
//	S16 One update is on its way to the disk at most. The next may be put together
//	    meanwhile, in memory, on what the journal has with that one (tip): it is not
//	    written before that one is durable, nor if that is not.
func (p *Prepared) carryOut() error {
	s := p.store
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := p.whyNot(); err != nil {
		return err
	}
	switch {
	case p.effects.IsEmpty():
		s.publish(nil, p.adopt)
		return nil
	case s.ring.Load().takes(p.frame) && !p.frame.leavesHoles(s.replica):
		return p.goByJournal()
	}
	return p.goDirectly()
}

// goByJournal appends the update to the journal and waits until it is there.
func (p *Prepared) goByJournal() error {
	s, r := p.store, p.store.ring.Load()
	if err := p.awaitRoom(r); err != nil {
		return err
	}
	err := s.options.commit(nil, func() error {
		if err := r.append(p.frame); err != nil {
			return err
		}
		s.tip = p.next
		p.letGo() // the next may be put together
		return r.sync(p.frame)
	})
	if err != nil {
		return s.fail(err)
	}
	if err := s.Failed(); err != nil {
		return err // a fold has failed meanwhile: it may be for the disk's fault
	}
	s.publish(&p.next, p.adopt)
	return nil
}

// awaitRoom folds if the journal has no room, unless a fold under way makes it.
func (p *Prepared) awaitRoom(r *ring) error {
	if r.hasRoom(p.frame) {
		return nil
	}
	p.store.file.Lock()
	defer p.store.file.Unlock()
	if r.hasRoom(p.frame) {
		return nil
	}
	return p.store.fold()
}

// goDirectly puts the update into the tables.
func (p *Prepared) goDirectly() error {
	s := p.store
	s.file.Lock()
	defer s.file.Unlock()
	return s.amend(&amendment{
		alone: true,
		fill: func(t *tables, next state, replica *delta.Replica) (state, error) {
			err := s.persist(t, &next, replica, p.frame)
			return next, err
		},
		adopt: func() {
			s.filed.Adopt(p.effects)
			p.adopt()
		},
	})
}

// publish makes what the journal has the instant that readers see; nil is what it had. A
// fold may change that at any time: so it is looked up here, if at all.
func (s *Store) publish(next *journaled, adopt func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next != nil {
		s.journaled = *next
	}
	s.mu.revision++
	adopt()
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
