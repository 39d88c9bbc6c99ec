package node

import "github.com/scalesmall/ssnode/antientropy"

// Traffic is what has passed between this node and single members, by the tier
// of replication that it served.
type Traffic struct{ Push, Pull, Range, Other antientropy.Traffic }

// Traffic returns what has passed since the protocol began, as of its last
// report.
func (n *Node) Traffic() Traffic {
	t := n.protocol.counted.Load().Traffic
	return Traffic{
		Push: t[antientropy.TierPush], Pull: t[antientropy.TierPull],
		Range: t[antientropy.TierRange], Other: t[antientropy.TierOther],
	}
}
