package api

import (
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// lookupQuery serves GET /v1/lookup; a key that is given several times is
// several keys.
func (s *Server) lookupQuery(e *exchange) error {
	p := e.query()
	q := wire.LookupRequest{Keyspace: p.textOr("keyspace", ranges.DefaultKeyspace), AtLeast: wire.Token(p.textOr("at_least", "")), Timeout: p.textOr("timeout", "")}
	keys := p.all("key")
	if err := p.done(); err != nil {
		return err
	}
	switch len(keys) {
	case 0:
	case 1:
		q.Key = &keys[0]
	default:
		q.Keys = keys
	}
	return s.lookup(e, q)
}

// lookupBody serves POST /v1/lookup.
func (s *Server) lookupBody(e *exchange) error {
	var q wire.LookupRequest
	if err := e.body(&q); err != nil {
		return err
	}
	return s.lookup(e, q)
}

func (s *Server) lookup(e *exchange, q wire.LookupRequest) error {
	keyspace := chooseKeyspace(q.Keyspace, false)
	if err := ranges.ValidateName("keyspace", keyspace); err != nil {
		return err
	}
	keys, err := keysOf(q)
	if err != nil {
		return err
	}
	timeout, err := s.timeout(q.Timeout)
	if err != nil {
		return err
	}
	if err := s.atLeast(e.r.Context(), q.AtLeast, timeout); err != nil {
		return err
	}
	// The token is taken first: what is looked up then reflects it at least.
	// And whether much is missing before that: it is not while it is looked up,
	// if it was not before.
	incomplete := s.node.Completeness().Incomplete
	reflected := wireToken(s.node.Token())
	found := make(wire.List[wire.Lookup], len(keys))
	for i, key := range keys {
		found[i] = s.find(keyspace, key)
		found[i].Token, found[i].Incomplete = reflected, incomplete
	}
	switch {
	case e.wantsStream():
		return stream(e, reflected, func(row func(wire.Lookup) error) error { return eachOf(found, row) })
	case q.Key != nil:
		return e.answer(found[0])
	}
	return e.answer(wire.Lookups{Lookups: found, Token: reflected, Incomplete: incomplete})
}

// keysOf returns the keys of a request, parsed.
func keysOf(q wire.LookupRequest) ([]string, error) {
	texts := []string(q.Keys)
	switch {
	case q.Key != nil && q.Keys != nil:
		return nil, wire.Errorf(wire.CodeInvalid, "both \"key\" and \"keys\": give one of them")
	case q.Key != nil:
		texts = []string{*q.Key}
	case len(texts) == 0:
		return nil, wire.Errorf(wire.CodeInvalid, "no key: give \"key\" or \"keys\"")
	case len(texts) > lookupKeysMax:
		return nil, wire.Errorf(wire.CodeTooLarge, "%d keys, at most %d are allowed: ask several times", len(texts), lookupKeysMax)
	}
	keys := make([]string, len(texts))
	for i, text := range texts {
		key, err := wire.ParseKey(text)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// find looks a key up and adds what is known of its servers.
func (s *Server) find(keyspace, key string) wire.Lookup {
	subrange := s.node.Lookup(keyspace, key)
	servers := wire.Servers(subrange.Servers)
	for i := range servers {
		servers[i].Liveness = wire.LivenessUnknown
		if n, ok := s.node.Node(servers[i].Node); ok {
			servers[i].Address, servers[i].Liveness = n.Service, wire.Liveness(n.Liveness.String())
		}
	}
	return wire.Lookup{Keyspace: keyspace, Key: wire.FormatKey(key), Bounds: wire.BoundsOf(subrange.Range), Servers: servers}
}
