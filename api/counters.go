package api

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalesmall/ssnode/node"
)

// counter is one number of a node that only grows.
type counter struct {
	desc *prometheus.Desc
	of   func(node.Counters) uint64
}

func newCounter(name, help string, of func(node.Counters) uint64) counter {
	return counter{prometheus.NewDesc("ssnode_"+name, help, nil, nil), of}
}

// nodeCounters are told as they are. docs/operations.md lists them.
var nodeCounters = []counter{
	newCounter("commits_total", "Transactions that became durable.", func(c node.Counters) uint64 { return c.Commits }),
	newCounter("events_applied_total", "Events applied in them.", func(c node.Counters) uint64 { return c.Events }),
	newCounter("send_errors_total", "Frames that could not be handed to the network; each costs a retry.", func(c node.Counters) uint64 { return c.SendErrors }),

	newCounter("protocol_frames_received_total", "Frames of replication received.", func(c node.Counters) uint64 { return c.Protocol.FramesIn }),
	newCounter("protocol_frames_sent_total", "Frames of replication sent to single members.", func(c node.Counters) uint64 { return c.Protocol.FramesOut }),
	newCounter("protocol_received_bytes_total", "Bytes of the frames received.", func(c node.Counters) uint64 { return c.Protocol.BytesIn }),
	newCounter("protocol_sent_bytes_total", "Bytes of the frames sent.", func(c node.Counters) uint64 { return c.Protocol.BytesOut }),
	newCounter("protocol_frames_bad_total", "Frames that no node sends.", func(c node.Counters) uint64 { return c.Protocol.FramesBad }),
	newCounter("protocol_frames_foreign_total", "Frames of another cluster or protocol version.", func(c node.Counters) uint64 { return c.Protocol.FramesForeign }),
	newCounter("protocol_frames_stale_total", "Answers that came too late or twice.", func(c node.Counters) uint64 { return c.Protocol.FramesStale }),
	newCounter("deltas_received_total", "Deltas received.", func(c node.Counters) uint64 { return c.Protocol.DeltasIn }),
	newCounter("deltas_known_total", "Deltas received that were known.", func(c node.Counters) uint64 { return c.Protocol.DeltasKnown }),
	newCounter("deltas_early_total", "Deltas received before others that they follow.", func(c node.Counters) uint64 { return c.Protocol.DeltasEarly }),
	newCounter("deltas_pushed_total", "Deltas pushed, counted for each member.", func(c node.Counters) uint64 { return c.Protocol.DeltasPushed }),
	newCounter("pulls_total", "Pulls begun.", func(c node.Counters) uint64 { return c.Protocol.Pulls }),
	newCounter("pulls_repeated_total", "Pulls asked again because nothing of an answer had come.", func(c node.Counters) uint64 { return c.Protocol.PullsRepeated }),
	newCounter("pulls_failed_total", "Pulls that got no answer.", func(c node.Counters) uint64 { return c.Protocol.PullsFailed }),
	newCounter("pulls_served_total", "Pulls of others answered.", func(c node.Counters) uint64 { return c.Protocol.PullsServed }),
	newCounter("sessions_total", "Range repairs begun.", func(c node.Counters) uint64 { return c.Protocol.Sessions }),
	newCounter("sessions_completed_total", "Range repairs completed.", func(c node.Counters) uint64 { return c.Protocol.SessionsCompleted }),
	newCounter("sessions_abandoned_total", "Range repairs given up.", func(c node.Counters) uint64 { return c.Protocol.SessionsAbandoned }),
	newCounter("sketches_peeled_total", "Sketches that told what differs.", func(c node.Counters) uint64 { return c.Protocol.SketchesPeeled }),
	newCounter("sketches_given_up_total", "Sketches that did not tell what differs, so that ranges were compared instead.", func(c node.Counters) uint64 { return c.Protocol.SketchesGivenUp }),
	newCounter("sketch_symbols_served_total", "Symbols of the own sketch sent to members.", func(c node.Counters) uint64 { return c.Protocol.SymbolsServed }),
	newCounter("sketch_elements_served_total", "Entries sent to members that a sketch had told them of.", func(c node.Counters) uint64 { return c.Protocol.ElementsServed }),
	newCounter("ranges_equal_total", "Spans found equal by range repair.", func(c node.Counters) uint64 { return c.Protocol.RangesEqual }),
	newCounter("ranges_split_total", "Spans found different and compared in parts.", func(c node.Counters) uint64 { return c.Protocol.RangesSplit }),
	newCounter("ranges_served_total", "Spans of others answered about.", func(c node.Counters) uint64 { return c.Protocol.RangesServed }),
	newCounter("backfills_total", "Ranges whose history was asked for, as this node has begun to claim them.", func(c node.Counters) uint64 { return c.Protocol.Backfills }),
	newCounter("backfills_failed_total", "Of these, ended early; they begin anew.", func(c node.Counters) uint64 { return c.Protocol.BackfillsFailed }),
	newCounter("backfilled_events_total", "Events added to the log by them.", func(c node.Counters) uint64 { return c.Backfilled }),
	newCounter("repaired_entries_total", "Entries joined by range repair.", func(c node.Counters) uint64 { return c.Protocol.EntriesTaken }),
	newCounter("diverged_total", "Times that a member had seen the same and held something else: corruption, or two processes under one identity.", func(c node.Counters) uint64 { return c.Protocol.Diverged }),
	newCounter("reads_failed_total", "Reads for the protocol that failed.", func(c node.Counters) uint64 { return c.Protocol.ReadsFailed }),
	newCounter("commits_failed_total", "Transactions for the protocol that failed.", func(c node.Counters) uint64 { return c.Protocol.CommitsFailed }),

	newCounter("gossip_sent_bytes_total", "UDP and TCP payload sent for gossip, membership included.", func(c node.Counters) uint64 { return c.Gossip.PacketBytesSent + c.Gossip.StreamBytesSent }),
	newCounter("gossip_received_bytes_total", "UDP and TCP payload received for gossip, membership included.", func(c node.Counters) uint64 { return c.Gossip.PacketBytesReceived + c.Gossip.StreamBytesRead }),
	newCounter("gossip_checks_sent_total", "Checks sent with answers to probes and with membership.", func(c node.Counters) uint64 { return c.Gossip.ChecksSent }),
	newCounter("gossip_checks_sent_bytes_total", "Size of these checks.", func(c node.Counters) uint64 { return c.Gossip.CheckBytesSent }),
	newCounter("gossip_checks_received_total", "Checks received with answers to probes and with membership.", func(c node.Counters) uint64 { return c.Gossip.ChecksReceived }),
	newCounter("gossip_checks_received_bytes_total", "Size of these checks.", func(c node.Counters) uint64 { return c.Gossip.CheckBytesReceived }),
	newCounter("gossip_refused_cluster_total", "Packets and streams of another cluster refused.", func(c node.Counters) uint64 { return c.Gossip.RefusedCluster }),
	newCounter("gossip_refused_version_total", "Memberships without a protocol version in common refused.", func(c node.Counters) uint64 { return c.Gossip.RefusedVersion }),
	newCounter("gossip_refused_network_total", "Packets and streams from networks that are not allowed refused.", func(c node.Counters) uint64 { return c.Gossip.RefusedNetwork }),
	newCounter("gossip_conflicts_total", "Memberships under a name that another process has.", func(c node.Counters) uint64 { return c.Gossip.Conflicts }),
}

