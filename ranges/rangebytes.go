package ranges

import "strings"

// RangeBytes is a Range whose bounds are in memory that may be used again, as where many
// are looked at and few are kept. Only one that is not empty stands for a range.
type RangeBytes struct {
	From, To []byte
	// Unbounded says that there is no end; To is empty then.
	Unbounded bool
}

// BytesOf returns r in memory of its own.
func BytesOf(r Range) RangeBytes {
	return RangeBytes{From: []byte(r.From), To: []byte(r.To.Key), Unbounded: r.To.Unbounded}
}

// Range returns the range, in memory of its own, both bounds in one piece.
func (r RangeBytes) Range() Range {
	if r.Unbounded {
		return Range{From: string(r.From), To: Unbounded()}
	}
	var b strings.Builder // to add strings up would copy long ones first
	b.Grow(len(r.From) + len(r.To))
	b.Write(r.From)
	b.Write(r.To)
	both := b.String()
	return Range{From: both[:len(r.From)], To: Before(both[len(r.From):])}
}

// EndsIn reports whether the range ends where end is, or before.
func (r RangeBytes) EndsIn(end End) bool {
	return end.Unbounded || !r.Unbounded && string(r.To) <= end.Key
}
