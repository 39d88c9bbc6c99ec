package node

import "github.com/scalesmall/ssnode/antientropy/gossip"

// Network is a network between nodes of one process whose links can be cut and
// healed while they run, for tests and demonstrations: pass the same one to
// all of them as Options.Faults.
type Network = gossip.Partition

// NewNetwork returns a network whose links all work.
func NewNetwork() *Network { return gossip.NewPartition() }
