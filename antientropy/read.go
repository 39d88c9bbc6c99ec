package antientropy

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Source is one instant of a replica: its entries, what it knows beside them,
// and its log. All methods are of the same instant.
//
// A Source that can tell fingerprints of spans without reading them implements
// Summaries as well, one that keeps a sketch Sketched: see WithFingerprints.
type Source interface {
	delta.Reader
	// Instant returns what the replica knows beside its entries.
	Instant() Instant
	// Log returns consecutive events of origin from a sequence on, as many as
	// fit in bytesMax, but at least one delta if the log has the event asked
	// for. The first delta may begin before it. It ends at the first event
	// that the log does not have; what lies behind that is never returned as
	// if it were all.
	Log(origin crdt.ReplicaID, from uint64, bytesMax int) ([]delta.Packed, error)
}

// Summaries answers about spans from something better than a scan.
type Summaries interface {
	// FingerprintOf returns the fingerprint of the entries in a span.
	FingerprintOf(delta.Span) (delta.Fingerprint, error)
	// Split partitions a span into at most fanOut adjacent spans of about as
	// many records each, ascending, with their fingerprints.
	Split(s delta.Span, fanOut int) ([]Child, error)
}

// Sketched answers from a sketch of all entries.
type Sketched interface {
	// Symbols returns symbols from one to another, or to the last there is.
	Symbols(from, to int) []Symbol
	// Locate visits the entries that elements stand for, as far as there are
	// any.
	Locate(elements []Element, visit func(Element, delta.Entry) error) error
}

// WithFingerprints returns from with Summaries and Sketched, answered from what kept
// returns, which must be of the same instant. It is not asked before it is needed.
func WithFingerprints(from Source, kept func() *Fingerprints) Source {
	return fingerprinted{from, kept}
}

type fingerprinted struct {
	Source
	kept func() *Fingerprints
}

func (s fingerprinted) FingerprintOf(span delta.Span) (delta.Fingerprint, error) {
	return s.kept().FingerprintOf(s.Source, span)
}

func (s fingerprinted) Split(span delta.Span, fanOut int) ([]Child, error) {
	return s.kept().Split(s.Source, span, fanOut)
}

func (s fingerprinted) Symbols(from, to int) []Symbol { return s.kept().Symbols(from, to) }

func (s fingerprinted) Locate(elements []Element, visit func(Element, delta.Entry) error) error {
	return s.kept().Locate(s.Source, elements, visit)
}

// Instant is what a replica knows beside its entries, at one instant: fields
// of delta.Replica. Nobody changes its contexts.
type Instant struct {
	ID          crdt.ReplicaID
	Context     crdt.Context
	Ahead       crdt.Context
	ContextHash delta.Sum
	Fingerprint delta.Fingerprint
	InSession   bool
}

// InstantOf returns a copy of what a replica knows now.
func InstantOf(r *delta.Replica) Instant {
	return Instant{
		ID: r.ID, Context: r.Context.Clone(), Ahead: r.Ahead.Clone(),
		ContextHash: r.ContextHash, Fingerprint: r.Fingerprint, InSession: r.InSession(),
	}
}

// ReadKind says what a read is for.
type ReadKind uint8

// The kinds of reads; the values name the fields of ReadRequest they use.
const (
	// ReadLog reads Wants from the log, BytesMax together.
	ReadLog ReadKind = 1 + iota
	// ReadFingerprints reads the fingerprints of Spans.
	ReadFingerprints
	// ReadCompare compares Spans with their digests elsewhere and says more
	// about those that differ: BytesMax of entries together, FanOut children,
	// LeafRecords.
	ReadCompare
	// ReadEntries reads the entries of Spans, BytesMax together.
	ReadEntries
	// ReadHistory reads the deltas about Range that the log has behind After,
	// BytesMax together.
	ReadHistory
	// ReadSymbols reads symbols of the sketch From one To another, unless the
	// whole state has Digest.
	ReadSymbols
	// ReadLocate reads the entries that Elements stand for, BytesMax together.
	ReadLocate
	// ReadDifference finds out what a state of fingerprint Root with Symbols
	// has that this one has not, and the contrary.
	ReadDifference
)

