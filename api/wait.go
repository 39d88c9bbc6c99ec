package api

import "github.com/scalesmall/ssnode/wire"

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
	return e.answer(wire.Waited{Token: q.Token, OnDisk: waited.OnDisk, Missing: waited.Missing})
}
