package node

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

const (
	// CutsMax bounds into how many parts a span is cut in one answer.
	CutsMax = 256
	// entriesMax and entriesBytesMax bound the entries of one answer.
	entriesMax      = 256
	entriesBytesMax = 256 << 10
)

// Part is a span of the state and the digest of what it holds.
type Part struct {
	Span   delta.Span
	Digest antientropy.Digest
}

// Instant says of which instant of this node an answer is.
type Instant struct {
	// ContextHash names what the node had seen: equal hashes, equal events.
	ContextHash delta.Sum
	// Fingerprint is that of the whole state.
	Fingerprint delta.Fingerprint
}

// Parts cuts a span at keys, ascending within it, and returns the digests of
// the parts, all of one instant. Two nodes that are cut alike differ in a part
// if its digests do: so a difference is found by its fingerprints alone.
func (n *Node) Parts(span delta.Span, cuts []delta.Key) (Instant, []Part, error) {
	if len(cuts) >= CutsMax {
		return Instant{}, nil, fmt.Errorf("%w: %d cuts, at most %d are allowed", delta.ErrInvalid, len(cuts), CutsMax-1)
	}
	if err := span.Validate(); err != nil {
		return Instant{}, nil, fmt.Errorf("%w positions: they are empty, reversed or too long", delta.ErrInvalid)
	}
	parts := []Part{{Span: span}}
	for _, cut := range cuts {
		last := &parts[len(parts)-1]
		if cut <= last.Span.From || cut >= span.To {
			return Instant{}, nil, fmt.Errorf("%w cuts: they do not ascend within the span", delta.ErrInvalid)
		}
		last.Span.To = cut
		parts = append(parts, Part{Span: delta.Span{From: cut, To: span.To}})
	}
	q := antientropy.ReadRequest{Kind: antientropy.ReadFingerprints}
	for _, p := range parts {
		q.Spans = append(q.Spans, p.Span)
	}
	result, err := n.answerRead(q)
	if err != nil {
		return Instant{}, nil, err
	}
	for i, f := range result.Fingerprints {
		parts[i].Digest = antientropy.DigestOf(f)
	}
	return instantOf(result), parts, nil
}

// Split cuts a span where this node sees fit, into about so many parts of about
// as many records each. A span that cannot be cut comes back whole.
func (n *Node) Split(span delta.Span, parts int) (Instant, []Part, error) {
	if parts < 2 || parts > CutsMax {
		return Instant{}, nil, fmt.Errorf("%w: %d parts, 2 to %d are possible", delta.ErrInvalid, parts, CutsMax)
	}
	result, err := n.answerRead(antientropy.ReadRequest{
		Kind: antientropy.ReadCompare, Spans: []delta.Span{span}, LeafRecords: 1, FanOut: parts, BytesMax: 1,
	})
	if err != nil {
		return Instant{}, nil, err
	}
	var out []Part
	for _, child := range result.Spans[0].Children {
		out = append(out, Part(child))
	}
	if len(out) < 2 {
		return n.Parts(span, nil)
	}
	return instantOf(result), out, nil
}

// answerRead answers a question of the protocol for somebody else.
func (n *Node) answerRead(q antientropy.ReadRequest) (antientropy.ReadResult, error) {
	if err := q.Spans[0].Validate(); err != nil {
		return antientropy.ReadResult{}, fmt.Errorf("%w positions: they are empty, reversed or too long", delta.ErrInvalid)
	}
	result := n.protocol.read(read{ReadRequest: q})
	return result, result.Err
}

func instantOf(r antientropy.ReadResult) Instant {
	return Instant{ContextHash: r.Instant.ContextHash, Fingerprint: r.Instant.Fingerprint}
}

// Entries returns the first entries of a span, all of one instant, and where
// the rest begins: the end of the span if there is none.
func (n *Node) Entries(span delta.Span) (Instant, []delta.Entry, delta.Key, error) {
	if err := span.Validate(); err != nil {
		return Instant{}, nil, "", fmt.Errorf("%w positions: they are empty, reversed or too long", delta.ErrInvalid)
	}
	var (
		entries []delta.Entry
		at      Instant
		next    = span.To
		bytes   int
	)
	err := n.store.View(func(v *store.View) error {
		at = Instant{ContextHash: v.Summary().ContextHash, Fingerprint: v.Summary().Fingerprint}
		return v.Scan(span, func(e delta.Entry) error {
			if len(entries) == entriesMax || bytes > entriesBytesMax {
				next = e.Key
				return errEnough
			}
			bytes += len(e.Key) + 64*e.Records()
			entries = append(entries, e)
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, entries, next, explain(err)
}
