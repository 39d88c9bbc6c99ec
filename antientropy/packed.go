package antientropy

import (
	"encoding/binary"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// Questions and answers about ranges are many small numbers and suffixes of
// keys, of which CBOR takes a third for its heads. So they go as one string of
// bytes:
//
//	number  a varint in groups of seven bits, the lowest first, as short as it can be
//	text    its length as a number, and its bytes
//	sum     8 bytes, big-endian
//
// Whatever is read comes as the very bytes that would be written, as in the
// CBOR around it.

// packer writes them.
type packer []byte

func (p *packer) number(n uint64) { *p = binary.AppendUvarint(*p, n) }
func (p *packer) sum(n uint64)    { *p = binary.BigEndian.AppendUint64(*p, n) }

func (p *packer) text(b []byte) {
	p.number(uint64(len(b)))
	*p = append(*p, b...)
}

// unpacker reads them. The first error stays, and everything is zero after it.
type unpacker struct {
	rest []byte
	err  error
}

func (u *unpacker) isDone() bool { return u.err != nil || len(u.rest) == 0 }

func (u *unpacker) fail(what string) {
	u.rest = nil
	if u.err == nil {
		u.err = fmt.Errorf("%w ranges: %s", delta.ErrCorrupt, what)
	}
}

func (u *unpacker) number() uint64 {
	n, size := binary.Uvarint(u.rest)
	switch {
	case size <= 0:
		u.fail("no number")
		return 0
	case size > 1 && u.rest[size-1] == 0:
		u.fail("a number that is longer than it must be")
		return 0
	}
	u.rest = u.rest[size:]
	return n
}

// count reads how many items follow, each of so many bytes at least.
func (u *unpacker) count(bytesMin int) int {
	n := u.number()
	if n > uint64(len(u.rest)/bytesMin) {
		u.fail(fmt.Sprintf("%d items in %d bytes", n, len(u.rest)))
		return 0
	}
	return int(n)
}

func (u *unpacker) text() []byte {
	n := u.count(1)
	b := u.rest[:n:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) sum() uint64 {
	if len(u.rest) < 8 {
		u.fail("no sum")
		return 0
	}
	n := binary.BigEndian.Uint64(u.rest)
	u.rest = u.rest[8:]
	return n
}

// packSpans writes the spans of a question. What is said of the digest comes
// with those alone of which it is to be compared.
func packSpans(spans []packedSpan) []byte {
	var p packer
	for _, x := range spans {
		p.number(x.FromShared<<stanceBits | uint64(x.Stance))
		p.text(x.From)
		p.number(x.ToShared)
		p.text(x.To)
		if x.Stance == stanceCompare {
			p.number(x.Count)
			p.sum(x.Sum)
		}
	}
	return p
}

// unpackSpans reads what packSpans wrote.
func unpackSpans(b []byte) ([]packedSpan, error) {
	u := unpacker{rest: b}
	var out []packedSpan
	for !u.isDone() {
		if len(out) == rangeSpansMax {
			return nil, fmt.Errorf("%w request: more than %d spans", delta.ErrCorrupt, rangeSpansMax)
		}
		n := u.number()
		x := packedSpan{FromShared: n >> stanceBits, Stance: stance(n & (1<<stanceBits - 1))}
		x.From, x.ToShared, x.To = u.text(), u.number(), u.text()
		if x.Stance == stanceCompare {
			x.Count, x.Sum = u.number(), u.sum()
		}
		out = append(out, x)
	}
	return out, u.err
}

// packAnswers writes what is said about spans.
func packAnswers(answers []packedAnswer) []byte {
	var p packer
	for _, a := range answers {
		p.answer(a)
	}
	return p
}

func (p *packer) answer(a packedAnswer) {
	p.number(uint64(a.Verdict))
	switch a.Verdict {
	case VerdictSplit:
		p.number(uint64(len(a.Children)))
		for _, c := range a.Children {
			p.number(c.Shared)
			p.text(c.Suffix)
			p.sum(c.Sum)
		}
	case VerdictEntries:
		p.text(a.Cut)
		p.number(uint64(len(a.Entries)))
		for _, e := range a.Entries {
			p.number(e.Shared)
			p.text(e.Suffix)
			p.text(e.Value)
		}
	}
}

// unpackAnswers reads what packAnswers wrote.
func unpackAnswers(b []byte) ([]packedAnswer, error) {
	u := unpacker{rest: b}
	var out []packedAnswer
	for !u.isDone() {
		if len(out) == rangeSpansMax {
			return nil, fmt.Errorf("%w answer: about more than %d spans", delta.ErrCorrupt, rangeSpansMax)
		}
		out = append(out, u.answer())
	}
	return out, u.err
}

func (u *unpacker) answer() packedAnswer {
	v := u.number()
	if v > uint64(VerdictEntries) {
		u.fail(fmt.Sprintf("verdict %d", v))
	}
	a := packedAnswer{Verdict: Verdict(v)}
	switch a.Verdict {
	case VerdictSplit:
		n := u.count(childBytesMin)
		if n > splitMax {
			u.fail(fmt.Sprintf("%d children", n))
			return a
		}
		a.Children = make([]packedChild, n)
		for i := range a.Children {
			a.Children[i] = packedChild{Shared: u.number(), Suffix: u.text(), Sum: u.sum()}
		}
	case VerdictEntries:
		a.Cut = u.text()
		a.Entries = make([]entryArray, u.count(entryBytesMin))
		for i := range a.Entries {
			a.Entries[i] = entryArray{Shared: u.number(), Suffix: u.text(), Value: u.text()}
		}
	}
	return a
}

const (
	// stanceBits is how many bits a stance takes, below a number.
	stanceBits = 2
	// childBytesMin and entryBytesMin are how many bytes a child and an entry
	// take at least.
	childBytesMin, entryBytesMin = 1 + 1 + 8, 1 + 1 + 1
)
