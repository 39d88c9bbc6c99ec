package delta

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The few forms of CBOR (RFC 8949) that records are made of, written and read
// without reflection: a restart decodes and hashes every record there is, and
// every write does for the claims it touches. What these write is byte for byte
// what Marshal writes, and what they read is what Unmarshal admits; tests hold
// them to that.

// The major types, in the upper three bits of a head.
const (
	majorUint     = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorText     = 3 << 5
	majorArray    = 4 << 5

	majorMask = 7 << 5

	null = 0xf6
)

// appendHead appends a head in its shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// headBytes returns how many bytes the head of n has.
func headBytes(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	case n < 1<<32:
		return 5
	}
	return 9
}

// intBytes returns how many bytes an integer has.
func intBytes(n int64) int { return headBytes(uint64(n ^ n>>63)) }

// AppendArray appends the head of an array of n elements, which follow.
func AppendArray(b []byte, n uint64) []byte { return appendHead(b, majorArray, n) }

// AppendUint appends an unsigned integer.
func AppendUint(b []byte, n uint64) []byte { return appendHead(b, majorUint, n) }

// AppendInt appends an integer.
func AppendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, majorNegative, uint64(-(n + 1)))
	}
	return appendHead(b, majorUint, uint64(n))
}

// AppendBytes appends a byte string.
func AppendBytes[T []byte | string](b []byte, value T) []byte {
	return append(appendHead(b, majorBytes, uint64(len(value))), value...)
}

// AppendNull appends what stands for a value that is not there.
func AppendNull(b []byte) []byte { return append(b, null) }

// DecodeList decodes an array of byte strings, of which nil is written as null, if it
// has no more values than valuesMax. They share the memory of b.
func DecodeList(b []byte, valuesMax int) ([][]byte, error) { return DecodeListInto(nil, b, valuesMax) }

// DecodeListInto is DecodeList for who has room for the values, which is used if they fit.
func DecodeListInto(room [][]byte, b []byte, valuesMax int) ([][]byte, error) {
	r := reader{data: b}
	n := r.array()
	if n > uint64(min(valuesMax, r.left())) {
		r.fail("%d values, at most %d are allowed", n, valuesMax)
		return nil, r.err
	}
	values := slices.Grow(room[:0], int(n))[:n]
	clear(values)
	for i := range values {
		if r.isNull() {
			continue
		}
		if values[i] = r.string(majorBytes); r.err != nil {
			return nil, r.err
		}
	}
	return values, r.end()
}

// AppendStamped appends an array of a time and a byte string.
func AppendStamped(b []byte, at int64, value []byte) []byte {
	return AppendBytes(AppendInt(AppendArray(b, 2), at), value)
}

// StampedBytes returns how many bytes AppendStamped appends, for a value of so many.
func StampedBytes(at int64, valueBytes int) int {
	var head [1 + 9 + 9]byte
	return len(appendHead(AppendInt(AppendArray(head[:0], 2), at), majorBytes, uint64(valueBytes))) + valueBytes
}

// DecodeStamped decodes what AppendStamped has written. The value shares the memory of
// b.
func DecodeStamped(b []byte) (at int64, value []byte, err error) {
	r := reader{data: b}
	if n := r.array(); n != 2 {
		r.fail("%d elements, want 2", n)
	}
	at, value = r.int(), r.string(majorBytes)
	return at, value, r.end()
}

// IsStamped reports whether b is what AppendStamped has written, if it is that or a
// list as DecodeList reads it.
func IsStamped(b []byte) bool {
	const stamped = majorArray | 2
	return len(b) > 1 && b[0] == stamped && (b[1]&majorMask == majorUint || b[1]&majorMask == majorNegative)
}

func appendText(b []byte, value string) []byte {
	return append(appendHead(b, majorText, uint64(len(value))), value...)
}

// reader reads what the functions above wrote. Its first error stays; after it
// every value is zero. It counts where it is: to cut what is left at every number would
// store a pointer each time, of which the collector of garbage has to be told.
type reader struct {
	data []byte
	at   int
	err  error
}

// left returns how many bytes are left.
func (r *reader) left() int { return len(r.data) - r.at }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
	}
	r.at = len(r.data)
}

// head reads a head of one of two major types, in its shortest form.
func (r *reader) head(major, or byte) (found byte, n uint64) {
	if r.left() == 0 {
		r.fail("it ends too early")
		return major, 0
	}
	first := r.data[r.at]
	found, short := first&majorMask, first&^byte(majorMask)
	if found != major && found != or {
		r.fail("byte %#02x is of another type than expected", first)
		return major, 0
	}
	if short < 24 {
		r.at++
		return found, uint64(short)
	}
	return found, r.long(short)
}

// isShort reports whether a number below 24 is next, which is its byte.
func (r *reader) isShort() bool { return r.at < len(r.data) && r.data[r.at] < 24 }

// long reads the number after a head that says how long it is.
func (r *reader) long(short byte) (n uint64) {
	size := 1 << (short - 24)
	if short > 27 || r.left() < 1+size {
		r.fail("a number ends too early")
		return 0
	}
	for _, b := range r.data[r.at+1 : r.at+1+size] {
		n = n<<8 | uint64(b)
	}
	r.at += 1 + size
	if size == 1 && n < 24 || size > 1 && n>>(4*size) == 0 {
		r.fail("a number is not in its shortest form")
		return 0
	}
	return n
}

func (r *reader) array() uint64 {
	_, n := r.head(majorArray, majorArray)
	return n
}

func (r *reader) uint() uint64 {
	if r.isShort() {
		r.at++
		return uint64(r.data[r.at-1])
	}
	_, n := r.head(majorUint, majorUint)
	return n
}

func (r *reader) int() int64 {
	if r.isShort() {
		r.at++
		return int64(r.data[r.at-1])
	}
	major, n := r.head(majorUint, majorNegative)
	switch {
	case n > 1<<63-1:
		r.fail("a number does not fit")
		return 0
	case major == majorNegative:
		return -1 - int64(n)
	}
	return int64(n)
}

// string reads a byte string or a text of any length. It shares its memory.
func (r *reader) string(major byte) []byte {
	_, size := r.head(major, major)
	if size > uint64(r.left()) {
		r.fail("a string of %d bytes does not fit", size)
		return nil
	}
	return r.take(int(size))
}

// text reads a text, which is valid UTF-8.
func (r *reader) text() string {
	value := r.string(majorText)
	if !utf8.Valid(value) {
		r.fail("a text is not UTF-8")
	}
	return string(value)
}

// isNull reports whether null is next, and goes on behind it.
func (r *reader) isNull() bool {
	if r.left() == 0 || r.data[r.at] != null {
		return false
	}
	r.at++
	return true
}

// bytes reads a byte string of exactly size bytes. It shares their memory.
func (r *reader) bytes(size int) []byte {
	_, n := r.head(majorBytes, majorBytes)
	if r.err == nil && (n != uint64(size) || r.left() < size) {
		r.fail("a byte string has %d bytes, want %d", n, size)
	}
	if r.err != nil {
		return nil
	}
	return r.take(size)
}

// take returns the next bytes, as many as are left at most.
func (r *reader) take(size int) []byte {
	r.at += size
	return r.data[r.at-size : r.at : r.at]
}

// end returns the first error, also if anything is left.
func (r *reader) end() error {
	if r.err == nil && r.left() > 0 {
		r.fail("%d bytes follow", r.left())
	}
	return r.err
}
