package sim

import (
	"fmt"
	"math"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// SpreadConfig says what to measure of how updates spread: a cluster without
// other faults than those named here, in which members write and nothing else
// happens. Equal configurations give equal figures.
type SpreadConfig struct {
	Seed uint64
	// Nodes is the number of members. Default 100.
	Nodes int
	// Updates are written one after the other, each by a random member, every
	// PauseMillis. Default 20, every 50.
	Updates     int
	PauseMillis uint64
	// LossPercent of all frames are lost.
	LossPercent int
	// PartitionMillis is for how long the cluster is in two halves before the
	// measurement ends; the updates are written while it is. 0 for never.
	PartitionMillis uint64
	// NoPush loses all pushes and announcements: only checks and pulls are
	// left, as after an outage.
	NoPush bool
}

// The simulated network and disk of a spread.
const (
	spreadDelayMax   = 10  // milliseconds from send to receive, at most
	spreadDiskMax    = 5   // of a commit or a read, at most
	spreadProbe      = 500 // between two checks that a member hears
	spreadGossip     = 100 // between two rounds of a broadcast
	spreadGossipTo   = 3   // members in a round of a broadcast
	spreadPatience   = 600_000
	spreadSettle     = 5_000
	spreadGossipMult = 4 // as memberlist's RetransmitMult
)

// Spread is what was measured.
type Spread struct {
	Config SpreadConfig
	// Violations are empty if everything held, see Report.
	Violations []string
	// Copies is how many copies of its payload were sent for each update and
	// member, Pushed which share of what had to be delivered came by push.
	Copies, Pushed float64
	// EqualMillis is how long after the last update, or the end of the
	// partition, all members held the same. Rounds is that in rounds: of a
	// push, the longest time from one commit to the next; without pushes, the
	// time between two checks.
	EqualMillis uint64
	Rounds      float64
	// BytesPerUpdate were sent by all members for each update, all tiers.
	BytesPerUpdate float64
}

// RoundsMax is within how many rounds a cluster of n members is to be equal.
func RoundsMax(n int) float64 { return 2*math.Log2(float64(n)) + 4 }

func (c SpreadConfig) withDefaults() SpreadConfig {
	if c.Nodes == 0 {
		c.Nodes = 100
	}
	if c.Updates == 0 {
		c.Updates = 20
	}
	if c.PauseMillis == 0 {
		c.PauseMillis = 50
	}
	return c
}

// roundMillis is how long a round lasts: see Spread.Rounds.
func (c SpreadConfig) roundMillis() float64 {
	if c.NoPush {
		return spreadProbe
	}
	return spreadDelayMax + spreadDiskMax
}

// MeasureSpread simulates one cluster.
func MeasureSpread(c SpreadConfig) Spread {
	c = c.withDefaults()
	s := Spread{Config: c}
	report := newReport(Config{Seed: c.Seed, Nodes: c.Nodes})
	k := newCluster(c.Seed, &report)
	k.net.delayMax, k.diskMax, k.calm = spreadDelayMax, spreadDiskMax, true
	k.assemble(c.Nodes)
	k.run(spreadSettle) // everybody has asked somebody who it is
	k.net.loss, k.silent = c.LossPercent, c.NoPush
	before, bytesBefore := k.deliveries(), report.Bytes
	k.spreadUpdates(c)
	begun := k.now
	if c.PartitionMillis > 0 {
		k.run(c.PartitionMillis)
		clear(k.net.cut)
		begun = k.now
	}
	for !k.isConverged() && k.now < begun+spreadPatience && len(report.Violations) == 0 {
		k.run(1)
	}
	s.EqualMillis = k.now - begun
	s.Rounds = float64(s.EqualMillis) / c.roundMillis()
	s.sum(k.deliveries(), before)
	s.BytesPerUpdate = float64(report.Bytes-bytesBefore) / float64(c.Updates)
	if !k.isConverged() {
		k.fail("not equal after %d ms", spreadPatience)
	}
	s.Violations = report.Violations
	return s
}

// assemble starts n members, which then learn of each other at once.
func (k *cluster) assemble(n int) {
	members := make([]*member, n)
	for i := range members {
		m := &member{
			cluster: k, name: fmt.Sprintf("n%d", i+1), number: k.names, dir: k.freshDirectory(),
			suspects: map[string]suspicion{}, quiet: true,
		}
		k.names++
		members[i] = m
		k.byName[m.name] = m
		m.start()
	}
	k.members = members
	k.tellAll()
}

// spreadUpdates has random members write; of a partition that is to be, in
// both halves.
func (k *cluster) spreadUpdates(c SpreadConfig) {
	if c.PartitionMillis > 0 {
		k.split(false)
	}
	for i := range c.Updates {
		m := k.members[k.random.IntN(len(k.members))]
		key := fmt.Sprintf("%08d", i)
		claim := ranges.Claim{Keyspace: "default", Node: m.name, Range: ranges.Single(key)}
		_ = m.transaction(nil, func(x *delta.Commit) error {
			_, _, err := x.Write([]delta.Operation{{Verb: delta.VerbRegister, Claim: claim, Amount: 1}})
			return err
		})
		if i < c.Updates-1 {
			k.run(c.PauseMillis)
		}
	}
}

// deliveries sums up what the cores of all members have counted.
func (k *cluster) deliveries() antientropy.Counters {
	var sum antientropy.Counters
	for _, m := range k.members {
		c := m.core.Counters()
		sum.DeltasPushed += c.DeltasPushed
		sum.PulledIn += c.PulledIn
		sum.PushedNew += c.PushedNew
		sum.PulledNew += c.PulledNew
	}
	return sum
}

func (s *Spread) sum(after, before antientropy.Counters) {
	deliveries := float64(s.Config.Updates * (s.Config.Nodes - 1))
	copies := after.DeltasPushed - before.DeltasPushed + after.PulledIn - before.PulledIn
	s.Copies = float64(copies) / float64(s.Config.Updates*s.Config.Nodes)
	s.Pushed = float64(after.PushedNew-before.PushedNew) / deliveries
}

// gossip hands a broadcast to a few random members in every round, as often
// altogether as memberlist does.
func (m *member) gossip(frame []byte) {
	if m.silent {
		return
	}
	left := spreadGossipMult * int(math.Ceil(math.Log10(float64(len(m.members)+1))))
	m.gossipRound(frame, left)
}

func (m *member) gossipRound(frame []byte, left int) {
	m.living(spreadGossip, kindOther, func() {
		var to []int
		for len(to) < min(left, spreadGossipTo, len(m.members)-1) {
			if i := m.random.IntN(len(m.members)); m.members[i] != m && !slices.Contains(to, i) {
				to = append(to, i)
				m.send(m.members[i].name, frame)
			}
		}
		if left -= len(to); left > 0 {
			m.gossipRound(frame, left)
		}
	})
}

// String returns the figures as a line of a table.
func (s Spread) String() string {
	c := s.Config
	what := "no faults"
	switch {
	case c.NoPush:
		what = "checks and pulls alone"
	case c.LossPercent > 0:
		what = fmt.Sprintf("%d %% loss", c.LossPercent)
	case c.PartitionMillis > 0:
		what = fmt.Sprintf("after a partition of %d s", c.PartitionMillis/1000)
	}
	return fmt.Sprintf("| %d | %s | %d | %.2f | %.3f %% | %d ms | %.1f of %.1f | %.0f |", c.Nodes, what, c.Seed, s.Copies, 100*s.Pushed, s.EqualMillis, s.Rounds, RoundsMax(c.Nodes), s.BytesPerUpdate)
}
