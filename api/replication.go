package api

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// replicationOf returns what a node has counted, by tier.
func replicationOf(n *node.Node) wire.Replication {
	counters := n.Counters()
	c := counters.Protocol
	traffic := n.Traffic()
	return wire.Replication{
		Push: wire.PushTier{
			TierTraffic: wire.TierTraffic(traffic.Push), CopiesOut: c.DeltasPushed, CopiesIn: c.PushedIn, New: c.PushedNew,
			Announced: c.DeltasAnnounced, Broadcasts: c.Broadcasts, BroadcastBytes: c.BroadcastBytes,
		},
		Pull: wire.PullTier{
			TierTraffic: wire.TierTraffic(traffic.Pull), CopiesIn: c.PulledIn, New: c.PulledNew,
			Begun: c.Pulls, Failed: c.PullsFailed, Served: c.PullsServed,
			Repeated: c.PullsRepeated, Stale: traffic.Stale.Pull, RoundTrips: traffic.Trips.Pull,
		},
		Range: wire.RangeTier{
			TierTraffic: wire.TierTraffic(traffic.Range), Begun: c.Sessions, Completed: c.SessionsCompleted, Abandoned: c.SessionsAbandoned,
			Entries: c.EntriesTaken, Served: c.RangesServed,
			RoundTrips: traffic.Trips.Range, Stale: traffic.Stale.Range,
			Equal: c.RangesEqual, Split: c.RangesSplit, SketchesPeeled: c.SketchesPeeled, SketchesGivenUp: c.SketchesGivenUp,
			SymbolsServed: c.SymbolsServed, ElementsServed: c.ElementsServed,
		},
		History: wire.HistoryTier{
			TierTraffic: wire.TierTraffic(traffic.History), Begun: c.Backfills, Failed: c.BackfillsFailed, Added: counters.Backfilled, Served: c.HistoriesServed,
			RoundTrips: traffic.Trips.History, Stale: traffic.Stale.History,
		},
		Other: wire.OtherTier{
			TierTraffic: wire.TierTraffic(traffic.Other), ChecksIn: counters.Gossip.ChecksReceived, ChecksOut: counters.Gossip.ChecksSent,
			CheckBytesIn: counters.Gossip.CheckBytesReceived, CheckBytesOut: counters.Gossip.CheckBytesSent,
		},
		Dropped: c.DeltasDropped,
	}
}

// replicationCollector tells what a node has counted, by tier.
type replicationCollector struct{ node *node.Node }

var tier = []string{"tier"}

// The metrics of replication, in Prometheus' units.
var (
	tierFramesInDesc  = prometheus.NewDesc("ssnode_replication_frames_received_total", "Frames from members, by tier of replication.", tier, nil)
	tierFramesOutDesc = prometheus.NewDesc("ssnode_replication_frames_sent_total", "Frames to members, by tier of replication.", tier, nil)
	tierBytesInDesc   = prometheus.NewDesc("ssnode_replication_received_bytes_total", "Size of the frames from members, by tier of replication.", tier, nil)
	tierBytesOutDesc  = prometheus.NewDesc("ssnode_replication_sent_bytes_total", "Size of the frames to members, by tier of replication.", tier, nil)
	copiesInDesc      = prometheus.NewDesc("ssnode_replication_copies_received_total", "Deltas from members, each as often as it came, by tier of replication.", tier, nil)
	copiesNewDesc     = prometheus.NewDesc("ssnode_replication_copies_new_total", "Deltas from members that were not known when they came, by tier of replication.", tier, nil)
	tripsDesc         = prometheus.NewDesc("ssnode_replication_round_trips_total", "Questions to members that were answered, by tier of replication.", tier, nil)
	staleDesc         = prometheus.NewDesc("ssnode_replication_frames_stale_total", "Frames of answers that came too late, or after another one, by tier of replication.", tier, nil)
	announcedDesc     = prometheus.NewDesc("ssnode_replication_announced_total", "Deltas announced to members because they were too large to be pushed.", nil, nil)
	broadcastsDesc    = prometheus.NewDesc("ssnode_replication_broadcasts_total", "Announcements handed to gossip, which repeats each.", nil, nil)
	delayDesc         = prometheus.NewDesc("ssnode_delta_delay_seconds", "From when a delta of another replica was committed there, by its clock, to when this node shows it, by its own: two clocks, in steps of a millisecond, 0 where they say that it was before. The time that both commits take is a part of it.", nil, nil)
	incompleteDesc    = prometheus.NewDesc("ssnode_incomplete", "1 while the node lacks a great part of the state and fetches it.", nil, nil)
)

var replicationDescs = []*prometheus.Desc{
	tierFramesInDesc, tierFramesOutDesc, tierBytesInDesc, tierBytesOutDesc, copiesInDesc, copiesNewDesc,
	tripsDesc, staleDesc, announcedDesc, broadcastsDesc, delayDesc, incompleteDesc,
}

// Describe implements prometheus.Collector.
func (c *replicationCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range replicationDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *replicationCollector) Collect(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	r := replicationOf(c.node)
	for name, t := range map[string]wire.TierTraffic{"push": r.Push.TierTraffic, "pull": r.Pull.TierTraffic, "range": r.Range.TierTraffic, "history": r.History.TierTraffic, "other": r.Other.TierTraffic} {
		count(tierFramesInDesc, t.FramesIn, name)
		count(tierFramesOutDesc, t.FramesOut, name)
		count(tierBytesInDesc, t.BytesIn, name)
		count(tierBytesOutDesc, t.BytesOut, name)
	}
	traffic := c.node.Traffic()
	for desc, n := range map[*prometheus.Desc]node.ByTier{tripsDesc: traffic.Trips, staleDesc: traffic.Stale} {
		count(desc, n.Pull, "pull")
		count(desc, n.Range, "range")
		count(desc, n.History, "history")
		count(desc, n.Other, "other")
	}
	count(copiesInDesc, r.Push.CopiesIn, "push")
	count(copiesInDesc, r.Pull.CopiesIn, "pull")
	count(copiesNewDesc, r.Push.New, "push")
	count(copiesNewDesc, r.Pull.New, "pull")
	count(announcedDesc, r.Push.Announced)
	count(broadcastsDesc, r.Push.Broadcasts)
	out <- histogramOf(c.node.Counters().Delays)
	out <- prometheus.MustNewConstMetric(incompleteDesc, prometheus.GaugeValue, oneIf(c.node.Completeness().Incomplete))
}

// histogramOf returns delays in Prometheus' form.
func histogramOf(d node.Delays) prometheus.Metric {
	within := make(map[float64]uint64, len(d.Within))
	for _, w := range d.Within {
		within[w.Max.Seconds()] = w.Count
	}
	return prometheus.MustNewConstHistogram(delayDesc, d.Count, float64(d.TotalMilliseconds)/1000, within)
}
