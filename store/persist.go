package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// persist makes the effects of a commit part of a transaction and returns the
// state after it. The order does not matter: the transaction is atomic.
func (s *Store) persist(t *tables, e *delta.Effects, appliedAt int64) (state, error) {
	next := s.tip.state
	next.fingerprint, next.contextHash = e.Fingerprint, e.ContextHash
	next.aheadHash = s.aheadHash(e.Ahead)
	if e.Renamed {
		if err := t.putIdentity(identity{cluster: s.cluster, node: s.node, replica: e.ID}); err != nil {
			return state{}, err
		}
	}
	images := t.newImages(e.Entries)
	if err := t.makeRoom(&next, e.Deltas, images); err != nil {
		return state{}, err
	}
	if err := t.putEntries(&next, images, len(e.Deltas)); err != nil {
		return state{}, err
	}
	if err := writeContext(&t.context, e.Context); err != nil {
		return state{}, err
	}
	if err := writeContext(&t.ahead, e.Ahead); err != nil {
		return state{}, err
	}
	for _, p := range e.Deltas {
		if err := t.appendNew(&next, s.tip.replica.Context, appliedAt, p); err != nil {
			return state{}, err
		}
	}
	var holes holeSet
	if err := holes.addEffects(e, s.tip.replica); err != nil {
		return state{}, err
	}
	if err := holes.write(&t.holes); err != nil {
		return state{}, err
	}
	return next, t.putState(next)
}

// aheadHash returns the hash of what the replica is ahead by, after changes.
func (s *Store) aheadHash(changes crdt.Context) delta.Sum {
	hash := s.tip.state.aheadHash
	for id, sequence := range changes {
		hash = hash.WithSeen(id, s.tip.replica.Ahead.Get(id), sequence)
	}
	return hash
}
