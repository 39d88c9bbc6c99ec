package antientropy

import (
	"encoding/binary"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

const (
	symbolBytes  = 8 + 4
	elementBytes = 8
	// symbolsMax bounds the symbols of a sketch that anybody asks for.
	symbolsMax = 1 << 20
	// elementsMax bounds the elements of one request.
	elementsMax = 4096
)

func (b sketchBody) validate() error {
	if b.From >= b.To || b.To > symbolsMax {
		return fmt.Errorf("%w request: symbols %d to %d", delta.ErrCorrupt, b.From, b.To)
	}
	return nil
}

func packSymbols(symbols []Symbol) []byte {
	out := make([]byte, 0, len(symbols)*symbolBytes)
	for _, s := range symbols {
		out = binary.BigEndian.AppendUint64(out, s.Sum)
		out = binary.BigEndian.AppendUint32(out, s.Check)
	}
	return out
}

func unpackSymbols(b []byte) ([]Symbol, error) {
	if len(b)%symbolBytes != 0 {
		return nil, fmt.Errorf("%w answer: symbols of %d bytes", delta.ErrCorrupt, len(b))
	}
	out := make([]Symbol, len(b)/symbolBytes)
	for i := range out {
		at := b[i*symbolBytes:]
		out[i] = Symbol{Sum: binary.BigEndian.Uint64(at), Check: binary.BigEndian.Uint32(at[8:])}
	}
	return out, nil
}

func packElements(elements []Element) []byte {
	out := make([]byte, 0, len(elements)*elementBytes)
	for _, x := range elements {
		out = binary.BigEndian.AppendUint64(out, uint64(x))
	}
	return out
}

func unpackElements(b []byte) ([]Element, error) {
	n := len(b) / elementBytes
	if len(b)%elementBytes != 0 || n == 0 || n > elementsMax {
		return nil, fmt.Errorf("%w request: elements of %d bytes", delta.ErrCorrupt, len(b))
	}
	out := make([]Element, n)
	for i := range out {
		out[i] = Element(binary.BigEndian.Uint64(b[i*elementBytes:]))
		if i > 0 && out[i] <= out[i-1] {
			return nil, fmt.Errorf("%w request: elements are not strictly ascending", delta.ErrCorrupt)
		}
	}
	return out, nil
}

// sketchFindings is a decoded sketchAnswer.
type sketchFindings struct {
	sender
	Root    delta.Fingerprint
	Symbols []Symbol
}

func decodeSketchAnswer(b []byte, symbolsMax int, k known) (sketchFindings, error) {
	var a sketchAnswer
	if err := delta.Unmarshal(b, &a, answerBytesMax); err != nil {
		return sketchFindings{}, err
	}
	out := sketchFindings{Root: delta.Fingerprint{Count: a.Count, Sum: delta.SumOf(a.Sum)}}
	var err error
	if out.sender, err = a.Sender.unpack(k); err != nil {
		return sketchFindings{}, err
	}
	out.Symbols, err = unpackSymbols(a.Symbols)
	if err == nil && len(out.Symbols) > symbolsMax {
		err = fmt.Errorf("%w answer: %d symbols, asked for %d", delta.ErrCorrupt, len(out.Symbols), symbolsMax)
	}
	return out, err
}

// fetchFindings is a decoded fetchAnswer.
type fetchFindings struct {
	sender
	Done    int
	Entries []delta.Entry
}

// decodeFetchAnswer decodes an answer about elements. Each entry is one of those
// that were asked for.
func decodeFetchAnswer(b []byte, elements []Element, k known) (fetchFindings, error) {
	var a fetchAnswer
	if err := delta.Unmarshal(b, &a, answerBytesMax); err != nil {
		return fetchFindings{}, err
	}
	if a.Done == 0 || a.Done > uint64(len(elements)) || uint64(len(a.Entries)) > a.Done {
		return fetchFindings{}, fmt.Errorf("%w answer: %d entries of %d elements", delta.ErrCorrupt, len(a.Entries), a.Done)
	}
	out := fetchFindings{Done: int(a.Done)}
	var err error
	if out.sender, err = a.Sender.unpack(k); err != nil {
		return fetchFindings{}, err
	}
	if out.Entries, err = unpackEntries("", a.Entries, delta.Whole); err != nil {
		return fetchFindings{}, err
	}
	contents := make(map[uint64]struct{}, out.Done)
	for _, x := range elements[:out.Done] {
		contents[x.content()] = struct{}{}
	}
	for _, e := range out.Entries {
		x := elementOf(0, delta.FingerprintOf(e))
		if _, ok := contents[x.content()]; !ok {
			return fetchFindings{}, fmt.Errorf("%w answer: nobody has asked for the entry %q", delta.ErrCorrupt, e.Key)
		}
	}
	return out, nil
}
