package ranges

import (
	"errors"
	"fmt"
	"strings"
)

// KeyBytesMax bounds a key and the bounds of a range, in bytes.
const KeyBytesMax = 4096

// Errors of this package, wrapped with the offending value.
var (
	// ErrInvalid is wrapped by every refusal of a range, a claim or a name.
	ErrInvalid = errors.New("invalid")
)

// End is the exclusive upper bound of a range: a key, or beyond every key.
// "Beyond every key" is explicit and never spelled as an empty key; the zero
// End is the bound before every key, which no valid range has.
type End struct {
	// Key is the first key that is not in the range. Empty if Unbounded.
	Key string
	// Unbounded says that the range has every key from its start on.
	Unbounded bool
}

// Before returns the end that excludes key and everything after it.
func Before(key string) End { return End{Key: key} }

// Unbounded returns the end beyond every key.
func Unbounded() End { return End{Unbounded: true} }

// Compare orders ends by the keys they exclude: bytewise, unbounded last.
func (e End) Compare(other End) int {
	switch {
	case e.Unbounded && other.Unbounded:
		return 0
	case e.Unbounded:
		return +1
	case other.Unbounded:
		return -1
	}
	return strings.Compare(e.Key, other.Key)
}

// After reports whether key lies before the end, that is, is not excluded.
func (e End) After(key string) bool { return e.Unbounded || key < e.Key }

// Range is a half-open interval [From, To) of keys ordered bytewise. An empty
// From is the beginning of the key space. The zero Range is empty and invalid.
type Range struct {
	From string
	To   End
}

// Everything returns the range of all keys.
func Everything() Range { return Range{To: Unbounded()} }

// Single returns the range that has exactly one key: [key, key+"\x00").
func Single(key string) Range { return Range{From: key, To: Before(key + "\x00")} }

// Prefix returns the range of all keys that begin with prefix.
func Prefix(prefix string) Range {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return Range{From: prefix, To: Before(prefix[:i] + string([]byte{prefix[i] + 1}))}
		}
	}
	return Range{From: prefix, To: Unbounded()}
}

// Contains reports whether key is in r.
func (r Range) Contains(key string) bool { return r.From <= key && r.To.After(key) }

// Covers reports whether every key of other is in r.
func (r Range) Covers(other Range) bool {
	return r.From <= other.From && other.To.Compare(r.To) <= 0
}

// Overlaps reports whether some key is in both r and other.
func (r Range) Overlaps(other Range) bool {
	return r.To.After(other.From) && other.To.After(r.From)
}

// IsEmpty reports whether r has no key.
func (r Range) IsEmpty() bool { return !r.To.After(r.From) }

// Intersect returns the keys that are in both r and other; it may be empty.
func (r Range) Intersect(other Range) Range {
	out := Range{From: max(r.From, other.From), To: r.To}
	if other.To.Compare(out.To) < 0 {
		out.To = other.To
	}
	return out
}

// Compare orders ranges by From, then by To.
func (r Range) Compare(other Range) int {
	if c := strings.Compare(r.From, other.From); c != 0 {
		return c
	}
	return r.To.Compare(other.To)
}

// Validate refuses empty and reversed ranges and bounds that are too long.
func (r Range) Validate() error {
	switch {
	case len(r.From) > KeyBytesMax:
		return fmt.Errorf("%w range: the start has %d bytes, at most %d are allowed", ErrInvalid, len(r.From), KeyBytesMax)
	case len(r.To.Key) > KeyBytesMax && r.To.Key != r.From+"\x00": // the range of one longest key is a range
		return fmt.Errorf("%w range: the end has %d bytes, at most %d are allowed", ErrInvalid, len(r.To.Key), KeyBytesMax)
	case r.To.Unbounded && r.To.Key != "":
		return fmt.Errorf("%w range: the end is both unbounded and a key", ErrInvalid)
	case r.To.Unbounded:
		return nil
	case r.To.Key == r.From:
		return fmt.Errorf("%w range: it is empty, the start equals the end", ErrInvalid)
	case r.To.Key < r.From:
		return fmt.Errorf("%w range: it is reversed, the end lies before the start", ErrInvalid)
	}
	return nil
}
