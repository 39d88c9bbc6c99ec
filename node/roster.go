package node

import (
	"fmt"
	"slices"
	"sync"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

const (
	// rosterNote names the roster in the store.
	rosterNote = "roster"
	// rosterMax bounds the replicas that are remembered; past it the one that
	// was met first is forgotten.
	rosterMax = 2048
)

// roster remembers by which replica ids nodes have gone: a node that lost its
// directory goes on under another one, and whoever forgets it means both. A
// record has room for the last one only, and the log is trimmed.
//
// What it has not met it does not know; `compact` names replicas for which
// records wait, whoever they were.
type roster struct {
	mu struct {
		sync.Mutex
		// met are in the order in which they were met, oldest first.
		met []acquaintance
		// unsaved says that this is not yet so on disk.
		unsaved bool
	}
}

// acquaintance is one replica and the name of its node.
type acquaintance struct {
	_       struct{} `cbor:",toarray"`
	Replica crdt.ReplicaID
	Name    string
}

// load reads the roster from the store.
func (r *roster) load(s *store.Store) error {
	b, err := s.Note(rosterNote)
	if err != nil || b == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := delta.Unmarshal(b, &r.mu.met, store.NoteBytesMax); err != nil {
		return fmt.Errorf("read who was met: %w", err)
	}
	return nil
}

// meet takes note of members, on disk if any is new.
func (r *roster) meet(members []gossip.Member, s *store.Store) error {
	encoded := r.note(members)
	if encoded == nil {
		return nil
	}
	if err := s.SetNote(rosterNote, encoded); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.unsaved = false // only the keeper meets
	return nil
}

// note takes note of members and returns what is to be stored, nil if that is
// there already.
func (r *roster) note(members []gossip.Member) (encoded []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range members {
		if m.Replica.IsZero() || r.find(m.Replica) != "" {
			continue
		}
		r.mu.unsaved = true
		r.mu.met = append(r.mu.met, acquaintance{Replica: m.Replica, Name: m.Name})
	}
	if !r.mu.unsaved {
		return nil
	}
	if excess := len(r.mu.met) - rosterMax; excess > 0 {
		r.mu.met = slices.Delete(r.mu.met, 0, excess)
	}
	return delta.Marshal(r.mu.met)
}

// find returns the name of a replica's node; mu is held.
func (r *roster) find(id crdt.ReplicaID) string {
	for _, x := range r.mu.met {
		if x.Replica == id {
			return x.Name
		}
	}
	return ""
}

// nameOf returns the name of a replica's node, "" if it was never met.
func (r *roster) nameOf(id crdt.ReplicaID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(id)
}

// replicas returns those that were met, in the order in which they were.
func (r *roster) replicas() []crdt.ReplicaID {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]crdt.ReplicaID, len(r.mu.met))
	for i, x := range r.mu.met {
		out[i] = x.Replica
	}
	return out
}

// of returns the replicas by which a node has gone.
func (r *roster) of(name string) []crdt.ReplicaID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []crdt.ReplicaID
	for _, x := range r.mu.met {
		if x.Name == name {
			out = append(out, x.Replica)
		}
	}
	return out
}
