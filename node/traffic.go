package node

import "github.com/scalesmall/ssnode/antientropy"

// Traffic is what has passed between this node and single members, by the tier
// of replication that it served.
type Traffic struct {
	Push, Pull, Range, History, Other antientropy.Traffic
	// Trips are questions that were answered, Stale the frames of answers that
	// nobody waited for any more.
	Trips, Stale ByTier
}

// ByTier is a number for each tier that asks something.
type ByTier struct{ Pull, Range, History, Other uint64 }

// Traffic returns what has passed since the protocol began, as of its last
// report.
func (n *Node) Traffic() Traffic {
	counted := n.protocol.counted.Load()
	t := counted.Traffic
	return Traffic{
		Push: t[antientropy.TierPush], Pull: t[antientropy.TierPull],
		Range: t[antientropy.TierRange], History: t[antientropy.TierHistory], Other: t[antientropy.TierOther],
		Trips: byTier(counted.Trips), Stale: byTier(counted.Stale),
	}
}

func byTier(n [antientropy.Tiers]uint64) ByTier {
	return ByTier{
		Pull: n[antientropy.TierPull], Range: n[antientropy.TierRange],
		History: n[antientropy.TierHistory], Other: n[antientropy.TierOther],
	}
}