// String returns the name of the kind.
func (k ReadKind) String() string {
	names := [...]string{"log", "fingerprints", "compare", "entries", "history", "symbols", "locate", "difference"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("read(%d)", uint8(k))
	}
	return names[k-1]
}

// Want asks for the events of one origin from a sequence on.
type Want struct {
	Origin crdt.ReplicaID
	From   uint64
}

// ReadRequest asks for something to be read, all of it of one instant.
type ReadRequest struct {
	ID   uint64
	Kind ReadKind

	Wants       []Want
	Spans       []delta.Span
	BytesMax    int
	FanOut      int
	LeafRecords int
	// asked is what is known of each of Spans where it comes from; nil says that
	// all of them differ.
	asked []asked

	After uint64
	Range KeyRange

	From, To int
	Digest   Digest
	Elements []Element
	Root     delta.Fingerprint
	Symbols  []Symbol
}

// ReadResult answers a ReadRequest.
type ReadResult struct {
	ID uint64
	// Instant is the one at which everything was read.
	Instant Instant
	// Log has the deltas for each of Wants.
	Log [][]delta.Packed
	// Fingerprints has one for each of Spans.
	Fingerprints []delta.Fingerprint
	// Spans has a verdict for each of Spans.
	Spans []SpanAnswer
	// Symbols are those asked for, as far as they are kept.
	Symbols []Symbol
	// Entries are those that the first Done of Elements stand for, as far as
	// there are any, ascending by key.
	Entries []PackedEntry
	Done    int
	// Difference is what a sketch has told, nil if it was not enough.
	Difference *Difference
	// Err says that nothing could be read.
	Err error

	history historyRead
}

// Run answers the request from one instant.
func (r ReadRequest) Run(from Source) ReadResult {
	result := ReadResult{ID: r.ID, Instant: from.Instant()}
	switch r.Kind {
	case ReadLog:
		result.Log, result.Err = r.readLog(from)
	case ReadFingerprints:
		result.Fingerprints, result.Err = r.readFingerprints(from)
	case ReadCompare, ReadEntries:
		result.Spans, result.Err = r.readSpans(from)
	case ReadHistory:
		result.history, result.Err = r.readHistory(from)
	case ReadSymbols:
		result.Symbols = r.readSymbols(from, result.Instant)
	case ReadLocate:
		result.Entries, result.Done, result.Err = r.readLocate(from)
	case ReadDifference:
		result.Difference, result.Err = r.readDifference(from, result.Instant)
	default:
		result.Err = fmt.Errorf("unknown kind of read %d", r.Kind)
	}
	return result
}

// readLog shares the budget: the first origin that has something is served
// whatever its size, so that every answer makes progress.
func (r ReadRequest) readLog(from Source) ([][]delta.Packed, error) {
	out := make([][]delta.Packed, len(r.Wants))
	left := r.BytesMax
	for i, w := range r.Wants {
		if left <= 0 {
			break
		}
		deltas, err := from.Log(w.Origin, w.From, left)
		if err != nil {
			return nil, fmt.Errorf("read log of %s from %d: %w", w.Origin, w.From, err)
		}
		for _, p := range deltas {
			left -= len(p.Bytes)
		}
		out[i] = deltas
	}
	return out, nil
}

func (r ReadRequest) readFingerprints(from Source) ([]delta.Fingerprint, error) {
	out := make([]delta.Fingerprint, len(r.Spans))
	for i, s := range r.Spans {
		f, err := fingerprintOf(from, s)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

// Answered gives the Core the result of a read.
func (c *Core) Answered(r ReadResult) {
	then, ok := c.reads[r.ID]
	if !ok {
		return
	}
	delete(c.reads, r.ID)
	if r.Err != nil {
		c.counters.ReadsFailed++
		c.notice(Notice{Kind: NoticeReadFailed, Err: r.Err})
	}
	then(r)
}

// read asks for a read; then is called with its result.
func (c *Core) read(r ReadRequest, then func(ReadResult)) {
	c.lastRead++
	r.ID = c.lastRead
	c.reads[r.ID] = then
	c.ready.Reads = append(c.ready.Reads, r)
}
