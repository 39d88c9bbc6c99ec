package store

import (
	"sync"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Summary is what a replica knows beside its entries, at one instant. It is
// shared: nobody changes it.
type Summary struct {
	ID          crdt.ReplicaID
	Context     crdt.Context
	ContextHash delta.Sum
	Fingerprint delta.Fingerprint
	// Ahead says of every replica of which the entries hold more than the
	// context says up to where they may (delta.Replica, R3).
	Ahead crdt.Context
	// InSession reports whether a complete session is open.
	InSession bool
}

// summaryCache holds the summary since the last change: a context is copied
// when it is asked for and has changed, and else shared.
type summaryCache struct {
	sync.Mutex
	current *Summary
}

func (c *summaryCache) forget() {
	c.Lock()
	defer c.Unlock()
	c.current = nil
}

func (c *summaryCache) of(r *delta.Replica) *Summary {
	c.Lock()
	defer c.Unlock()
	if c.current == nil {
		c.current = &Summary{
			ID: r.ID, Context: r.Context.Clone(), ContextHash: r.ContextHash,
			Fingerprint: r.Fingerprint, Ahead: r.Ahead.Clone(), InSession: r.InSession(),
		}
	}
	return c.current
}

// Summary returns what the replica knows beside its entries. No I/O, and O(1)
// if nothing has changed since the last call. It is what was acknowledged
// last, also after a disk fault.
func (s *Store) Summary() *Summary {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.summary.of(s.replica)
}

// Replica returns a copy of everything the replica knows beside its entries,
// as of the last acknowledged transaction. O(replicas).
func (s *Store) Replica() *delta.Replica {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.replica.Clone()
}
