package api

import (
	"context"
	"errors"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// token is what a token of writes stands for, as the node knows it.
type token = crdt.Context

// parseToken reads a token of a request; "" is none.
func parseToken(t wire.Token) (node.Token, error) {
	if t == "" {
		return node.Token{}, nil
	}
	return node.ParseToken(string(t))
}

// tokenOf returns the token that names what was written.
func tokenOf(t token) wire.Token { return wireToken(node.WholeToken(t)) }

func wireToken(t node.Token) wire.Token { return wire.Token(t.String()) }

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
	if err != nil || want.IsZero() {
		return err
	}
	ctx, cancel := s.untilStopped(ctx)
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, timeout)
	defer cancelTimeout()
	err = s.node.Reach(ctx, want)
	if errors.Is(err, node.ErrBehind) {
		return wire.Errorf(wire.CodeUnavailable, "this node has not yet seen what the token names: try again, or ask the node that handed it out")
	}
	return err
}
