package api

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalesmall/ssnode/node"
)

// nodeCollector tells the state of the node when it is asked, so that nothing
// is kept up to date for nobody.
type nodeCollector struct {
	node    *node.Node
	version string
}

// The metrics of a node, in Prometheus' units.
var (
	infoDesc         = prometheus.NewDesc("ssnode_info", "Always 1; the labels say who the node is.", []string{"node", "cluster", "version"}, nil)
	readyDesc        = prometheus.NewDesc("ssnode_ready", "1 if the node is ready.", nil, nil)
	identityDesc     = prometheus.NewDesc("ssnode_identity_confirmed", "1 if the node may assign event numbers.", nil, nil)
	claimsDesc       = prometheus.NewDesc("ssnode_claims", "Visible claims.", nil, nil)
	keyspacesDesc    = prometheus.NewDesc("ssnode_keyspaces", "Keyspaces with visible claims.", nil, nil)
	replicasDesc     = prometheus.NewDesc("ssnode_context_replicas", "Replicas of which the node has seen events.", nil, nil)
	membersDesc      = prometheus.NewDesc("ssnode_members", "Members that the node knows, itself included, by liveness.", []string{"liveness"}, nil)
	inSyncDesc       = prometheus.NewDesc("ssnode_member_in_sync", "1 if the member, as far as heard, holds the same state.", []string{"member"}, nil)
	behindDesc       = prometheus.NewDesc("ssnode_member_behind_events", "Events that this node knows of and the member, as far as heard, does not.", []string{"member"}, nil)
	syncSinceDesc    = prometheus.NewDesc("ssnode_member_sync_timestamp_seconds", "Since when the member has been in sync, or has not; see ssnode_member_in_sync.", []string{"member"}, nil)
	sentDesc         = prometheus.NewDesc("ssnode_member_sent_bytes_total", "Bytes of the frames of replication sent to the member since it was listed.", []string{"member"}, nil)
	receivedDesc     = prometheus.NewDesc("ssnode_member_received_bytes_total", "Bytes of the frames of replication received from the member since it was listed.", []string{"member"}, nil)
	sessionAtDesc    = prometheus.NewDesc("ssnode_member_last_session_timestamp_seconds", "When the last fetch from the member ended, by kind.", []string{"member", "kind"}, nil)
	sessionOKDesc    = prometheus.NewDesc("ssnode_member_last_session_ok", "1 if the last fetch from the member did what it was begun for.", []string{"member"}, nil)
	sessionBytesDesc = prometheus.NewDesc("ssnode_member_last_session_bytes", "What passed between the node and the member during the last fetch.", []string{"member"}, nil)
	waitingDesc      = prometheus.NewDesc("ssnode_waiting_records", "Released records that wait for their origin to close them.", nil, nil)
	repairingDesc    = prometheus.NewDesc("ssnode_repairing", "1 while the state of the node is being repaired.", nil, nil)
	logRecordsDesc   = prometheus.NewDesc("ssnode_log_records", "Deltas in the log.", nil, nil)
	logBytesDesc     = prometheus.NewDesc("ssnode_log_bytes", "Size of the deltas in the log.", nil, nil)
	dbBytesDesc      = prometheus.NewDesc("ssnode_db_bytes", "Size of the database file.", nil, nil)
	dbFreeBytesDesc  = prometheus.NewDesc("ssnode_db_free_bytes", "Size of the free pages in the database file.", nil, nil)
)

var nodeDescs = []*prometheus.Desc{
	infoDesc, readyDesc, identityDesc, claimsDesc, keyspacesDesc, replicasDesc, membersDesc,
	inSyncDesc, behindDesc, syncSinceDesc, sentDesc, receivedDesc, sessionAtDesc, sessionOKDesc, sessionBytesDesc,
	waitingDesc, repairingDesc, logRecordsDesc, logBytesDesc, dbBytesDesc, dbFreeBytesDesc,
}

// Describe implements prometheus.Collector.
func (c *nodeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range nodeDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *nodeCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	status, err := c.node.Status()
	if err != nil {
		gauge(readyDesc, 0) // the rest is not known
		return
	}
	gauge(infoDesc, 1, status.Node, status.Cluster, c.version)
	gauge(readyDesc, oneIf(status.Ready))
	gauge(identityDesc, oneIf(status.Identity == "confirmed"))
	gauge(claimsDesc, float64(status.Claims))
	gauge(keyspacesDesc, float64(len(c.node.Keyspaces())))
	gauge(replicasDesc, float64(len(status.Context)))
	gauge(logRecordsDesc, float64(status.LogRecords))
	gauge(logBytesDesc, float64(status.LogBytes))
	gauge(dbBytesDesc, float64(status.DBBytes))
	gauge(dbFreeBytesDesc, float64(status.DBFreeBytes))
	var waiting uint64
	for _, w := range status.Waiting {
		waiting += w.Records
	}
	gauge(waitingDesc, float64(waiting))
	gauge(repairingDesc, oneIf(status.Repair != nil))
	c.collectMembers(out, gauge)
}

func (c *nodeCollector) collectMembers(out chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string)) {
	count := map[string]int{"alive": 0, "suspect": 0, "dead": 0, "left": 0, "unknown": 0}
	seen := map[string]bool{}
	for _, m := range c.node.Members() {
		count[m.Liveness.String()]++
		if seen[m.Name] {
			continue // a label may stand for one member only
		}
		seen[m.Name] = true
		gauge(inSyncDesc, oneIf(m.InSync), m.Name)
		gauge(behindDesc, float64(m.Behind), m.Name)
		if m.Self {
			continue
		}
		out <- prometheus.MustNewConstMetric(sentDesc, prometheus.CounterValue, float64(m.BytesOut), m.Name)
		out <- prometheus.MustNewConstMetric(receivedDesc, prometheus.CounterValue, float64(m.BytesIn), m.Name)
		if !m.SyncSince.IsZero() {
			gauge(syncSinceDesc, float64(m.SyncSince.UnixMilli())/1000, m.Name)
		}
		if f := m.LastFetch; !f.Ended.IsZero() {
			gauge(sessionAtDesc, float64(f.Ended.UnixMilli())/1000, m.Name, f.Kind.String())
			gauge(sessionOKDesc, oneIf(f.Failure == ""), m.Name)
			gauge(sessionBytesDesc, float64(f.Bytes), m.Name)
		}
	}
	for liveness, n := range count {
		gauge(membersDesc, float64(n), liveness)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
