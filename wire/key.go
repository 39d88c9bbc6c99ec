package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scalesmall/ssnode/ranges"
)

// The schemes of the text form of keys.
const (
	schemeHex    = "hex:"
	schemeBase64 = "base64:"
	schemeText   = "text:"
	schemeU64    = "u64:"
	schemeU32    = "u32:"
)

var schemes = []string{schemeHex, schemeBase64, schemeText, schemeU64, schemeU32}

// Form is how a keyspace prefers its keys to be written.
type Form string

// The display forms. A key that does not fit the form of its keyspace is
// written as if the form were FormText.
const (
	FormText Form = "text" // printable UTF-8 as it is, anything else in hex
	FormHex  Form = "hex"  // hex:…
	FormU64  Form = "u64"  // keys of 8 bytes as u64:N
	FormU32  Form = "u32"  // keys of 4 bytes as u32:N
)

// ParseForm reads the name of a display form; "" is FormText.
func ParseForm(s string) (Form, error) {
	switch f := Form(s); f {
	case "":
		return FormText, nil
	case FormText, FormHex, FormU64, FormU32:
		return f, nil
	}
	return "", Errorf(CodeInvalid, "unknown display form %q: use text, hex, u64 or u32", s)
}

// Format returns the text of key in the form f. Whatever the form, ParseKey
// reads it back. The empty key is always the empty text.
func (f Form) Format(key string) string {
	switch {
	case key == "":
		return ""
	case f == FormHex:
		return formatHex(key)
	case f == FormU64 && len(key) == 8:
		return schemeU64 + strconv.FormatUint(binary.BigEndian.Uint64([]byte(key)), 10)
	case f == FormU32 && len(key) == 4:
		return schemeU32 + strconv.FormatUint(uint64(binary.BigEndian.Uint32([]byte(key))), 10)
	}
	return FormatKey(key)
}

// FormatKey returns the text of key: itself if it is printable UTF-8, after
// text: if it would otherwise be taken for a scheme; anything else in hex.
func FormatKey(key string) string {
	switch {
	case !isPrintable(key):
		return formatHex(key)
	case hasScheme(key):
		return schemeText + key
	}
	return key
}

func formatHex(key string) string { return schemeHex + hex.EncodeToString([]byte(key)) }

func isPrintable(s string) bool {
	if isGraphicASCII(s) { // mostly
		return true
	}
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func isGraphicASCII(s string) bool {
	for i := range len(s) {
		if s[i]-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

func hasScheme(s string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// ParseKey reads the text of a key in any form: plain, hex:, base64:, text:,
// u64: or u32:. For every key of at most ranges.KeyBytesMax bytes,
// ParseKey(f.Format(key)) is key. A plain text must be printable UTF-8, so
// that a stray line end or a broken encoding is noticed. O(len(text)).
func ParseKey(text string) (string, error) { return parseKey(text, ranges.KeyBytesMax) }

func parseKey(text string, keyBytesMax int) (string, error) {
	if len(text) > 2*keyBytesMax+len(schemeBase64) {
		return "", errKeyTooLong(len(text))
	}
	key, err := decodeKey(text)
	if err == nil && len(key) > keyBytesMax {
		return "", errKeyTooLong(len(key))
	}
	return key, err
}

// errKeyTooLong names the limit of keys also for a bound, which may be longer
// by the one byte that makes the end of a single longest key.
func errKeyTooLong(n int) error {
	return Errorf(CodeInvalid, "the key is too long: %d bytes, at most %d are allowed", n, ranges.KeyBytesMax)
}

func decodeKey(text string) (string, error) {
	scheme, rest := cutScheme(text)
	switch scheme {
	case schemeHex:
		return decodeHex(rest)
	case schemeBase64:
		return decodeBase64(rest)
	case schemeU64:
		return decodeUint(scheme, rest, 64)
	case schemeU32:
		return decodeUint(scheme, rest, 32)
	}
	if !isPrintable(rest) {
		return "", Errorf(CodeInvalid, "the key %q is not printable UTF-8: write it as %s", shown(rest), shown(formatHex(rest)))
	}
	return rest, nil
}

// shown cuts a long key for an error, which is read by people.
func shown(text string) string {
	const bytesMax = 80
	if len(text) <= bytesMax {
		return text
	}
	return strings.ToValidUTF8(text[:bytesMax], "") + "…"
}

func cutScheme(text string) (scheme, rest string) {
	for _, scheme := range schemes {
		if rest, ok := strings.CutPrefix(text, scheme); ok {
			return scheme, rest
		}
	}
	return "", text
}

func decodeHex(digits string) (string, error) {
	b, err := hex.DecodeString(digits)
	if err != nil {
		return "", Errorf(CodeInvalid, "the key %q is not hexadecimal: write two digits 0-9 a-f for each byte, or text:… for a key that begins with \"hex:\"", shown(schemeHex+digits))
	}
	return string(b), nil
}

// decodeBase64 takes the standard and the URL alphabet, with and without
// padding, but no line ends, which the decoder would skip.
func decodeBase64(s string) (string, error) {
	std := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.Strict().DecodeString(std)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return "", Errorf(CodeInvalid, "the key %q is not base64: write hex:… instead, or text:… for a key that begins with \"base64:\"", shown(schemeBase64+s))
	}
	return string(b), nil
}

func decodeUint(scheme, digits string, bits int) (string, error) {
	n, err := strconv.ParseUint(digits, 10, bits)
	if err != nil {
		return "", Errorf(CodeInvalid, "the key %q is not a number of %d bits: write %s and a decimal number from 0 to %d", shown(scheme+digits), bits, scheme, uint64(1)<<bits-1)
	}
	if bits == 32 {
		return string(binary.BigEndian.AppendUint32(nil, uint32(n))), nil
	}
	return string(binary.BigEndian.AppendUint64(nil, n)), nil
}
