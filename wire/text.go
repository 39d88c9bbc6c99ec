package wire

import (
	"strconv"
	"strings"

	"github.com/scalesmall/ssnode/ranges"
)

// The bounds that are not keys, in the text of a range.
const (
	textBeginning = "-inf"
	textUnbounded = "+inf"
)

// reservedInRange are the characters that the text of a range needs for
// itself; a key that has one of them is written in another scheme there.
const reservedInRange = `,[]()\`

// FormatRange returns r as "[a, m)", with -inf and +inf for the bounds that
// are not keys. A key that has a comma, a bracket, a backslash or a space at
// either end is written in hex, one that is itself "-inf" or "+inf" as text:,
// so that ParseRange reads back every valid range.
func FormatRange(r ranges.Range) string { return FormText.FormatRange(r) }

// FormatRange returns r as "[a, m)", its keys in the form f.
func (f Form) FormatRange(r ranges.Range) string {
	from, to := textBeginning, textUnbounded
	if r.From != "" {
		from = f.formatBound(r.From)
	}
	if !r.To.Unbounded {
		to = f.formatBound(r.To.Key)
	}
	return "[" + from + ", " + to + ")"
}

func (f Form) formatBound(key string) string {
	text := f.Format(key)
	switch {
	case text == textBeginning || text == textUnbounded:
		return schemeText + text
	case strings.ContainsAny(text, reservedInRange) || strings.Trim(text, " ") != text:
		return formatHex(key)
	}
	return text
}

// ParseRange reads "[from,to)": two bounds in the text form of keys, spaces
// around each ignored. From may be empty or -inf for the beginning, to is +inf
// for a range without end. A key that has a comma, a bracket or a backslash
// must be given as hex:, so there is one way only to read a text.
func ParseRange(text string) (ranges.Range, error) {
	inner, ok := strings.CutPrefix(strings.Trim(text, " "), "[")
	if !ok {
		return ranges.Range{}, errRangeText(text)
	}
	if inner, ok = strings.CutSuffix(inner, ")"); !ok {
		return ranges.Range{}, errRangeText(text)
	}
	from, to, ok := strings.Cut(inner, ",")
	if !ok || strings.ContainsAny(from, reservedInRange) || strings.ContainsAny(to, reservedInRange) {
		return ranges.Range{}, errRangeText(text)
	}
	return parseBounds(strings.Trim(from, " "), strings.Trim(to, " "))
}

func parseBounds(from, to string) (ranges.Range, error) {
	switch {
	case from == textUnbounded || to == textBeginning:
		return ranges.Range{}, Errorf(CodeInvalid, "the range from %s to %s has no key: write text:%[1]s or text:%[2]s if they are keys", from, to)
	case to == "":
		return ranges.Range{}, Errorf(CodeInvalid, "the range has no end: write +inf for a range without end")
	}
	var b Bounds
	if from != textBeginning {
		b.From = from
	}
	if to != textUnbounded {
		b.To = &to
	}
	return b.Range()
}

func errRangeText(text string) error {
	return Errorf(CodeInvalid, "the range %q is not of the form [from,to): write for instance [a,m), [-inf,m) or [a,+inf), and a key that has one of %s as hex:…", text, reservedInRange)
}

// ParseClaim reads "KEYSPACE:[from,to)=PRIORITY", the text of a claim without
// its node. A keyspace has no ':' and a range no ')' but its last character, so
// there is one way only to read a text.
func ParseClaim(text string) (ranges.Weighted, error) {
	keyspace, rest, ok := strings.Cut(text, ":")
	interval, priority, closed := strings.Cut(rest, ")=")
	if !ok || !closed {
		return ranges.Weighted{}, Errorf(CodeInvalid, "the claim %q is not of the form KEYSPACE:[from,to)=PRIORITY: write for instance default:[a,m)=10", text)
	}
	if err := invalid(ranges.ValidateName("keyspace", keyspace)); err != nil {
		return ranges.Weighted{}, err
	}
	r, err := ParseRange(interval + ")")
	if err != nil {
		return ranges.Weighted{}, err
	}
	n, err := parseAmount("priority", priority)
	return ranges.Weighted{Claim: ranges.Claim{Keyspace: keyspace, Range: r}, Priority: n}, err
}

// FormatClaim returns what ParseClaim reads.
func FormatClaim(keyspace string, r ranges.Range, priority int64) string {
	return keyspace + ":" + FormatRange(r) + "=" + strconv.FormatInt(priority, 10)
}

func parseAmount(name, digits string) (int64, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, Errorf(CodeInvalid, "the %s %q is not a whole number: give one from 1 to %d", name, digits, AmountMax)
	}
	return n, validateAmount(name, n)
}

func validateAmount(name string, n int64) error {
	if n < 1 || n > AmountMax {
		return Errorf(CodeInvalid, "the %s %d is out of bounds: give a number from 1 to %d", name, n, AmountMax)
	}
	return nil
}
