package delta

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The encoded forms are arrays in CBOR's Core Deterministic Encoding (RFC 8949
// 4.2.1). Decoders refuse everything else: unknown lengths, tags, floats,
// duplicates, invalid UTF-8, and any byte string that the encoder would not
// have written, so that equal values are equal bytes. docs/storage-format.md
// has the tables.

// arrayElementsMax bounds the elements of one array on decoding. The bytes
// are bounded before: an element has at least one.
const arrayElementsMax = 1 << 17

var (
	encoder = mustEncMode()
	decoder = mustDecMode()
)

func mustEncMode() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
}

func mustDecMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  arrayElementsMax,
		MaxMapPairs:       16,
		UTF8:              cbor.UTF8RejectInvalid,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
}

// Marshal encodes one of the array forms of this module. It panics on a type
// that has no encoding, which only a programming error can bring about.
func Marshal(v any) []byte {
	b, err := encoder.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return b
}

// Unmarshal decodes into v what Marshal wrote, and nothing else: bytes that
// are longer than bytesMax, or that Marshal would have written differently,
// are refused with an error that wraps ErrCorrupt.
func Unmarshal(b []byte, v any, bytesMax int) error {
	if len(b) > bytesMax {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrCorrupt, len(b), bytesMax)
	}
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	if !bytes.Equal(Marshal(v), b) {
		return fmt.Errorf("%w: not in canonical form", ErrCorrupt)
	}
	return nil
}
