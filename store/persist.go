package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// persist puts frames into the tables, in order, on what these have, and makes next what
// they have then. r is the replica of that, and adopts all frames but the last.
func (s *Store) persist(t *tables, next *state, r *delta.Replica, frames ...*frame) error {
	records := recordsOf(frames)
	if err := t.makeRoom(next, frames, records); err != nil {
		return err
	}
	if err := t.putEntries(next, frames, records); err != nil {
		return err
	}
	context, ahead, holes := crdt.NewContext(), crdt.NewContext(), holeSet{}
	for i, f := range frames {
		e := f.effects
		if err := s.persistIdentity(t, e); err != nil {
			return err
		}
		next.aheadHash = aheadHash(next.aheadHash, r.Ahead, e.Ahead)
		for _, p := range e.Deltas {
			if err := t.appendNew(next, r.Context, f.now, p); err != nil {
				return err
			}
		}
		if err := holes.addEffects(e, r); err != nil {
			return err
		}
		overwrite(context, e.Context)
		overwrite(ahead, e.Ahead)
		next.fingerprint, next.contextHash = e.Fingerprint, e.ContextHash
		if i+1 < len(frames) {
			r.Adopt(e)
		}
	}
	if err := writeContext(&t.context, context); err != nil {
		return err
	}
	if err := writeContext(&t.ahead, ahead); err != nil {
		return err
	}
	return holes.write(&t.holes)
}

// recordsOf returns how many records frames make.
func recordsOf(frames []*frame) (n int) {
	for _, f := range frames {
		n += len(f.effects.Deltas)
	}
	return n
}

// imagesOf returns how many images frames have.
func imagesOf(frames []*frame) (n int) {
	for _, f := range frames {
		n += len(f.images)
	}
	return n
}

func (s *Store) persistIdentity(t *tables, e *delta.Effects) error {
	if !e.Renamed {
		return nil
	}
	return t.putIdentity(identity{cluster: s.cluster, node: s.node, replica: e.ID})
}

// aheadHash returns the hash of what a replica is ahead by, after changes.
func aheadHash(hash delta.Sum, ahead, changes crdt.Context) delta.Sum {
	for id, sequence := range changes {
		hash = hash.WithSeen(id, ahead.Get(id), sequence)
	}
	return hash
}

// overwrite makes changes part of those before.
func overwrite(before, changes crdt.Context) {
	for id, sequence := range changes {
		before[id] = sequence
	}
}
