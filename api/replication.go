package api

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// replicationOf returns what a node has counted, by tier.
func replicationOf(n *node.Node) wire.Replication {
	c := n.Counters().Protocol
	traffic := n.Traffic()
	return wire.Replication{
		Push: wire.PushTier{
			TierTraffic: wire.TierTraffic(traffic.Push), CopiesOut: c.DeltasPushed, CopiesIn: c.PushedIn, New: c.PushedNew,
			Announced: c.DeltasAnnounced, Broadcasts: c.Broadcasts, BroadcastBytes: c.BroadcastBytes,
		},
		Pull: wire.PullTier{
			TierTraffic: wire.TierTraffic(traffic.Pull), CopiesIn: c.PulledIn, New: c.PulledNew,
			Begun: c.Pulls, Failed: c.PullsFailed, Served: c.PullsServed,
		},
		Range: wire.RangeTier{
			TierTraffic: wire.TierTraffic(traffic.Range), Begun: c.Sessions, Completed: c.SessionsCompleted, Abandoned: c.SessionsAbandoned,
			Entries: c.EntriesTaken, Served: c.RangesServed,
		},
		Other:   wire.TierTraffic(traffic.Other),
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
	announcedDesc     = prometheus.NewDesc("ssnode_replication_announced_total", "Deltas announced to members because they were too large to be pushed.", nil, nil)
	broadcastsDesc    = prometheus.NewDesc("ssnode_replication_broadcasts_total", "Announcements handed to gossip, which repeats each.", nil, nil)
	incompleteDesc    = prometheus.NewDesc("ssnode_incomplete", "1 while the node lacks a great part of the state and fetches it.", nil, nil)
)

var replicationDescs = []*prometheus.Desc{
	tierFramesInDesc, tierFramesOutDesc, tierBytesInDesc, tierBytesOutDesc, copiesInDesc, copiesNewDesc,
	announcedDesc, broadcastsDesc, incompleteDesc,
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
	for name, t := range map[string]wire.TierTraffic{"push": r.Push.TierTraffic, "pull": r.Pull.TierTraffic, "range": r.Range.TierTraffic, "other": r.Other} {
		count(tierFramesInDesc, t.FramesIn, name)
		count(tierFramesOutDesc, t.FramesOut, name)
		count(tierBytesInDesc, t.BytesIn, name)
		count(tierBytesOutDesc, t.BytesOut, name)
	}
	count(copiesInDesc, r.Push.CopiesIn, "push")
	count(copiesInDesc, r.Pull.CopiesIn, "pull")
	count(copiesNewDesc, r.Push.New, "push")
	count(copiesNewDesc, r.Pull.New, "pull")
	count(announcedDesc, r.Push.Announced)
	count(broadcastsDesc, r.Push.Broadcasts)
	out <- prometheus.MustNewConstMetric(incompleteDesc, prometheus.GaugeValue, oneIf(c.node.Completeness().Incomplete))
}