// droppedBy are what had no room, or was no use, somewhere, by the name of the
// queue. Those of node.Counters.Queues are told beside them.
var droppedBy = map[string]func(node.Counters) uint64{
	"deltas":        func(c node.Counters) uint64 { return c.Protocol.DeltasDropped },
	"questions":     func(c node.Counters) uint64 { return c.Protocol.AsksRefused },
	"served_reads":  func(c node.Counters) uint64 { return c.Protocol.RequestsRefused },
	"announcements": func(c node.Counters) uint64 { return c.Protocol.AnnouncementsDropped },
	"notices":       func(c node.Counters) uint64 { return c.Protocol.NoticesDropped },
	"outbox":        func(c node.Counters) uint64 { return c.Gossip.DropsQueueFull + c.Gossip.DropsSend },
	"broadcasts":    func(c node.Counters) uint64 { return c.Gossip.DropsBroadcast },
	"handoff":       func(c node.Counters) uint64 { return c.Gossip.DropsHandoff },
	"streams":       func(c node.Counters) uint64 { return c.Gossip.RefusedStreams },
	"conflicts":     func(c node.Counters) uint64 { return c.Gossip.DropsConflict },
	"strangers":     func(c node.Counters) uint64 { return c.Gossip.DropsUnknown },
	"malformed":     func(c node.Counters) uint64 { return c.Gossip.DropsMalformed },
}

