package antientropy

import "github.com/scalesmall/ssnode/delta"

// serveRange answers about spans.
func (c *Core) serveRange(from string, body []byte) error {
	b, err := decodeBody[rangeBody](body)
	if err != nil {
		return err
	}
	spans, about, err := b.unpack()
	if err != nil {
		return err
	}
	request := ReadRequest{
		Kind: ReadCompare, Spans: spans, asked: about,
		BytesMax: c.options.RangeBytesMax, FanOut: int(b.FanOut), LeafRecords: int(b.Leaf),
	}
	c.serve(from, request, func(r ReadResult) {
		c.counters.RangesServed += uint64(len(spans))
		c.answer(from, b.ID, c.rangeAnswerOf(b, spans, about, r))
	})
	return nil
}

func (c *Core) rangeAnswerOf(b rangeBody, spans []delta.Span, about []asked, r ReadResult) rangeAnswer {
	state := r.Instant.Fingerprint.Sum.Lo
	same := state == b.State
	packed := make([]packedAnswer, len(spans))
	for i, s := range spans {
		packed[i] = packSpanAnswer(s, r.Spans[i], same && about[i].Stance == stanceKnown)
	}
	a := rangeAnswer{Sender: c.senderAt(b.Known, r.Instant), Spans: packAnswers(packed)}
	if !same {
		a.State = &state
	}
	return a
}

// serveSketch answers with symbols of the sketch.
func (c *Core) serveSketch(from string, body []byte) error {
	b, err := decodeBody[sketchBody](body)
	if err != nil {
		return err
	}
	if err := b.validate(); err != nil {
		return err
	}
	request := ReadRequest{Kind: ReadSymbols, From: int(b.From), To: int(b.To), Digest: Digest{Count: b.Count, Sum: b.Sum}}
	c.serve(from, request, func(r ReadResult) {
		c.counters.SymbolsServed += uint64(len(r.Symbols))
		root := r.Instant.Fingerprint
		c.answer(from, b.ID, sketchAnswer{
			Sender: c.senderAt(b.Known, r.Instant), Count: root.Count, Sum: root.Sum.Bytes(), Symbols: packSymbols(r.Symbols),
		})
	})
	return nil
}

// serveFetch answers with the entries that elements stand for.
func (c *Core) serveFetch(from string, body []byte) error {
	b, err := decodeBody[fetchBody](body)
	if err != nil {
		return err
	}
	elements, err := unpackElements(b.Elements)
	if err != nil {
		return err
	}
	request := ReadRequest{Kind: ReadLocate, Elements: elements, BytesMax: c.options.RangeBytesMax}
	c.serve(from, request, func(r ReadResult) {
		c.counters.ElementsServed += uint64(r.Done)
		c.answer(from, b.ID, fetchAnswer{
			Sender: c.senderAt(b.Known, r.Instant), Done: uint64(r.Done), Entries: packEntries("", r.Entries),
		})
	})
	return nil
}
