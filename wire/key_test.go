package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

var forms = []Form{FormText, FormHex, FormU64, FormU32}

// keyGen draws keys of all sorts: bytes, text, schemes, and what a range needs
// for itself.
func keyGen() *rapid.Generator[string] {
	bytes := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) })
	special := rapid.SampledFrom([]string{"", " ", ",", "[", ")", "\\", "-inf", "+inf", "null", "\"", "ü", "\u00a0", "\u200b", "\ufffd", "\xff", "="})
	scheme := rapid.SampledFrom(schemes)
	join := func(a, b *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string { return a.Draw(t, "head") + b.Draw(t, "tail") })
	}
	return rapid.OneOf(bytes, rapid.String(), special, join(scheme, bytes), join(scheme, rapid.String()), join(special, rapid.String()), join(rapid.String(), special))
}

func TestForm_Format_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, form := keyGen().Draw(t, "key"), rapid.SampledFrom(forms).Draw(t, "form")
		text := form.Format(key)
		if !utf8.ValidString(text) || !isPrintable(text) {
			t.Fatalf("%s.Format(%q) = %q, which does not print", form, key, text)
		}
		back, err := ParseKey(text)
		if err != nil || back != key {
			t.Fatalf("ParseKey(%q) = %q, %v; want %q", text, back, err, key)
		}
		if isPrintable(key) && !hasScheme(key) && FormatKey(key) != key {
			t.Fatalf("FormatKey(%q) = %q, not as it is", key, FormatKey(key))
		}
	})
}

// TestParseKey_AnyScheme: every key can be given in hex, base64 and, where it
// has the width, as a number.
func TestParseKey_AnyScheme(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := keyGen().Draw(t, "key")
		b := []byte(key)
		texts := []string{
			schemeHex + hex.EncodeToString(b), schemeHex + strings.ToUpper(hex.EncodeToString(b)),
			schemeBase64 + base64.StdEncoding.EncodeToString(b), schemeBase64 + base64.RawStdEncoding.EncodeToString(b),
			schemeBase64 + base64.URLEncoding.EncodeToString(b), schemeBase64 + base64.RawURLEncoding.EncodeToString(b),
		}
		if isPrintable(key) {
			texts = append(texts, schemeText+key)
		}
		for _, text := range texts {
			if got, err := ParseKey(text); err != nil || got != key {
				t.Fatalf("ParseKey(%q) = %q, %v; want %q", text, got, err, key)
			}
		}
	})
}

// TestForm_Format_NumbersInOrder: the text of a number is that number, and keys
// are in its order.
func TestForm_Format_NumbersInOrder(t *testing.T) {
	for text, want := range map[string]string{
		"u64:0":                    "\x00\x00\x00\x00\x00\x00\x00\x00",
		"u64:18446744073709551615": "\xff\xff\xff\xff\xff\xff\xff\xff",
		"u32:66051":                "\x00\x01\x02\x03",
	} {
		if got, err := ParseKey(text); err != nil || got != want {
			t.Errorf("ParseKey(%q) = %q, %v", text, got, err)
		}
		form, _, _ := strings.Cut(text, ":")
		if got := Form(form).Format(want); got != text {
			t.Errorf("%s.Format(%q) = %q, want %q", form, want, got, text)
		}
	}
	if got := FormU64.Format(string(binary.BigEndian.AppendUint32(nil, 7))); got != "hex:00000007" {
		t.Errorf("a key of another width is written %q", got)
	}
}

func TestParseKey_Invalid(t *testing.T) {
	for _, text := range []string{
		"hex:f", "hex:0g", "hex: 00", "base64:A", "base64:AB==C", "base64:AAE\n", "base64:AAF=", "u64:", "u64:-1", "u64:+1", "u64:1.0", "u64:0x1",
		"u64:18446744073709551616", "u32:4294967296", "u32:1_0", "line end\n", "\xff", "text:\x00", "tab\t",
		strings.Repeat("k", ranges.KeyBytesMax+1), "hex:" + strings.Repeat("00", ranges.KeyBytesMax+1),
	} {
		if key, err := ParseKey(text); CodeOf(err) != CodeInvalid || key != "" {
			t.Errorf("ParseKey(%.40q) = %.20q, %v", text, key, err)
		}
	}
	for _, key := range []string{strings.Repeat("k", ranges.KeyBytesMax), strings.Repeat("\x00", ranges.KeyBytesMax)} {
		if got, err := ParseKey(FormatKey(key)); err != nil || got != key {
			t.Errorf("a longest key: %v", err)
		}
	}
}

// TestParseKey_SaysWhatToWrite: a stray line end is answered with the text that
// would have meant it.
func TestParseKey_SaysWhatToWrite(t *testing.T) {
	_, err := ParseKey("a\n")
	if err == nil || !strings.Contains(err.Error(), "hex:610a") {
		t.Errorf("the error is %v", err)
	}
}

func TestParseForm_Names(t *testing.T) {
	for _, form := range forms {
		if got, err := ParseForm(string(form)); err != nil || got != form {
			t.Errorf("ParseForm(%q) = %q, %v", form, got, err)
		}
	}
	if got, err := ParseForm(""); err != nil || got != FormText {
		t.Errorf("the default is %q, %v", got, err)
	}
	if _, err := ParseForm("u16"); CodeOf(err) != CodeInvalid {
		t.Errorf("ParseForm(u16): %v", err)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"", "a", "hex:00", "base64:AAE=", "text:hex:", "u64:1", "u32:1", "hex:0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid || key != "" {
				t.Fatalf("ParseKey(%q) = %q, %v", text, key, err)
			}
			return
		}
		for _, form := range forms {
			if back, err := ParseKey(form.Format(key)); err != nil || back != key {
				t.Fatalf("ParseKey(%q) = %q, %v; want %q", form.Format(key), back, err, key)
			}
		}
	})
}
