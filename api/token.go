package api

import (
	"context"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// token is what a token stands for, as the node knows it.
type token = crdt.Context

// parseToken reads a token of a request; "" is none.
func parseToken(t wire.Token) (token, error) {
	if t == "" {
		return nil, nil
	}
	return node.ParseToken(string(t))
}

func tokenOf(t token) wire.Token { return wire.Token(node.FormatToken(t)) }

// joinTokens returns what stands for all of them.
func joinTokens(tokens []token) token {
	all := token{}
	for _, t := range tokens {
		all.Join(t)
	}
	return all
}

// atLeast waits until this node has seen what a token names.
func (s *Server) atLeast(ctx context.Context, t wire.Token, timeout time.Duration) error {
	want, err := parseToken(t)
	if err != nil || len(want) == 0 {
		return err
	}
	ctx, cancel := s.untilStopped(ctx)
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, timeout)
	defer cancelTimeout()
	waited, err := s.node.Await(ctx, want, node.Members{N: 1})
	if err != nil {
		return err
	}
	if !contains(waited.OnDisk, s.node.Name()) {
		return wire.Errorf(wire.CodeUnavailable, "this node has not yet seen what the token names: try again, or ask the node that handed it out")
	}
	return nil
}
