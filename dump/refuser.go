package dump

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// refuser takes nothing: before the first line it is not known whose the rest
// is.
type refuser struct{}

func (refuser) Seen(crdt.ReplicaID, uint64) error  { return errNotFull }
func (refuser) Ahead(crdt.ReplicaID, uint64) error { return errNotFull }
func (refuser) Entry(delta.Entry) error            { return errNotFull }
func (refuser) Delta(delta.Packed, int64) error    { return errNotFull }
