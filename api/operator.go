package api

import (
	"context"
	"errors"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// joinAddressesMax bounds the addresses of one join.
const joinAddressesMax = 100

// join serves POST /v1/join.
func (s *Server) join(e *exchange) error {
	var q wire.JoinRequest
	if err := e.body(&q); err != nil {
		return err
	}
	switch n := len(q.Addresses); {
	case n == 0:
		return wire.Errorf(wire.CodeInvalid, "no \"addresses\": give those at which members gossip, HOST:PORT each")
	case n > joinAddressesMax:
		return wire.Errorf(wire.CodeTooLarge, "%d addresses, at most %d are allowed: one member is enough to meet all", n, joinAddressesMax)
	}
	ctx, cancel := s.untilStopped(e.r.Context())
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, s.options.WaitTimeout)
	defer cancelTimeout()
	joined, err := s.node.Join(ctx, q.Addresses)
	if err != nil {
		return joinError(joined, err)
	}
	answer := wire.Joined{Joined: joined.Reached}
	for _, f := range joined.Failed {
		answer.Failed = append(answer.Failed, wire.JoinFailure{Address: f.Address, Error: f.Cause.Error()})
	}
	return e.answer(answer)
}

// joinError says of each address why nobody was met there. The code is that of
// the first.
func joinError(joined node.Joined, err error) error {
	if errors.Is(err, node.ErrClosed) || len(joined.Failed) == 0 {
		return err
	}
	texts := make([]string, len(joined.Failed))
	for i, f := range joined.Failed {
		texts[i] = f.Error()
	}
	return wire.Errorf(errorOf(joined.Failed[0]).Code, "no member was met: %s", strings.Join(texts, "; "))
}

// leave serves POST /v1/leave. Whoever runs the node ends it then, which lets
// this answer go out first.
func (s *Server) leave(e *exchange) error {
	var q wire.LeaveRequest
	if err := e.body(&q); err != nil {
		return err
	}
	// A client that goes away must not leave the node half gone.
	left, err := s.node.Leave(context.WithoutCancel(e.r.Context()), q.Release)
	if err != nil {
		return err
	}
	return e.answer(wire.Left{Node: s.node.Name(), Released: left.Released, OnDisk: left.OnDisk, Missing: left.Missing})
}

// forget serves POST /v1/forget.
func (s *Server) forget(e *exchange) error {
	var q wire.ForgetRequest
	if err := e.body(&q); err != nil {
		return err
	}
	done, err := s.forgetWhom(e.r.Context(), q)
	if err != nil {
		return err
	}
	answer := wire.Forgotten{
		Node: q.Node, Released: done.Released, Token: tokenOf(done.Token),
		Changed: done.Retired || done.Released > 0 || len(done.Replicas) > 0,
	}
	for _, r := range done.Replicas {
		answer.Replicas = append(answer.Replicas, r.String())
	}
	return e.answer(answer)
}

func (s *Server) forgetWhom(ctx context.Context, q wire.ForgetRequest) (node.Forgotten, error) {
	switch {
	case q.Node != "" && q.Replica != "":
		return node.Forgotten{}, wire.Errorf(wire.CodeInvalid, "both \"node\" and \"replica\": give one of them")
	case q.Node != "":
		return s.node.Forget(ctx, q.Node, q.Release)
	case q.Replica == "":
		return node.Forgotten{}, wire.Errorf(wire.CodeInvalid, "nobody to forget: give \"node\", or one \"replica\"")
	case q.Release:
		return node.Forgotten{}, wire.Errorf(wire.CodeInvalid, "\"release\" belongs to a node: claims are of nodes, not of replicas")
	}
	r, err := crdt.ParseReplicaID(q.Replica)
	if err != nil {
		return node.Forgotten{}, wire.Errorf(wire.CodeInvalid, "the replica %q is not 32 hexadecimal digits: copy it whole", q.Replica)
	}
	return s.node.ForgetReplica(ctx, r)
}

// setNode serves PUT /v1/nodes/{node}.
func (s *Server) setNode(e *exchange) error {
	name := e.r.PathValue("node")
	if err := ranges.ValidateName("node", name); err != nil {
		return err
	}
	var q wire.NodeRequest
	if err := e.body(&q); err != nil {
		return err
	}
	written, err := s.node.SetNode(e.r.Context(), name, q.Address, q.Labels)
	if err != nil {
		return err
	}
	info, _ := s.node.Node(name)
	now := nodeOf(info)
	return e.answer(wire.NodeWritten{
		Node: now.Node, Address: now.Address, Labels: now.Labels, Liveness: now.Liveness,
		Changed: len(written) > 0, Token: tokenOf(written),
	})
}
