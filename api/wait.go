package api

import (
	"context"
	"time"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// waitQuery serves GET /v1/wait.
func (s *Server) waitQuery(e *exchange) error {
	p := e.query()
	q := wire.WaitRequest{Token: wire.Token(p.textOr("token", "")), Timeout: p.textOr("timeout", "")}
	members, err := wire.ParseMemberCount(p.textOr("members", "1"))
	if err != nil {
		p.fail(err)
	}
	q.Members = members
	if err := p.done(); err != nil {
		return err
	}
	return s.wait(e, q)
}

// waitBody serves POST /v1/wait.
func (s *Server) waitBody(e *exchange) error {
	q := wire.WaitRequest{Members: wire.MemberCount{N: 1}}
	if err := e.body(&q); err != nil {
		return err
	}
	return s.wait(e, q)
}

func (s *Server) wait(e *exchange, q wire.WaitRequest) error {
	if q.Token == "" {
		return wire.Errorf(wire.CodeInvalid, "no \"token\": give the one that a write answered with")
	}
	t, err := parseToken(q.Token)
	if err != nil {
		return err
	}
	timeout, err := s.timeout(q.Timeout)
	if err != nil {
		return err
	}
	members := q.Members
	if members.IsZero() {
		members.N = 1
	}
	waited, err := s.awaitMembers(e.r.Context(), t, members, timeout)
	if err != nil {
		return err
	}
	return e.answer(wire.Waited{Token: q.Token, OnDisk: waited.OnDisk, Missing: waited.Missing, Needed: waited.needed})
}

// awaited is what became of a wait. Somebody is missing unless it is complete.
type awaited struct {
	node.Awaited
	// needed is how many members were waited for, 0 if nobody was.
	needed int
}

// await waits until members have on disk what a write did. The node itself
// has it, so who asks for nobody else is answered at once.
func (s *Server) await(ctx context.Context, t token, members wire.MemberCount, timeout time.Duration) (awaited, error) {
	if !members.All && members.N <= 1 {
		return awaited{Awaited: node.Awaited{OnDisk: []string{s.node.Name()}}}, nil
	}
	return s.awaitMembers(ctx, node.WholeToken(t), members, timeout)
}

// awaitMembers waits until members have on disk what a token names, or until
// the timeout is over: then the answer says who is missing.
func (s *Server) awaitMembers(ctx context.Context, t node.Token, members wire.MemberCount, timeout time.Duration) (awaited, error) {
	ctx, cancel := s.untilStopped(ctx)
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, timeout)
	defer cancelTimeout()
	got, err := s.node.AwaitToken(ctx, t, node.Members{All: members.All, N: members.N})
	if err != nil {
		return awaited{}, err
	}
	known := len(got.OnDisk) + len(got.Missing)
	switch {
	case members.All:
		return awaited{got, known}, nil
	case len(got.OnDisk) >= members.N:
		got.Missing = nil // who asked for two of five is not told of the three others
	case known < members.N:
		got.Missing = append(got.Missing, wire.MissingUnknown(members.N-known))
	}
	return awaited{got, members.N}, nil
}
