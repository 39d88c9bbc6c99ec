package delta

import (
	"fmt"
	"maps"

	"github.com/scalesmall/ssnode/crdt"
)

// Reader reads the committed state. Entries it returns are not changed
// afterwards by either side.
type Reader interface {
	// Get returns the entry under k, or the zero Entry if there is none.
	Get(k Key) (Entry, error)
	// Scan calls visit for every entry in s, ascending by key, until visit
	// returns an error, which it passes on.
	Scan(s Span, visit func(Entry) error) error
}

// Replica is what a replica knows beside its entries. It belongs to whoever
// serialises commits; others read copies.
//
// Its invariants:
//
//	R1  Context covers exactly the events whose effect is in the entries, but
//	    for what range answers brought ahead of it; of each replica it covers
//	    a prefix without holes.
//	R2  No dot is used twice: Context[ID] is the sequence of the last event
//	    issued under ID.
//	R3  Ahead holds, and only where it exceeds Context, the union of the
//	    contexts of those whose range answers were joined, and of what they
//	    were ahead themselves. While it holds anything, equal contexts prove
//	    nothing about equal entries.
//	R4  Fingerprint and ContextHash are those of the entries and of Context.
//	R5  While a session is open, nothing that lies inside its starting context
//	    is added from outside the session, and Context does not grow into it.
type Replica struct {
	ID          crdt.ReplicaID
	Context     crdt.Context
	Ahead       crdt.Context
	Forgotten   map[crdt.ReplicaID]struct{}
	Fingerprint Fingerprint
	ContextHash Sum

	// session is the starting context of the open complete session, nil if
	// none is open. It is not durable: a restart interrupts a session.
	session crdt.Context
	// gone are the released records that it has found gone.
	gone *gone
	// since is the last sequence of ID that was issued before this process
	// began, or 0 if it began with the id: what came later is of this process.
	since uint64
	// workspace is what the next commit uses, nil if that makes one.
	workspace *workspace
}

// NewReplica returns a replica that has seen nothing.
func NewReplica(id crdt.ReplicaID) *Replica {
	return &Replica{
		ID:        id,
		Context:   crdt.NewContext(),
		Ahead:     crdt.NewContext(),
		Forgotten: map[crdt.ReplicaID]struct{}{},
	}
}

// BeginLife notes that a process takes the replica over from a directory, in which
// others may have issued events under its id.
func (r *Replica) BeginLife() { r.since = r.Context.Get(r.ID) }

// ContinueLife notes that r is what the process that had before has read back
// from its own directory, after a fault of the disk.
func (r *Replica) ContinueLife(before *Replica) {
	r.since = 0
	if r.ID == before.ID {
		r.since = before.since
	}
}

// IsAhead reports whether the entries hold more than the context says.
func (r *Replica) IsAhead() bool { return len(r.Ahead) > 0 }

// InSession reports whether a complete session is open.
func (r *Replica) InSession() bool { return r.session != nil }

// Session returns the starting context of the open session, or nil.
func (r *Replica) Session() crdt.Context { return r.session }

// Verify checks R3, R4 and the records against the entries of read. It is the
// slow truth that the incremental fields are held against. O(state).
func (r *Replica) Verify(read Reader) error {
	var f Fingerprint
	err := read.Scan(Whole, func(e Entry) error {
		if err := e.Validate(); err != nil {
			return err
		}
		f = f.Plus(FingerprintOf(e))
		if e.Key.IsForgotten() {
			if id, err := e.Key.Forgotten(); err != nil {
				return err
			} else if _, ok := r.Forgotten[id]; !ok {
				return fmt.Errorf("%w: replica %s is forgotten on disk only", ErrCorrupt, id)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case f != r.Fingerprint:
		return fmt.Errorf("%w: the fingerprint is %s, its entries have %s", ErrCorrupt, r.Fingerprint, f)
	case HashContext(r.Context) != r.ContextHash:
		return fmt.Errorf("%w: the context hash is %s, the context has %s", ErrCorrupt, r.ContextHash, HashContext(r.Context))
	}
	for id, sequence := range r.Ahead {
		if sequence <= r.Context.Get(id) {
			return fmt.Errorf("%w: ahead of %s by nothing", ErrCorrupt, id)
		}
	}
	return nil
}

// Effects are what a commit does: everything that must become durable in one
// transaction, and then be adopted. They are complete values; applying them
// twice is applying them once.
type Effects struct {
	// ID is the id of the replica after the commit; Renamed says that it
	// changed.
	ID      crdt.ReplicaID
	Renamed bool
	// Entries are the changed entries, ascending by key.
	Entries []EntryChange
	// Context and Ahead are the changed entries of the contexts; a 0 in Ahead
	// removes the entry.
	Context crdt.Context
	Ahead   crdt.Context
	// Forgotten are the replicas newly forgotten.
	Forgotten []crdt.ReplicaID
	// Deltas are what was newly applied, in the order of application, own and
	// foreign: what goes into the log, to watchers and to peers.
	Deltas []Packed
	// Fingerprint and ContextHash are those after the commit.
	Fingerprint Fingerprint
	ContextHash Sum
	// Session is the starting context of the open session after the commit.
	Session crdt.Context
	gone    *gone
}

// IsEmpty reports whether there is nothing to make durable.
func (e *Effects) IsEmpty() bool {
	return !e.Renamed && len(e.Entries) == 0 && len(e.Context) == 0 && len(e.Ahead) == 0 && len(e.Deltas) == 0
}

// Adopt takes over the effects of a commit that has become durable.
func (r *Replica) Adopt(e *Effects) {
	if e.Renamed {
		r.since = 0
	}
	r.ID = e.ID
	r.Context.Join(e.Context)
	for id, sequence := range e.Ahead {
		if sequence == 0 {
			delete(r.Ahead, id)
		} else {
			r.Ahead[id] = sequence
		}
	}
	for _, id := range e.Forgotten {
		r.Forgotten[id] = struct{}{}
	}
	r.Fingerprint, r.ContextHash = e.Fingerprint, e.ContextHash
	r.session, r.gone = e.Session, e.gone
}

// Clone returns an independent copy of r.
func (r *Replica) Clone() *Replica {
	clone := *r
	clone.Context, clone.Ahead, clone.Forgotten = r.Context.Clone(), r.Ahead.Clone(), maps.Clone(r.Forgotten)
	clone.session, clone.workspace = maps.Clone(r.session), nil
	return &clone
}
