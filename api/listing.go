package api

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// ranges serves GET /v1/ranges: the subranges of one keyspace, whole, also
// where they reach beyond from and to.
func (s *Server) ranges(e *exchange) error {
	p := e.query()
	keyspace := p.textOr("keyspace", ranges.DefaultKeyspace)
	p.fail(ranges.ValidateName("keyspace", keyspace))
	within, of := p.within(), p.nodeName()
	limit := p.number("limit", math.MaxInt, math.MaxInt)
	after, continued := p.text("after")
	if continued {
		p.fail(continueAfter(&within, after))
	}
	if err := p.done(); err != nil {
		return err
	}
	reflected := wireToken(s.node.Token())
	each := func(visit func(ranges.Subrange) error) (string, error) {
		return s.eachSubrange(keyspace, within, of, limit, visit)
	}
	if e.wantsStream() {
		return stream(e, reflected, func(row func(wire.KeyspaceRow) error) error {
			_, err := each(func(x ranges.Subrange) error {
				return row(wire.KeyspaceRow{Keyspace: keyspace, Subrange: wire.FormText.Subrange(x)})
			})
			return err
		})
	}
	answer := wire.Ranges{Keyspace: keyspace, Token: reflected}
	next, err := each(func(x ranges.Subrange) error {
		answer.Subranges = append(answer.Subranges, wire.FormText.Subrange(x))
		return nil
	})
	if err != nil {
		return err
	}
	answer.Next = next
	return e.answer(answer)
}

// continueAfter makes a listing of subranges begin where the last one ended.
func continueAfter(within **ranges.Range, after string) error {
	key, err := wire.ParseKey(after)
	if err != nil {
		return err
	}
	r := ranges.Everything()
	if *within != nil {
		r = **within
	}
	r.From = max(r.From, key)
	*within = &r
	return nil
}

// eachSubrange visits the subranges that are asked for and returns where to go
// on if there are more than limit.
func (s *Server) eachSubrange(keyspace string, within *ranges.Range, of string, limit int, visit func(ranges.Subrange) error) (next string, err error) {
	everywhere := ranges.Everything()
	if within == nil {
		within = &everywhere
	}
	for x := range s.node.LookupTable(keyspace).Overlapping(*within) {
		switch {
		case of != "" && !serves(of, x):
			continue
		case limit == 0:
			return wire.FormatKey(x.Range.From), nil
		}
		if err := visit(x); err != nil {
			return "", err
		}
		limit--
	}
	return "", nil
}

func serves(node string, x ranges.Subrange) bool {
	for _, server := range x.Servers {
		if server.Node == node {
			return true
		}
	}
	return false
}

// claims serves GET /v1/claims.
func (s *Server) claims(e *exchange) error {
	p := e.query()
	filter := node.Filter{Keyspace: p.keyspace(), Range: p.within(), Node: p.nodeName()}
	limit := p.number("limit", math.MaxInt, math.MaxInt)
	after := p.textOr("after", "")
	if err := p.done(); err != nil {
		return err
	}
	claims, next, reflected, err := s.page(filter, after, limit)
	if err != nil {
		return err
	}
	if e.wantsStream() {
		return stream(e, wireToken(reflected), func(row func(wire.Claim) error) error {
			return eachOf(claims, func(w ranges.Weighted) error { return row(wire.FormText.Claim(w)) })
		})
	}
	answer := wire.Claims{Claims: make(wire.List[wire.Claim], len(claims)), Token: wireToken(reflected), Next: next}
	for i, w := range claims {
		answer.Claims[i] = wire.FormText.Claim(w)
	}
	return e.answer(answer)
}

// errEnough ends a listing that has as many rows as were asked for.
var errEnough = errors.New("enough")

// page returns the claims after a cursor, at most limit, and the cursor of the
// rest. A cursor names the last claim that was listed, so it holds though that
// claim may be gone by now. They are collected before the first is sent: the
// store must not wait for a client.
func (s *Server) page(filter node.Filter, after string, limit int) (claims []ranges.Weighted, next string, reflected node.Token, err error) {
	var last ranges.Claim
	if after != "" {
		if last, err = parseCursor(after); err != nil {
			return nil, "", node.Token{}, err
		}
	}
	reflected, err = s.node.EachClaim(filter, func(w ranges.Weighted) error {
		switch {
		case after != "" && w.Claim.Compare(last) <= 0:
			return nil
		case len(claims) == limit:
			next = formatCursor(claims[limit-1].Claim)
			return errEnough
		}
		claims = append(claims, w)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return claims, next, reflected, err
}

func formatCursor(c ranges.Claim) string {
	return base64.RawURLEncoding.EncodeToString([]byte(delta.ClaimKey(c)))
}

func parseCursor(text string) (ranges.Claim, error) {
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(key) <= delta.KeyBytesMax {
		if c, err := delta.Key(key).Claim(); err == nil {
			return c, nil
		}
	}
	return ranges.Claim{}, wire.Errorf(wire.CodeInvalid, "the parameter \"after\" is not what a listing gave as \"next\": copy it whole")
}

// keyspaces serves GET /v1/keyspaces.
func (s *Server) keyspaces(e *exchange) error {
	p := e.query()
	limit, after := p.number("limit", math.MaxInt, math.MaxInt), p.textOr("after", "")
	if err := p.done(); err != nil {
		return err
	}
	reflected := wireToken(s.node.Token())
	answer := wire.Keyspaces{Token: reflected}
	for _, k := range s.node.Keyspaces() {
		if strings.Compare(k.Name, after) <= 0 {
			continue
		}
		if len(answer.Keyspaces) == limit {
			answer.Next = answer.Keyspaces[limit-1].Keyspace
			break
		}
		answer.Keyspaces = append(answer.Keyspaces, wire.Keyspace{Keyspace: k.Name, Claims: k.Claims, Subranges: k.Subranges})
	}
	if e.wantsStream() {
		return stream(e, reflected, func(row func(wire.Keyspace) error) error { return eachOf(answer.Keyspaces, row) })
	}
	return e.answer(answer)
}

// nodes serves GET /v1/nodes.
func (s *Server) nodes(e *exchange) error {
	p := e.query()
	name := p.nodeName()
	limit, after := p.number("limit", math.MaxInt, math.MaxInt), p.textOr("after", "")
	if err := p.done(); err != nil {
		return err
	}
	reflected := wireToken(s.node.Token())
	var answer wire.Nodes
	for _, n := range s.node.Nodes() {
		if strings.Compare(n.Name, after) <= 0 || name != "" && n.Name != name {
			continue
		}
		if len(answer.Nodes) == limit {
			answer.Next = answer.Nodes[limit-1].Node
			break
		}
		answer.Nodes = append(answer.Nodes, nodeOf(n))
	}
	if e.wantsStream() {
		return stream(e, reflected, func(row func(wire.Node) error) error { return eachOf(answer.Nodes, row) })
	}
	return e.answer(answer)
}

func nodeOf(n node.NodeInfo) wire.Node {
	return wire.Node{Node: n.Name, Address: n.Service, API: n.API, Labels: labelsOf(n.Labels), Liveness: wire.Liveness(n.Liveness.String())}
}

func labelsOf(labels []delta.Label) map[string]string {
	out := make(map[string]string, len(labels))
	for _, l := range labels {
		out[l.Name] = l.Value
	}
	return out
}
