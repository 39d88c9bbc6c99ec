package api

import (
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// members serves GET /v1/members.
func (s *Server) members(e *exchange) error {
	if err := e.noQuery(); err != nil {
		return err
	}
	members := s.node.Members()
	answer := wire.Members{Members: make(wire.List[wire.Member], len(members))}
	for i, m := range members {
		answer.Members[i] = memberOf(m)
	}
	return e.answer(answer)
}

func memberOf(m node.Member) wire.Member {
	return wire.Member{
		Node: m.Name, Replica: m.Replica.String(), Gossip: m.Gossip, Address: m.API,
		Liveness: wire.Liveness(m.Liveness.String()), LastHeard: m.LastHeard,
		Fingerprint: m.Fingerprint.String(), InSync: m.InSync, Behind: m.Behind, Traffic: trafficOf(m),
	}
}

func trafficOf(m node.Member) wire.Traffic {
	t := wire.Traffic{SyncSince: m.SyncSince, BytesSent: m.BytesOut, BytesReceived: m.BytesIn}
	if f := m.LastFetch; !f.Ended.IsZero() {
		t.LastSession = &wire.Session{Ended: f.Ended, Kind: wire.SessionKind(f.Kind.String()), OK: f.Failure == "", Failure: f.Failure, Bytes: f.Bytes}
	}
	return t
}

func peersOf(members []node.Member) (peers wire.List[wire.Peer]) {
	for _, m := range members {
		if !m.Self {
			peers = append(peers, wire.Peer{
				Node: m.Name, Liveness: wire.Liveness(m.Liveness.String()), InSync: m.InSync, Behind: m.Behind, Traffic: trafficOf(m),
			})
		}
	}
	return peers
}

// status serves GET /v1/status.
func (s *Server) status(e *exchange) error {
	if err := e.noQuery(); err != nil {
		return err
	}
	status, err := s.node.Status()
	if err != nil {
		return err
	}
	answer := statusOf(status, s.options.Version)
	answer.Peers = peersOf(s.node.Members())
	complete := s.node.Completeness()
	answer.Incomplete, answer.ExpectedRecords = complete.Incomplete, complete.Expected
	answer.Replication = replicationOf(s.node)
	return e.answer(answer)
}

// waitingMax bounds the replicas that a status names for which records wait;
// what a compaction would do names all of them.
const waitingMax = 16

func statusOf(x node.Status, version string) wire.Status {
	out := wire.Status{
		Node: x.Node, Replica: x.Replica.String(), Cluster: x.Cluster, Version: version,
		API: x.API, Gossip: x.Gossip, Ready: x.Ready, NotReady: x.NotReady,
		Claims: x.Claims, Fingerprint: x.Fingerprint.String(), Context: wireToken(x.Token), Members: x.Members,
		LogRecords: int64(x.LogRecords), LogBytes: int64(x.LogBytes),
		DBBytes: int64(x.DBBytes), DBFreeBytes: int64(x.DBFreeBytes),
		Identity: wire.Identity(x.Identity), Rival: x.Rival, Records: x.Fingerprint.Count,
	}
	for _, h := range x.History {
		out.History = append(out.History, historyClassOf(h))
	}
	for i, w := range x.Waiting {
		if out.WaitingRecords += int64(w.Records); i < waitingMax {
			out.Waiting = append(out.Waiting, wire.Waiting{Replica: w.Replica.String(), Records: int64(w.Records), Node: w.Node})
		}
	}
	if x.Repair != nil {
		out.Repair = repairOf(*x.Repair)
	}
	return out
}

func repairOf(r node.Repair) *wire.Repair {
	out := &wire.Repair{
		Member: r.Member, Reason: r.Reason, Whole: r.Whole, Since: r.Since, Entries: r.Entries, Spans: r.Spans,
		Compared: r.Compared, Expected: r.Expected, SpansBegun: r.SpansBegun, SpansDone: r.SpansDone, Sketch: r.Sketch,
	}
	if keyspace, from, ok := r.Through.Start(); ok && keyspace != "" {
		text := wire.FormatKey(from)
		out.ThroughKeyspace, out.Through = keyspace, &text
	}
	return out
}
