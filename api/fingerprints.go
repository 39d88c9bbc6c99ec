package api

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// fingerprintsQuery serves GET /v1/fingerprints.
func (s *Server) fingerprintsQuery(e *exchange) error {
	p := e.query()
	q := wire.StateRequest{From: p.textOr("from", ""), Cuts: p.all("cut"), Parts: p.number("parts", 0, node.CutsMax), Entries: p.boolean("entries")}
	if to, bounded := p.text("to"); bounded {
		q.To = &to
	}
	if err := p.done(); err != nil {
		return err
	}
	return s.fingerprints(e, q)
}

// fingerprintsBody serves POST /v1/fingerprints: cuts may be longer than a URL.
func (s *Server) fingerprintsBody(e *exchange) error {
	var q wire.StateRequest
	if err := e.body(&q); err != nil {
		return err
	}
	return s.fingerprints(e, q)
}

func (s *Server) fingerprints(e *exchange, q wire.StateRequest) error {
	span, cuts, err := positionsOf(q)
	if err != nil {
		return err
	}
	answer := wire.State{Node: s.node.Name(), Cluster: s.node.Cluster()}
	var at node.Instant
	switch {
	case q.Entries:
		at, err = s.addEntries(&answer, span)
	case q.Parts > 1:
		at, err = addParts(&answer, func() (node.Instant, []node.Part, error) { return s.node.Split(span, q.Parts) })
	default:
		at, err = addParts(&answer, func() (node.Instant, []node.Part, error) { return s.node.Parts(span, cuts) })
	}
	if err != nil {
		return err
	}
	answer.Fingerprint, answer.Context = at.Fingerprint.String(), at.ContextHash.String()
	return e.answer(answer)
}

// positionsOf returns the span that is asked for and its cuts.
func positionsOf(q wire.StateRequest) (delta.Span, []delta.Key, error) {
	if asked := oneIf(len(q.Cuts) > 0) + oneIf(q.Parts > 0) + oneIf(q.Entries); asked > 1 {
		return delta.Span{}, nil, wire.Errorf(wire.CodeInvalid, "\"cuts\", \"parts\" and \"entries\" exclude each other: give one of them")
	}
	span := delta.Whole
	var err error
	if q.From != "" {
		if span.From, err = parsePosition(q.From); err != nil {
			return delta.Span{}, nil, err
		}
	}
	if q.To != nil {
		if span.To, err = parsePosition(*q.To); err != nil {
			return delta.Span{}, nil, err
		}
	}
	cuts := make([]delta.Key, len(q.Cuts))
	for i, text := range q.Cuts {
		if cuts[i], err = parsePosition(text); err != nil {
			return delta.Span{}, nil, err
		}
	}
	return span, cuts, nil
}

func parsePosition(text string) (delta.Key, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) > delta.KeyBytesMax || text != strings.ToLower(text) {
		return "", wire.Errorf(wire.CodeInvalid, "the position %q is not what an answer of /v1/fingerprints had: copy it whole", shorten(text))
	}
	return delta.Key(b), nil
}

func formatPosition(k delta.Key) string { return hex.EncodeToString([]byte(k)) }

// endOf returns the end of a span as JSON has it.
func endOf(k delta.Key) *string {
	if k >= delta.Whole.To {
		return nil
	}
	text := formatPosition(k)
	return &text
}

func addParts(answer *wire.State, ask func() (node.Instant, []node.Part, error)) (node.Instant, error) {
	at, parts, err := ask()
	for _, p := range parts {
		answer.Parts = append(answer.Parts, wire.Part{
			From: formatPosition(p.Span.From), To: endOf(p.Span.To),
			Records: p.Digest.Count, Sum: fmt.Sprintf("%016x", p.Digest.Sum),
		})
	}
	return at, err
}

func (s *Server) addEntries(answer *wire.State, span delta.Span) (node.Instant, error) {
	at, entries, next, err := s.node.Entries(span)
	if err != nil {
		return at, err
	}
	for _, x := range entries {
		entry, err := entryOf(x)
		if err != nil {
			return at, err
		}
		answer.Entries = append(answer.Entries, entry)
	}
	if next < span.To {
		answer.Next = formatPosition(next)
	}
	return at, nil
}

func entryOf(x delta.Entry) (wire.StateEntry, error) {
	e := wire.StateEntry{Position: formatPosition(x.Key)}
	e.Records, e.Sum = x.Records(), delta.FingerprintOf(x).Sum.String()
	switch {
	case x.Key.IsClaim():
		claim, err := x.Key.Claim()
		if err != nil {
			return e, err
		}
		bounds := wire.BoundsOf(claim.Range)
		e.Type, e.Keyspace, e.Node, e.Bounds, e.Priority = wire.StateClaim, claim.Keyspace, claim.Node, &bounds, x.Counter.Value()
	case x.Key.IsNode():
		e.Type, e.Node = wire.StateNode, x.Node.Name
		e.Address, e.Labels, e.Retired = x.Node.Service, labelsOf(x.Node.Labels), x.Node.Retired
	default:
		r, err := x.Key.Forgotten()
		if err != nil {
			return e, err
		}
		e.Type, e.Replica = wire.StateForgotten, r.String()
	}
	return e, nil
}
