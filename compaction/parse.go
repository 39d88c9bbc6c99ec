package compaction

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit is a suffix of a number and what it multiplies it with.
type unit struct {
	suffix string
	factor uint64
}

// The units, largest first.
var (
	ageUnits  = []unit{{"h", hour}, {"m", minute}, {"s", second}, {"ms", 1}}
	sizeUnits = []unit{{"TiB", tib}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}}
)

// ParseRetention reads an age and a size such as "168h,256MiB". Ages are whole
// numbers of h, m, s and ms, several of them from large to small if need be
// ("1h30m"); sizes are a whole number of B, KiB, MiB, GiB or TiB.
func ParseRetention(s string) (Retention, error) {
	age, size, ok := strings.Cut(s, ",")
	if !ok {
		return Retention{}, fmt.Errorf("%w %q: want an age and a size, such as 168h,256MiB", ErrInvalid, s)
	}
	milliseconds, err := parseSum(age, ageUnits)
	if err != nil || milliseconds > math.MaxInt64 {
		return Retention{}, fmt.Errorf("%w %q: the age %q is not a sum of h, m, s and ms, such as 168h or 1h30m", ErrInvalid, s, age)
	}
	bytes, err := parseTerm(size, sizeUnits)
	if err != nil {
		return Retention{}, fmt.Errorf("%w %q: the size %q is not a number of B, KiB, MiB, GiB or TiB, such as 256MiB", ErrInvalid, s, size)
	}
	r := Retention{Age: int64(milliseconds), Bytes: bytes}
	return r, r.Validate()
}

// String returns what ParseRetention reads.
func (r Retention) String() string { return formatAge(r.Age) + "," + formatSize(r.Bytes) }

func formatAge(age int64) string {
	if age <= 0 {
		return strconv.FormatInt(age, 10) + "ms"
	}
	var b strings.Builder
	rest := uint64(age)
	for _, u := range ageUnits {
		if n := rest / u.factor; n > 0 {
			b.WriteString(strconv.FormatUint(n, 10) + u.suffix)
			rest -= n * u.factor
		}
	}
	return b.String()
}

func formatSize(bytes uint64) string {
	for _, u := range sizeUnits {
		if bytes >= u.factor && bytes%u.factor == 0 {
			return strconv.FormatUint(bytes/u.factor, 10) + u.suffix
		}
	}
	return "0B"
}

// parseSum reads terms whose units descend.
func parseSum(s string, units []unit) (uint64, error) {
	var sum uint64
	for s != "" {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		end := digits + len(s[digits:]) - len(strings.TrimLeft(s[digits:], "hms"))
		term, err := parseTerm(s[:end], units)
		if err != nil || sum > math.MaxUint64-term {
			return 0, ErrInvalid
		}
		sum += term
		_, units = unitOf(s[:end], units)
		if s = s[end:]; s == "" {
			return sum, nil
		}
	}
	return 0, ErrInvalid
}

// parseTerm reads one number with its unit.
func parseTerm(s string, units []unit) (uint64, error) {
	u, _ := unitOf(s, units)
	n, err := strconv.ParseUint(strings.TrimSuffix(s, u.suffix), 10, 64)
	if err != nil || u.factor == 0 || n > math.MaxUint64/u.factor {
		return 0, ErrInvalid
	}
	return n * u.factor, nil
}

// unitOf returns the unit that a term ends with, and those below it.
func unitOf(s string, units []unit) (unit, []unit) {
	suffix := strings.TrimLeft(s, "0123456789")
	for i, u := range units {
		if u.suffix == suffix {
			return u, units[i+1:]
		}
	}
	return unit{}, nil
}
