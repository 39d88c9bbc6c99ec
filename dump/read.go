package dump

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// ErrCorrupt is wrapped by every refusal of a dump.
var ErrCorrupt = errors.New("corrupt dump")

// LineError says which line of a dump is wrong, and why. It wraps ErrCorrupt.
type LineError struct {
	// Line counts from 1.
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d of the dump: %v", e.Line, e.Err) }

// Unwrap returns ErrCorrupt and the cause.
func (e *LineError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// LineBytesMax bounds one line.
const LineBytesMax = 256 << 20

// lines reads a dump line by line.
type lines struct {
	r *bufio.Reader
	// number is that of the last line read, from 1.
	number int
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its end, and io.EOF after the last. A
// last line without end is taken as it is: if it was cut off, it is not JSON.
func (l *lines) next() ([]byte, error) {
	l.number++
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > LineBytesMax:
			return nil, fmt.Errorf("it has more than %d bytes", LineBytesMax)
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return nil, err
		}
	}
}

// wrong says that something is wrong with the last line read.
func (l *lines) wrong(err error) error { return &LineError{Line: l.number, Err: err} }

// taker is handed what a dump has, in order. What it refuses becomes an error
// about the line.
type taker interface {
	Seen(crdt.ReplicaID, uint64) error
	Ahead(crdt.ReplicaID, uint64) error
	Entry(delta.Entry) error
	Delta(p delta.Packed, appliedAt int64) error
}

// reader checks the lines of a dump, each by itself and all together.
type reader struct {
	to taker

	meta Meta
	// place is where in the order of types the last line was, last what it was
	// about.
	place int
	last  string
	count End
	sum   delta.Fingerprint
	hash  hash.Hash
	ended bool
}

func newReader() *reader { return &reader{to: refuser{}, hash: sha256.New()} }

// all reads what follows up to the end.
func (r *reader) all(l *lines) error {
	for {
		text, err := l.next()
		switch {
		case errors.Is(err, io.EOF) && r.ended:
			return nil
		case errors.Is(err, io.EOF):
			return l.wrong(errors.New("it ends without its last line, of type \"end\": it was cut off"))
		case err != nil:
			return l.wrong(err)
		}
		if err := r.take(text); err != nil {
			return l.wrong(err)
		}
	}
}

var errNotALine = errors.New(`it is not a JSON object with a "type" that is a text`)

// places are the types in the order in which they come; lines of one place
// may be repeated, ascending.
var places = map[string]int{
	typeMeta: 1, typeContext: 2, typeAhead: 3, typeClaim: 4, typeNode: 5, typeForgotten: 6, typeDelta: 7, typeEnd: 8,
}

// take reads one line.
func (r *reader) take(text []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return errNotALine
	}
	place, ok := places[head.Type]
	switch {
	case !ok:
		return fmt.Errorf("unknown type %q", head.Type)
	case r.ended:
		return fmt.Errorf("a line of type %q follows the end", head.Type)
	case place < r.place || place == r.place && place == places[typeMeta]:
		return fmt.Errorf("a line of type %q may not come here", head.Type)
	case place > r.place:
		r.place, r.last = place, ""
	}
	if err := r.takeAs(head.Type, text); err != nil {
		return err
	}
	r.hash.Write(text)
	r.hash.Write([]byte{'\n'})
	return nil
}

func (r *reader) takeAs(as string, text []byte) error {
	switch as {
	case typeMeta:
		return decode(text, r.takeMeta)
	case typeContext:
		return decode(text, func(s Seen) error { r.count.Replicas++; return r.takeSeen(s, r.to.Seen) })
	case typeAhead:
		return decode(text, func(s Seen) error { return r.takeSeen(s, r.to.Ahead) })
	case typeClaim:
		return decode(text, func(c Claim) error { return r.takeEntry(c.entry()) })
	case typeNode:
		return decode(text, func(n Node) error { return r.takeEntry(n.entry()) })
	case typeForgotten:
		return decode(text, func(f Forgotten) error { return r.takeEntry(f.entry()) })
	case typeDelta:
		return decode(text, r.takeDelta)
	}
	return decode(text, r.takeEnd)
}

// decode reads a line strictly and hands it on.
func decode[T any](text []byte, take func(T) error) error {
	var line T
	if err := wire.Unmarshal(text, &line); err != nil {
		return err
	}
	return take(line)
}

func (r *reader) takeMeta(m Meta) error {
	switch {
	case m.Format > Format:
		return fmt.Errorf("it was written by a newer version of ssnode, in format %d; this one reads up to %d", m.Format, Format)
	case m.Format < 1:
		return fmt.Errorf("the format %d does not exist", m.Format)
	}
	if err := errors.Join(ranges.ValidateName("cluster", m.Cluster), ranges.ValidateName("node", m.Node)); err != nil {
		return err
	}
	r.meta = m
	_, err := crdt.ParseReplicaID(m.Replica)
	return err
}

func (r *reader) takeSeen(s Seen, take func(crdt.ReplicaID, uint64) error) error {
	id, err := crdt.ParseReplicaID(s.Replica)
	if err != nil {
		return err
	}
	if err := (crdt.Dot{Replica: id, Sequence: s.Sequence}).Validate(); err != nil {
		return err
	}
	if s.Sequence > sequenceMax {
		return fmt.Errorf("the sequence %d is out of bounds", s.Sequence)
	}
	if err := r.ascend(s.Replica); err != nil {
		return err
	}
	return take(id, s.Sequence)
}

// sequenceMax is the highest sequence that a store takes.
const sequenceMax = 1 << 62

func (r *reader) takeEntry(e delta.Entry, err error) error {
	if err != nil {
		return err
	}
	if err := r.ascend(string(e.Key)); err != nil {
		return err
	}
	r.count.add(e.Key)
	r.sum = r.sum.Plus(delta.FingerprintOf(e))
	return r.to.Entry(e)
}

func (r *reader) takeDelta(d Delta) error {
	p, err := d.unpack()
	if err != nil {
		return err
	}
	r.count.Deltas++
	return r.to.Delta(p, d.AppliedAt)
}

// takeEnd compares what there was with what the last line says.
func (r *reader) takeEnd(e End) error {
	r.ended = true
	r.count.Type, r.count.Fingerprint = typeEnd, r.sum.String()
	r.count.SHA256 = hex.EncodeToString(r.hash.Sum(nil))
	if e != r.count {
		return fmt.Errorf("it says that there are %s, but there were %s: lines are missing or were changed", e, r.count)
	}
	return nil
}

// ascend refuses what does not come after the last of its kind.
func (r *reader) ascend(key string) error {
	if r.last != "" && key <= r.last {
		return errors.New("it is out of order, or there twice")
	}
	r.last = key
	return nil
}
