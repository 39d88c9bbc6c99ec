package wire

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

func rangeGen() *rapid.Generator[ranges.Range] {
	return rapid.Custom(func(t *rapid.T) ranges.Range {
		a, b := keyGen().Draw(t, "a"), keyGen().Draw(t, "b")
		switch {
		case a == b:
			return ranges.Single(a)
		case rapid.IntRange(0, 4).Draw(t, "unbounded") == 0:
			return ranges.Range{From: a, To: ranges.Unbounded()}
		}
		return ranges.Range{From: min(a, b), To: ranges.Before(max(a, b))}
	})
}

func TestForm_FormatRange_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, form := rangeGen().Draw(t, "range"), rapid.SampledFrom(forms).Draw(t, "form")
		text := form.FormatRange(r)
		for _, variant := range []string{text, " " + strings.ReplaceAll(text, ", ", ",") + " "} {
			if back, err := ParseRange(variant); err != nil || back != r {
				t.Fatalf("ParseRange(%q) = %v, %v; want %v", variant, back, err, r)
			}
		}
	})
}

func TestForm_Bounds_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, form := rangeGen().Draw(t, "range"), rapid.SampledFrom(forms).Draw(t, "form")
		text, err := Marshal(form.Bounds(r))
		if err != nil {
			t.Fatal(err)
		}
		var b Bounds
		if err := Unmarshal(text, &b); err != nil {
			t.Fatalf("Unmarshal(%s): %v", text, err)
		}
		if back, err := b.Range(); err != nil || back != r {
			t.Fatalf("%s is %v, %v; want %v", text, back, err, r)
		}
	})
}

func TestFormatRange_Text(t *testing.T) {
	for want, r := range map[string]ranges.Range{
		"[a, m)":                  {From: "a", To: ranges.Before("m")},
		"[a, +inf)":               {From: "a", To: ranges.Unbounded()},
		"[-inf, m)":               {To: ranges.Before("m")},
		"[-inf, +inf)":            ranges.Everything(),
		"[text:+inf, text:-inf)":  {From: "+inf", To: ranges.Before("-inf")},
		"[hex:00, hex:0000)":      {From: "\x00", To: ranges.Before("\x00\x00")},
		"[hex:612c62, hex:615d)":  {From: "a,b", To: ranges.Before("a]")},
		"[hex:2061, hex:2062)":    {From: " a", To: ranges.Before(" b")},
		"[hex:5c, a b)":           {From: "\\", To: ranges.Before("a b")},
		"[text:hex:, text:hex:0)": {From: "hex:", To: ranges.Before("hex:0")},
	} {
		if got := FormatRange(r); got != want {
			t.Errorf("FormatRange(%v) = %q, want %q", r, got, want)
		}
	}
}

func TestParseRange_Invalid(t *testing.T) {
	for _, text := range []string{
		"", "a,m", "[a,m]", "(a,m)", "[a m)", "[a,b,m)", "[a,)", "[a,+inf", "[m,a)", "[a,a)", "[+inf,m)", "[a,-inf)", "[!,-inf)", "[a,[m)", "[a\\,m)",
		"[hex:0,m)", "[a,hex:)", "[a,text:)", "[a\n,m)",
	} {
		if r, err := ParseRange(text); CodeOf(err) != CodeInvalid {
			t.Errorf("ParseRange(%q) = %v, %v", text, r, err)
		}
	}
	if r, err := ParseRange("[,m)"); err != nil || r != (ranges.Range{To: ranges.Before("m")}) {
		t.Errorf("an empty start: %v, %v", r, err)
	}
}

// TestBounds_Range_LongestKey: the range of one longest key has a text, though
// its end is longer than a key may be.
func TestBounds_Range_LongestKey(t *testing.T) {
	for _, key := range []string{strings.Repeat("k", ranges.KeyBytesMax), strings.Repeat("\xff", ranges.KeyBytesMax)} {
		r := ranges.Single(key)
		if back, err := BoundsOf(r).Range(); err != nil || back != r {
			t.Errorf("bounds of a longest key: %v", err)
		}
		if back, err := ParseRange(FormatRange(r)); err != nil || back != r {
			t.Errorf("range of a longest key: %v", err)
		}
	}
}

func TestParseClaim_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rangeGen().Draw(t, "range")
		keyspace := rapid.SampledFrom([]string{"default", "k]s)=1", "ü", "="}).Draw(t, "keyspace")
		priority := rapid.Int64Range(1, AmountMax).Draw(t, "priority")
		text := FormatClaim(keyspace, r, priority)
		got, err := ParseClaim(text)
		if err != nil || got.Keyspace != keyspace || got.Range != r || got.Priority != priority || got.Node != "" {
			t.Fatalf("ParseClaim(%q) = %v, %v", text, got, err)
		}
	})
}

func TestParseClaim_Invalid(t *testing.T) {
	for _, text := range []string{
		"", "default", "default:[a,m)", "[a,m)=1", ":[a,m)=1", "a b:[a,m)=1", "a,b:[a,m)=1", "default:[a,m)=", "default:[a,m)=0", "default:[a,m)=-1",
		"default:[a,m)=1.5", "default:[a,m)=1e3", "default:[a,m)=2147483648", "default:[m,a)=1", "default:a,m)=1", "default:[a,m)=1)=2", "default:[a,m)==1",
	} {
		if c, err := ParseClaim(text); CodeOf(err) != CodeInvalid {
			t.Errorf("ParseClaim(%q) = %v, %v", text, c, err)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"[a,m)", "[-inf, +inf)", "[hex:00,u64:1)", "[text:-inf,text:+inf)", "[,m)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatalf("ParseRange(%q): %v", text, err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("ParseRange(%q) = %v: %v", text, r, err)
		}
		if back, err := ParseRange(FormatRange(r)); err != nil || back != r {
			t.Fatalf("ParseRange(%q) = %v, %v; want %v", FormatRange(r), back, err, r)
		}
	})
}

func FuzzParseClaim(f *testing.F) {
	for _, text := range []string{"default:[a,m)=10", "ks:[hex:00,+inf)=1", "a:[b:c,d)=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseClaim(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatalf("ParseClaim(%q): %v", text, err)
			}
			return
		}
		c.Node = "n1"
		if err := c.Validate(); err != nil || c.Priority < 1 {
			t.Fatalf("ParseClaim(%q) = %v: %v", text, c, err)
		}
		back, err := ParseClaim(FormatClaim(c.Keyspace, c.Range, c.Priority))
		if back.Node = "n1"; err != nil || back != c {
			t.Fatalf("ParseClaim(%q) = %v; again %v, %v", text, c, back, err)
		}
	})
}
