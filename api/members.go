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
		Fingerprint: m.Fingerprint.String(), InSync: m.InSync, Behind: m.Behind,
	}
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
	return e.answer(statusOf(status, s.options.Version))
}

func statusOf(x node.Status, version string) wire.Status {
	return wire.Status{
		Node: x.Node, Replica: x.Replica.String(), Cluster: x.Cluster, Version: version,
		API: x.API, Gossip: x.Gossip, Ready: x.Ready, NotReady: x.NotReady,
		Claims: x.Claims, Fingerprint: x.Fingerprint.String(), Context: tokenOf(x.Context), Members: x.Members,
		LogRecords: int64(x.LogRecords), LogBytes: int64(x.LogBytes),
		DBBytes: int64(x.DBBytes), DBFreeBytes: int64(x.DBFreeBytes),
		Identity: wire.Identity(x.Identity), Rival: x.Rival,
	}
}
