package compaction

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Record is what a decision needs to know of one delta in the log.
type Record struct {
	// Index is its place in the order of application: lower is older.
	Index uint64
	// Origin, First and Last name its events.
	Origin      crdt.ReplicaID
	First, Last uint64
	// AppliedAt is when it was applied here, in milliseconds since the Unix
	// epoch. The origin's own time plays no part: clocks of others decide
	// nothing.
	AppliedAt int64
	// Bytes is what it takes in the file.
	Bytes uint64
	// Touches are what its events are about.
	Touches []delta.Touch
}

// Class says which retention a record falls under.
type Class uint8

// The classes.
const (
	// Own records touch a range in which the node participates, or are about
	// the node itself.
	Own Class = iota
	// Other records do not.
	Other

	classes = 2
)

// Classes are all classes, in order.
var Classes = [classes]Class{Own, Other}

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case Own:
		return "participating"
	case Other:
		return "other"
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// classOf returns the class of a record: one event that concerns the node is
// enough.
func (e Env) classOf(r Record) Class {
	for _, t := range r.Touches {
		if e.concerns(r, t) {
			return Own
		}
	}
	return Other
}

func (e Env) concerns(r Record, t delta.Touch) bool {
	switch {
	case t.Node != "":
		return t.Node == e.Node
	case t.Keyspace == "":
		return r.Origin == e.Replica
	}
	return e.Participation.OverlapsBytes(t.Keyspace, t.Range)
}