// becameBy are how often members became so, by liveness.
var becameBy = map[string]func(node.Counters) uint64{
	"alive":   func(c node.Counters) uint64 { return c.Gossip.Became.Alive },
	"suspect": func(c node.Counters) uint64 { return c.Gossip.Became.Suspect },
	"dead":    func(c node.Counters) uint64 { return c.Gossip.Became.Dead },
	"left":    func(c node.Counters) uint64 { return c.Gossip.Became.Left },
}

var (
	becameDesc      = prometheus.NewDesc("ssnode_member_changes_total", "How often other members became so, as this node sees it, by liveness. Suspect is who did not answer this node's own probe, whatever others say.", []string{"liveness"}, nil)
	droppedDesc     = prometheus.NewDesc("ssnode_dropped_total", "What a bounded queue had no room for, or what could not be used, by queue.", []string{"queue"}, nil)
	queueLengthDesc = prometheus.NewDesc("ssnode_queue_length", "How much waits in a queue, in its own unit.", []string{"queue"}, nil)
	queueLimitDesc  = prometheus.NewDesc("ssnode_queue_limit", "How much a queue holds at most, in its own unit.", []string{"queue"}, nil)
	watchersDesc    = prometheus.NewDesc("ssnode_watchers", "Watches that are under way.", nil, nil)
	aloneDesc       = prometheus.NewDesc("ssnode_alone", "1 if there are members to join and none can be reached.", nil, nil)
)

// counterCollector tells what a node and its server have counted.
type counterCollector struct{ server *Server }

// Describe implements prometheus.Collector.
func (c *counterCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{becameDesc, droppedDesc, queueLengthDesc, queueLimitDesc, watchersDesc, aloneDesc} {
		out <- d
	}
	for _, x := range nodeCounters {
		out <- x.desc
	}
}

// Collect implements prometheus.Collector.
func (c *counterCollector) Collect(out chan<- prometheus.Metric) {
	counted := c.server.node.Counters()
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for _, x := range nodeCounters {
		tell(x.desc, prometheus.CounterValue, float64(x.of(counted)))
	}
	for liveness, of := range becameBy {
		tell(becameDesc, prometheus.CounterValue, float64(of(counted)), liveness)
	}
	for queue, of := range droppedBy {
		tell(droppedDesc, prometheus.CounterValue, float64(of(counted)), queue)
	}
	for _, q := range append(counted.Queues, c.server.queues()...) {
		tell(droppedDesc, prometheus.CounterValue, float64(q.Dropped), q.Name)
		tell(queueLengthDesc, prometheus.GaugeValue, float64(q.Length), q.Name)
		tell(queueLimitDesc, prometheus.GaugeValue, float64(q.Limit), q.Name)
	}
	tell(watchersDesc, prometheus.GaugeValue, float64(counted.Watchers))
	tell(aloneDesc, prometheus.GaugeValue, oneIf(counted.Alone))
}
