package store

import "github.com/scalesmall/ssnode/crdt"

// Ahead returns, of every replica of which the entries hold more than the
// context says, up to where they may (delta.Replica, R3). O(replicas).
func (v *View) Ahead() (crdt.Context, error) { return readContext(&v.tables.ahead) }
